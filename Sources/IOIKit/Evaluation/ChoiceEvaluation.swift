/// How a model does on prompts of a ``ChoiceTask``: means with their 95 % bootstrap intervals.
public struct ChoiceEvaluation: Codable, Equatable, Sendable {
    /// The figures of all prompts, or of those of one group or sentence.
    public struct Summary: Codable, Equatable, Sendable {
        public let count: Int
        /// Σ P(right tokens) − Σ P(wrong tokens).
        public let probabilityDifference: Evaluation.Estimate
        /// The share of prompts on which the right tokens together are more probable than the wrong ones.
        public let accuracy: Evaluation.Estimate
        /// Cross-entropy of the label, in nats.
        public let loss: Evaluation.Estimate

        enum CodingKeys: String, CodingKey {
            case count
            case probabilityDifference = "probability_difference"
            case accuracy, loss
        }

        init(_ measures: [ChoiceMeasures], seed: UInt64) {
            count = measures.count
            probabilityDifference = .init(measures.map(\.probabilityDifference), seed: seed)
            accuracy = .init(measures.map { $0.probabilityDifference > 0 ? 1 : 0 }, seed: seed)
            loss = .init(measures.map(\.loss), seed: seed)
        }
    }

    public let all: Summary
    /// By the kind of prompt: the numbers of its nouns, or the decade of its year.
    public let byGroup: [String: Summary]
    public let byTemplate: [String: Summary]
    /// One for each prompt, where they were asked for.
    public var perPrompt: [ChoiceMeasures]?

    public init(_ measures: [ChoiceMeasures], seed: UInt64, perPrompt: Bool = false) {
        func split(_ key: (ChoiceMeasures) -> String) -> [String: Summary] {
            Dictionary(grouping: measures, by: key).mapValues { Summary($0, seed: seed) }
        }
        all = Summary(measures, seed: seed)
        byGroup = split(\.group)
        byTemplate = split(\.template)
        self.perPrompt = perPrompt ? measures : nil
    }

    enum CodingKeys: String, CodingKey {
        case byGroup = "by_group"
        case byTemplate = "by_template"
        case perPrompt = "per_prompt"
    }

    // The summary of all prompts stands at the top, beside the splits.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        all = try Summary(from: decoder)
        byGroup = try container.decode([String: Summary].self, forKey: .byGroup)
        byTemplate = try container.decode([String: Summary].self, forKey: .byTemplate)
        perPrompt = try container.decodeIfPresent([ChoiceMeasures].self, forKey: .perPrompt)
    }

    public func encode(to encoder: any Encoder) throws {
        try all.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(byGroup, forKey: .byGroup)
        try container.encode(byTemplate, forKey: .byTemplate)
        try container.encodeIfPresent(perPrompt, forKey: .perPrompt)
    }
}
