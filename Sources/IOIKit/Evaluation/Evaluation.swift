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

        init(_ measures: [PromptMeasures], seed: UInt64) {
            func estimate(_ value: (PromptMeasures) -> Double) -> Estimate {
                let mean = Estimate(meanOf: measures.map(value), seed: seed)
                return Estimate(value: mean.value, ci95: mean.ci95)
            }
            count = measures.count
            logitDifference = Estimate(meanOf: measures.map(\.logitDifference), seed: seed)
            accuracy = estimate { $0.logitDifference > 0 ? 1 : 0 }
            top1 = estimate { $0.ioRank == 1 ? 1 : 0 }
            ioProbability = estimate(\.ioProbability)
            ioRank = estimate { Double($0.ioRank) }
            loss = estimate(\.loss)
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
            ]
    }

    /// A mean, with its interval as a field of the object `ci95`.
    private static func mean(_ name: FieldName, _ path: Field<Self>.Path<Estimate>) -> Field<Self> {
        Field { summary, encoder in
            var container = encoder.container(keyedBy: FieldName.self)
            try container.encode(summary[keyPath: path].value, forKey: name)
            var intervals = container.nestedContainer(keyedBy: FieldName.self, forKey: "ci95")
            try intervals.encode(summary[keyPath: path].ci95, forKey: name)
        } read: { summary, decoder in
            let container = try decoder.container(keyedBy: FieldName.self)
            let intervals = try container.nestedContainer(keyedBy: FieldName.self, forKey: "ci95")
            summary[keyPath: path] = Estimate(
                value: try container.decode(Double.self, forKey: name),
                ci95: try intervals.decode([Double].self, forKey: name)
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

    enum CodingKeys: String, CodingKey {
        case id, template, order
        case logitDifference = "logit_difference"
        case ioProbability = "io_probability"
        case ioRank = "io_rank"
        case loss
    }

    /// - Parameter logits: [vocabulary], at END.
    init(_ prompt: Prompt, logits: UnsafeBufferPointer<Float>) {
        let largest = logits.max() ?? 0
        let total = logits.reduce(0.0) { $0 + Foundation.exp(Double($1 - largest)) }
        let io = logits[prompt.ioToken]
        id = prompt.id
        template = prompt.template
        order = prompt.order.rawValue
        logitDifference = Double(io) - Double(logits[prompt.sToken])
        ioProbability = Foundation.exp(Double(io - largest)) / total
        ioRank = 1 + logits.count { $0 > io }
        loss = Foundation.log(total) - Double(logits[prompt.answerToken] - largest)
    }
}
