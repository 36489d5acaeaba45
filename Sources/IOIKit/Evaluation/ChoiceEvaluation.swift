/// How a model does on prompts of a ``ChoiceTask``: means with their 95 % bootstrap intervals.
public struct ChoiceEvaluation: Equatable, Sendable {
    /// The figures of all prompts, or of those of one group or sentence.
    public struct Summary: Codable, Equatable, Sendable {
        public let count: Int
        /// Σ P(right tokens) − Σ P(wrong tokens).
        public let probabilityDifference: Estimate
        /// The share of prompts on which the right tokens together are more probable than the wrong ones.
        public let accuracy: Estimate
        /// Cross-entropy of the label, in nats.
        public let loss: Estimate

        enum CodingKeys: String, CodingKey {
            case count
            case probabilityDifference = "probability_difference"
            case accuracy, loss
        }

        init(_ measures: [ChoiceMeasures], seed: UInt64) {
            count = measures.count
            probabilityDifference = .init(meanOf: measures.map(\.probabilityDifference), seed: seed)
            accuracy = .init(meanOf: measures.map { $0.probabilityDifference > 0 ? 1 : 0 }, seed: seed)
            loss = .init(meanOf: measures.map(\.loss), seed: seed)
        }
    }

    public private(set) var all: Summary
    /// By the kind of prompt: the numbers of its nouns, or the decade of its year.
    public private(set) var byGroup: [String: Summary]
    public private(set) var byTemplate: [String: Summary]
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
}

extension ChoiceEvaluation: FieldCoded {
    init() { self.init([], seed: 0) }

    static var fields: [Field<ChoiceEvaluation>] {
        [
            .inline(\.all), .value("by_group", \.byGroup), .value("by_template", \.byTemplate),
            .optional("per_prompt", \.perPrompt),
        ]
    }
}
