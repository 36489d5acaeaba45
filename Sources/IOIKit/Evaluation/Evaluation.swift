/// How a model does on prompts of the task: means with their 95 % bootstrap intervals.
public struct Evaluation: Codable, Equatable, Sendable {
    /// The mean of a quantity over prompts, its 95 % interval and the standard deviation of a prompt.
    public struct Estimate: Codable, Equatable, Sendable {
        public let mean: Double
        public let ci95: [Double]
        public let std: Double
    }

    /// The figures of all prompts, or of those of one order or template.
    public struct Summary: Codable, Equatable, Sendable {
        public let count: Int
        /// logit(IO) − logit(S) at END.
        public let logitDifference: Estimate
        /// The share of prompts on which IO has the larger logit of the two names.
        public let accuracy: Double
        /// The share of prompts on which IO has the largest logit of all tokens.
        public let top1: Double
        public let ioProbability: Double
        /// The mean rank of IO among all tokens, from 1.
        public let ioRank: Double
        /// Cross-entropy of the label, in nats.
        public let loss: Double
        /// The intervals of the means above, by their names.
        public let ci95: [String: [Double]]

        enum CodingKeys: String, CodingKey {
            case count
            case logitDifference = "logit_difference"
            case accuracy, top1
            case ioProbability = "io_probability"
            case ioRank = "io_rank"
            case loss, ci95
        }

        init(_ measures: [PromptMeasures], seed: UInt64) {
            func estimate(_ value: (PromptMeasures) -> Double) -> Estimate {
                Estimate(measures.map(value), seed: seed)
            }
            let accuracy = estimate { $0.logitDifference > 0 ? 1 : 0 }
            let top1 = estimate { $0.ioRank == 1 ? 1 : 0 }
            let probability = estimate(\.ioProbability)
            let rank = estimate { Double($0.ioRank) }
            let loss = estimate(\.loss)
            count = measures.count
            logitDifference = estimate(\.logitDifference)
            self.accuracy = accuracy.mean
            self.top1 = top1.mean
            ioProbability = probability.mean
            ioRank = rank.mean
            self.loss = loss.mean
            ci95 = [
                "accuracy": accuracy.ci95, "top1": top1.ci95, "io_probability": probability.ci95,
                "io_rank": rank.ci95, "loss": loss.ci95,
            ]
        }
    }

    public let all: Summary
    /// By who is named first: "ABBA" and "BABA".
    public let byOrder: [String: Summary]
    public let byTemplate: [String: Summary]
    /// One for each prompt, where they were asked for.
    public var perPrompt: [PromptMeasures]?

    public init(_ measures: [PromptMeasures], seed: UInt64, perPrompt: Bool = false) {
        func split(_ key: (PromptMeasures) -> String) -> [String: Summary] {
            Dictionary(grouping: measures, by: key).mapValues { Summary($0, seed: seed) }
        }
        all = Summary(measures, seed: seed)
        byOrder = split(\.order)
        byTemplate = split(\.template)
        self.perPrompt = perPrompt ? measures : nil
    }

    enum CodingKeys: String, CodingKey {
        case byOrder = "by_order"
        case byTemplate = "by_template"
        case perPrompt = "per_prompt"
    }

    // The summary of all prompts stands at the top, beside the splits.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        all = try Summary(from: decoder)
        byOrder = try container.decode([String: Summary].self, forKey: .byOrder)
        byTemplate = try container.decode([String: Summary].self, forKey: .byTemplate)
        perPrompt = try container.decodeIfPresent([PromptMeasures].self, forKey: .perPrompt)
    }

    public func encode(to encoder: any Encoder) throws {
        try all.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(byOrder, forKey: .byOrder)
        try container.encode(byTemplate, forKey: .byTemplate)
        try container.encodeIfPresent(perPrompt, forKey: .perPrompt)
    }
}

extension Evaluation.Estimate {
    init(_ values: [Double], seed: UInt64) {
        let mean = values.reduce(0, +) / Double(values.count)
        let interval = Bootstrap.interval(ofMean: values, seed: seed) ?? mean...mean
        self.init(
            mean: mean, ci95: [interval.lowerBound, interval.upperBound], std: values.standardDeviation
        )
    }
}

/// What decides the results of `ioi eval` beside the model.
public struct EvaluationOptions: Codable, Equatable, Sendable {
    public var prompts: PromptSource

    public init(prompts: PromptSource) { self.prompts = prompts }
}
