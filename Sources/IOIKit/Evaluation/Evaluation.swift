/// How a model does on prompts of the task: means with their 95 % bootstrap intervals.
public struct Evaluation: Equatable, Sendable {
    /// The figures of all prompts, or of those of one order or template.
    public struct Summary: Equatable, Sendable {
        public private(set) var count = 0
        /// logit(IO) − logit(S) at END.
        public private(set) var logitDifference = Estimate()
        /// The share of prompts on which IO has the larger logit of the two names.
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
                Estimate(meanOf: measures.map(value), seed: seed)
            }
            count = measures.count
            logitDifference = estimate(\.logitDifference)
            accuracy = estimate { $0.logitDifference > 0 ? 1 : 0 }
            top1 = estimate { $0.ioRank == 1 ? 1 : 0 }
            ioProbability = estimate(\.ioProbability)
            ioRank = estimate { Double($0.ioRank) }
            loss = estimate(\.loss)
        }
    }

    public private(set) var all: Summary
    /// By who is named first: "ABBA" and "BABA".
    public private(set) var byOrder: [String: Summary]
    public private(set) var byTemplate: [String: Summary]
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
}

extension Evaluation: FieldCoded {
    init() { self.init([], seed: 0) }

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

    /// A mean, its interval under its own name in `ci95`.
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
