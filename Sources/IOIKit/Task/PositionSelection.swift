/// One position class, or every position of a prompt.
public enum PositionSelection: Hashable, Sendable, LosslessStringConvertible {
    case one(PositionClass)
    case all

    /// nil where `text` is neither `all` nor the name of a position class.
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

    /// The names that a selection may have, for a user who gave another.
    public static var choices: String { (PositionClass.allCases.map(\.rawValue) + ["all"]).joined(separator: ", ") }

    /// What stands before an `@` and the selection after it, where there is one; nil where that is none.
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
