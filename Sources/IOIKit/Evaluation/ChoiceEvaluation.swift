import Foundation

/// A model's performance on the prompts of a task other than IOI.
public struct ChoiceEvaluation: Equatable, Sendable {
    /// Means over all prompts, or over those of one group or template.
    public struct Summary: Codable, Equatable, Sendable {
        public let count: Int
        /// Σ P(right tokens) − Σ P(wrong tokens).
        public let probabilityDifference: Estimate
        /// The share of prompts on which the right tokens together are more probable than the wrong ones.
        public let accuracy: Estimate
        /// Cross-entropy of the label, in nats.
        public let loss: Estimate
        /// The mean logit of the right tokens less that of the wrong ones; nil if a prompt has no wrong ones.
        ///
        /// This and the following are nil in older results.
        public let logitDifference: Estimate?
        /// log Σ P(right tokens), in nats.
        public let logProbability: Estimate?
        /// The share of prompts on which the token with the largest logit is right.
        public let top1: Estimate?

        enum CodingKeys: String, CodingKey {
            case count
            case probabilityDifference = "probability_difference"
            case accuracy, loss
            case logitDifference = "logit_difference"
            case logProbability = "log_probability"
            case top1
        }

        /// The figure of a metric; nil for a divergence, and where it was not measured.
        public subscript(metric: Metric) -> Estimate? {
            switch metric {
            case .logitDifference: logitDifference
            case .probabilityDifference: probabilityDifference
            case .logProbability: logProbability
            case .divergence: nil
            }
        }

        init(_ measures: [ChoiceMeasures], seed: UInt64) {
            count = measures.count
            probabilityDifference = .init(meanOf: measures.map(\.probabilityDifference), seed: seed)
            accuracy = .init(meanOf: measures.map { $0.probabilityDifference > 0 ? 1 : 0 }, seed: seed)
            loss = .init(meanOf: measures.map(\.loss), seed: seed)
            func optional(_ value: (ChoiceMeasures) -> Double?) -> Estimate? {
                let values = measures.compactMap(value)
                return values.isEmpty || values.count < measures.count ? nil : Estimate(meanOf: values, seed: seed)
            }
            logitDifference = optional(\.logitDifference)
            logProbability = optional(\.logProbability)
            top1 = optional { $0.isTop.map { $0 ? 1 : 0 } }
        }
    }

    public private(set) var all = Summary([], seed: 0)
    /// By kind of prompt, such as the grammatical number of its nouns or the decade of its year.
    public private(set) var byGroup: [String: Summary] = [:]
    public private(set) var byTemplate: [String: Summary] = [:]
    /// nil unless requested.
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
    init() {}

    static var fields: [Field<ChoiceEvaluation>] {
        [
            .inline(\.all), .value("by_group", \.byGroup), .value("by_template", \.byTemplate),
            .optional("per_prompt", \.perPrompt),
        ]
    }
}

/// A model's prediction at END of one prompt of a task other than IOI.
public struct ChoiceMeasures: Codable, Equatable, Sendable {
    public let id: Int
    public let template: String
    public let group: String
    /// Σ P(right tokens) − Σ P(wrong tokens): Greater-Than's measure (Hanna, Liu & Variengien 2023, section 2).
    public let probabilityDifference: Double
    /// Cross-entropy of the label, in nats.
    public let loss: Double
    /// The mean logit of the right tokens less that of the wrong ones; nil without wrong ones.
    ///
    /// This and the following are nil in older results.
    public let logitDifference: Double?
    /// log Σ P(right tokens), in nats.
    public let logProbability: Double?
    /// Whether the token with the largest logit is right.
    public let isTop: Bool?
    /// The token with the largest logit.
    public let predictedToken: Int?

    enum CodingKeys: String, CodingKey {
        case id, template, group
        case probabilityDifference = "probability_difference"
        case loss
        case logitDifference = "logit_difference"
        case logProbability = "log_probability"
        case isTop = "top1"
        case predictedToken = "predicted_token"
    }

    /// - Parameter logits: [vocabulary], at END.
    init(_ prompt: Prompt, logits: UnsafeBufferPointer<Float>) {
        let largest = logits.max() ?? 0
        let total = logits.reduce(0.0) { $0 + Foundation.exp(Double($1 - largest)) }
        func probability(_ tokens: [Int]) -> Double {
            tokens.reduce(0.0) { $0 + Foundation.exp(Double(logits[$1] - largest)) } / total
        }
        id = prompt.id
        template = prompt.template
        group = prompt.group
        probabilityDifference = probability(prompt.rightTokens) - probability(prompt.wrongTokens)
        loss = Foundation.log(total) - Double(logits[prompt.answerToken] - largest)
        logitDifference =
            prompt.wrongTokens.isEmpty ? nil : Metric.logitDifference.value(of: prompt, logits: logits)
        logProbability = Metric.logProbability.value(of: prompt, logits: logits)
        isTop = prompt.rightTokens.contains { logits[$0] == largest }
        predictedToken = logits.firstIndex(of: largest)
    }
}
