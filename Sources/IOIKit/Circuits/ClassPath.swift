/// That the heads of one class hear those of another.
public struct ClassPath: Codable, Equatable, Sendable {
    /// The class that is heard.
    public let from: String
    /// The class that hears it, or `logits`.
    public let to: String
    /// What of the hearing heads is made of it; empty for the logits.
    public let inputs: [Graph.HeadInput]

    public init(from: String, to: String, inputs: [Graph.HeadInput] = []) {
        self.from = from
        self.to = to
        self.inputs = inputs
    }

    enum CodingKeys: CodingKey {
        case from, to, inputs
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        from = try container.decode(String.self, forKey: .from)
        to = try container.decode(String.self, forKey: .to)
        inputs = try container.decodeIfPresent([Graph.HeadInput].self, forKey: .inputs) ?? []
    }
}
