/// How training data become examples.
public enum ExampleForm: Equatable, Sendable {
    /// A prompt and its answer.
    case prompts
    /// A fixed number of consecutive tokens of a text. A shorter rest at the end of the text is left out.
    case blocks(of: Int)
    /// A line of a text, truncated to at most this many tokens.
    case lines(upTo: Int)

    /// The word for examples of this form, in the plural.
    public var noun: String {
        switch self {
        case .prompts: "prompts"
        case .blocks: "blocks"
        case .lines: "lines"
        }
    }

    /// The greatest number of tokens in an example of a text; nil for prompts.
    public var length: Int? {
        switch self {
        case .prompts: nil
        case .blocks(let length), .lines(let length): length
        }
    }

    /// The same form with another length.
    public func with(length: Int) -> ExampleForm {
        switch self {
        case .prompts: .prompts
        case .blocks: .blocks(of: length)
        case .lines: .lines(upTo: length)
        }
    }
}

extension ExampleForm: Codable {
    private enum Kind: String, Codable { case prompts, blocks, lines }

    private enum CodingKeys: String, CodingKey { case kind, length }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(Kind.self, forKey: .kind) {
        case .prompts: self = .prompts
        case .blocks: self = .blocks(of: try container.decode(Int.self, forKey: .length))
        case .lines: self = .lines(upTo: try container.decode(Int.self, forKey: .length))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(noun, forKey: .kind)
        try container.encodeIfPresent(length, forKey: .length)
    }
}
