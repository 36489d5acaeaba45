/// The index of each named position in a prompt's tokens.
public struct Positions: Equatable, Sendable {
    private var indices: [PositionName: Int]

    /// - Parameters:
    ///   - indices: by name; `END` may be missing and is then the last token.
    ///   - count: the number of tokens.
    public init(_ indices: [PositionName: Int], count: Int) {
        self.indices = indices.merging([.end: count - 1]) { own, _ in own }
    }

    /// nil for a name that the prompt does not have.
    public subscript(name: PositionName) -> Int? { indices[name] }

    /// The names, in the order in which their positions come.
    public var names: [PositionName] { inOrder.map(\.name) }

    /// The positions from first to last, with those of equal index in the order of their names.
    public var inOrder: [(name: PositionName, index: Int)] {
        indices.sorted { ($0.value, $0.key.text) < ($1.value, $1.key.text) }.map { ($0.key, $0.value) }
    }

    /// The first name of a position; nil if it has none.
    func name(of index: Int) -> PositionName? { inOrder.first { $0.index == index }?.name }

    /// The positions after `count` tokens are prepended to the prompt.
    func moved(by count: Int) -> Positions { Positions(indices: indices.mapValues { $0 + count }) }

    private init(indices: [PositionName: Int]) { self.indices = indices }
}

extension Positions: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: FieldName.self)
        var indices: [PositionName: Int] = [:]
        for key in container.allKeys {
            guard let name = PositionName(key.stringValue) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key, in: container, debugDescription: "expected \(PositionName.form)")
            }
            indices[name] = try container.decode(Int.self, forKey: key)
        }
        self.init(indices, count: (indices.values.max() ?? 0) + 1)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: FieldName.self)
        for (name, index) in inOrder { try container.encode(index, forKey: FieldName(name.text)) }
    }
}

/// One named position or all positions of a prompt.
public enum PositionSelection: Hashable, Sendable, LosslessStringConvertible {
    case one(PositionName)
    case all

    /// nil unless `text` is `all` or can be the name of a position.
    public init?(_ text: String) {
        if text == "all" {
            self = .all
        } else if let position = PositionName(text) {
            self = .one(position)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .one(let position): position.text
        case .all: "all"
        }
    }

    /// What may be selected, for error messages.
    public static let choices = "the name of a position, such as END, or all"

    /// What precedes an `@` and the selection after it, if there is one; nil if that is no selection.
    static func suffix(of text: String) -> (name: String, selection: PositionSelection?)? {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { return parts.count == 1 ? (text, nil) : nil }
        return PositionSelection(parts[1]).map { (parts[0], $0) }
    }

    /// The selected positions of a prompt of `count` tokens, ascending. The prompt has the name:
    /// `[Prompt].check(_:field:)`.
    func positions(in positions: Positions, count: Int) -> [Int] {
        switch self {
        case .one(let position): [positions[position]!]
        case .all: Array(0..<count)
        }
    }
}

extension PositionSelection: TextCoded {
    package static var form: String { choices }
}
