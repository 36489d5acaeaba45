import Foundation

/// A model's performance on IOI prompts.
public struct Evaluation: Equatable, Sendable {
    /// Means over all prompts, or over those of one name order or template.
    public struct Summary: Equatable, Sendable {
        public private(set) var count = 0
        /// logit(IO) − logit(S) at END.
        public private(set) var logitDifference = Estimate()
        /// The share of prompts on which the logit of IO exceeds that of S.
        public private(set) var accuracy = Estimate()
        /// The share of prompts on which IO has the largest logit of all tokens.
        public private(set) var top1 = Estimate()
        public private(set) var ioProbability = Estimate()
        /// The rank of IO among all tokens, from 1.
        public private(set) var ioRank = Estimate()
        /// Cross-entropy of the label, in nats.
        public private(set) var loss = Estimate()
        /// logit(IO) − logit(S) at END of the counterfactuals, for the prompts' own IO and S.
        ///
        /// This and the following are nil if a prompt lacks the value, or in older results.
        public private(set) var counterfactualLogitDifference: Estimate?
        /// logit(IO) minus the mean logit of the names that the prompt does not mention.
        public private(set) var ioOverNames: Estimate?
        /// The rank of IO among all names, from 1.
        public private(set) var ioRankAmongNames: Estimate?

        init(_ measures: [PromptMeasures], seed: UInt64) {
            func estimate(_ value: (PromptMeasures) -> Double) -> Estimate {
                let mean = Estimate(meanOf: measures.map(value), seed: seed)
                return Estimate(value: mean.value, ci95: mean.recordedBounds)
            }
            count = measures.count
            logitDifference = Estimate(meanOf: measures.map(\.logitDifference), seed: seed)
            accuracy = estimate { $0.logitDifference > 0 ? 1 : 0 }
            top1 = estimate { $0.ioRank == 1 ? 1 : 0 }
            ioProbability = estimate(\.ioProbability)
            ioRank = estimate { Double($0.ioRank) }
            loss = estimate(\.loss)
            func optional(_ value: (PromptMeasures) -> Double?) -> Estimate? {
                let values = measures.compactMap(value)
                return values.isEmpty || values.count < count ? nil : Estimate(meanOf: values, seed: seed)
            }
            counterfactualLogitDifference = optional(\.counterfactualLogitDifference)
            ioOverNames = optional(\.ioOverNames)
            ioRankAmongNames = optional { $0.ioRankAmongNames.map(Double.init) }
        }
    }

    public private(set) var all = Summary()
    /// By the order of the names: "ABBA" or "BABA".
    public private(set) var byOrder: [String: Summary] = [:]
    public private(set) var byTemplate: [String: Summary] = [:]
    /// nil unless requested.
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
}

extension Evaluation: FieldCoded {
    init() {}

    static var fields: [Field<Evaluation>] {
        [
            .inline(\.all), .value("by_order", \.byOrder), .value("by_template", \.byTemplate),
            .optional("per_prompt", \.perPrompt),
        ]
    }
}

extension Evaluation.Summary: FieldCoded {
    init() {}

    static var fields: [Field<Evaluation.Summary>] {
        [.value("count", \.count), .value("logit_difference", \.logitDifference)]
            + [
                mean("accuracy", \.accuracy), mean("top1", \.top1), mean("io_probability", \.ioProbability),
                mean("io_rank", \.ioRank), mean("loss", \.loss),
                .optional("counterfactual_logit_difference", \.counterfactualLogitDifference),
                .optional("io_over_names", \.ioOverNames), .optional("io_rank_among_names", \.ioRankAmongNames),
            ]
    }

    /// A mean, with its interval as a field of the object `ci95`.
    private static func mean(_ name: FieldName, _ path: Field<Self>.Path<Estimate>) -> Field<Self> {
        Field { summary, encoder in
            var container = encoder.container(keyedBy: FieldName.self)
            try container.encode(summary[keyPath: path].value, forKey: name)
            var intervals = container.nestedContainer(keyedBy: FieldName.self, forKey: "ci95")
            try intervals.encode(summary[keyPath: path].recordedBounds, forKey: name)
        } read: { summary, decoder in
            let container = try decoder.container(keyedBy: FieldName.self)
            let intervals = try container.nestedContainer(keyedBy: FieldName.self, forKey: "ci95")
            summary[keyPath: path] = Estimate(
                value: try container.decode(Double.self, forKey: name),
                ci95: try intervals.decode(Interval.self, forKey: name).bounds
            )
        }
    }
}

/// A model's prediction at END of one IOI prompt.
public struct PromptMeasures: Codable, Equatable, Sendable {
    public let id: Int
    public let template: String
    public let order: String
    /// logit(IO) − logit(S).
    public let logitDifference: Double
    public let ioProbability: Double
    /// The rank of IO among all tokens, from 1.
    public let ioRank: Int
    /// Cross-entropy of the label, in nats.
    public let loss: Double
    /// logit(IO) − logit(S) at END of the counterfactual; nil if the prompt has none.
    public internal(set) var counterfactualLogitDifference: Double?
    /// logit(IO) minus the mean logit of the names that the prompt does not mention; nil without such names.
    ///
    /// The logit difference alone does not tell whether IO gained or S lost. This does not depend on S.
    public let ioOverNames: Double?
    /// The rank of IO among the names, itself and S, from 1; nil without names.
    public let ioRankAmongNames: Int?
    /// The token with the largest logit; nil in older results.
    public let predictedToken: Int?

    enum CodingKeys: String, CodingKey {
        case id, template, order
        case logitDifference = "logit_difference"
        case ioProbability = "io_probability"
        case ioRank = "io_rank"
        case loss
        case counterfactualLogitDifference = "counterfactual_logit_difference"
        case ioOverNames = "io_over_names"
        case ioRankAmongNames = "io_rank_among_names"
        case predictedToken = "predicted_token"
    }

    /// - Parameters:
    ///   - logits: [vocabulary], at END.
    ///   - names: the tokens of the names that IO is compared with.
    init(_ prompt: IOIPrompt, logits: UnsafeBufferPointer<Float>, names: [Int]) {
        let largest = logits.max() ?? 0
        let total = logits.reduce(0.0) { $0 + Foundation.exp(Double($1 - largest)) }
        let io = logits[prompt.ioToken]
        id = prompt.id
        template = prompt.template
        order = prompt.order.rawValue
        logitDifference = prompt.logitDifference(logits)
        ioProbability = Foundation.exp(Double(io - largest)) / total
        ioRank = 1 + logits.count { $0 > io }
        loss = Foundation.log(total) - Double(logits[prompt.answerToken] - largest)
        let mentioned = Set(prompt.tokens + [prompt.ioToken, prompt.sToken])
        let others = names.filter { !mentioned.contains($0) }.map { Double(logits[$0]) }
        ioOverNames = others.isEmpty ? nil : Double(io) - others.mean
        let rivals = Set(names + [prompt.sToken])
        ioRankAmongNames = names.isEmpty ? nil : 1 + rivals.count { logits[$0] > io }
        predictedToken = logits.firstIndex(of: largest)
    }
}

extension IOIPrompt {
    /// logit(IO) − logit(S).
    ///
    /// - Parameter logits: [vocabulary].
    func logitDifference(_ logits: UnsafeBufferPointer<Float>) -> Double {
        Double(logits[ioToken]) - Double(logits[sToken])
    }
}
