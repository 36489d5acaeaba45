/// A position that plays the same role in every IOI prompt (Wang et al. 2211.00593, section 2).
public enum PositionClass: String, CaseIterable, Codable, Sendable {
    /// The indirect object.
    case io = "IO"
    /// The first occurrence of the subject.
    case s1 = "S1"
    /// The token after ``s1``.
    case s1Next = "S1+1"
    /// The second occurrence of the subject.
    case s2 = "S2"
    /// The last token, where the answer is predicted.
    case end = "END"
}

/// The index of each ``PositionClass`` in a prompt's tokens.
public struct Positions: Codable, Equatable, Sendable {
    public var io: Int
    public var s1: Int
    public var s1Next: Int
    public var s2: Int
    public var end: Int

    public init(io: Int, s1: Int, s1Next: Int, s2: Int, end: Int) {
        self.io = io
        self.s1 = s1
        self.s1Next = s1Next
        self.s2 = s2
        self.end = end
    }

    public subscript(position: PositionClass) -> Int {
        switch position {
        case .io: io
        case .s1: s1
        case .s1Next: s1Next
        case .s2: s2
        case .end: end
        }
    }

    /// The positions after `count` tokens are prepended to the prompt.
    func moved(by count: Int) -> Positions {
        Positions(io: io + count, s1: s1 + count, s1Next: s1Next + count, s2: s2 + count, end: end + count)
    }

    enum CodingKeys: String, CodingKey {
        case io = "IO"
        case s1 = "S1"
        case s1Next = "S1+1"
        case s2 = "S2"
        case end = "END"
    }
}

/// One position class or all positions of a prompt.
public enum PositionSelection: Hashable, Sendable, LosslessStringConvertible {
    case one(PositionClass)
    case all

    /// nil unless `text` is `all` or the name of a position class.
    public init?(_ text: String) {
        if text == "all" {
            self = .all
        } else if let position = PositionClass(rawValue: text) {
            self = .one(position)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .one(let position): position.rawValue
        case .all: "all"
        }
    }

    /// All names of a selection, for error messages.
    public static var choices: String { (PositionClass.allCases.map(\.rawValue) + ["all"]).joined(separator: ", ") }

    /// What precedes an `@` and the selection after it, if there is one; nil if that is no selection.
    static func suffix(of text: String) -> (name: String, selection: PositionSelection?)? {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { return parts.count == 1 ? (text, nil) : nil }
        return PositionSelection(parts[1]).map { (parts[0], $0) }
    }

    /// The selected positions of a prompt of `count` tokens, ascending.
    func positions(in positions: Positions, count: Int) -> [Int] {
        switch self {
        case .one(let position): [positions[position]]
        case .all: Array(0..<count)
        }
    }
}

extension PositionSelection: TextCoded {
    package static var form: String { "one of \(choices)" }
}
