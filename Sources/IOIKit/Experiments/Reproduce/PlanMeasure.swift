extension Plan {
    /// Something to measure of a model, and on which prompts: `heads`, or `heads:greater-than` where the plan's own
    /// prompts are others.
    public struct Measure: Hashable, TextCoded {
        package static let form =
            "one of \(Kind.allCases.map(\.rawValue).joined(separator: ", ")), or one with a dataset, such as "
            + "heads:greater-than"

        public enum Kind: String, CaseIterable, Sendable {
            /// Task metrics.
            case eval
            /// Faithfulness of the model's circuit, compared with random circuits.
            case faithfulness
            /// Faithfulness by every method.
            case surface
            /// The circuit that path patching finds.
            case circuit
            /// Cross-model patching of attention patterns from the model into the base model.
            case patterns
            /// Cross-model patching of head outputs, z.
            case outputs
            /// Cross-model patching of queries at END, where S-inhibition acts on the name movers.
            case queries
            /// Path patching from each head to the logits.
            case direct
            /// Knockout of each MLP and of all of them.
            case mlps
            /// Knockout of each class of the circuit and of all of them.
            case knockout
            /// The heads of a trained model, compared with the base model's.
            case heads
            /// Task metrics on held-out agreement prompts.
            case agreement
            /// Task metrics on held-out greater-than prompts.
            case greaterThan = "greater-than"
            /// Task metrics on held-out prompts about pronouns.
            case pronouns
            /// Task metrics on held-out prompts about colours.
            case colours

            /// Whether it compares the model with the base model, and so cannot measure the base model itself.
            var comparesWithBase: Bool { component != nil }

            /// What cross-model patching takes from the model and puts into the base model.
            var component: (site: Site, position: PositionSelection)? {
                switch self {
                case .patterns: (.pattern, .all)
                case .outputs: (.z, .all)
                case .queries: (.q, .one(.end))
                default: nil
                }
            }

            /// Whether it measures nothing without a circuit.
            var needsCircuit: Bool { [.faithfulness, .surface, .knockout].contains(self) }

            /// The task of one that is `eval` on prompts of its own.
            var task: ChoiceTask? { ChoiceTask(rawValue: rawValue) }
        }

        public let kind: Kind
        /// nil for the plan's own.
        public let dataset: String?

        public init(_ kind: Kind, on dataset: String? = nil) {
            self.kind = kind
            self.dataset = dataset
        }

        public init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count <= 2, let kind = Kind(rawValue: parts[0]), parts.last != "" else { return nil }
            self.init(kind, on: parts.count == 2 ? parts[1] : nil)
        }

        public var description: String { kind.rawValue + (dataset.map { ":\($0)" } ?? "") }
    }

    /// The dataset of the prompts that a measure is made on.
    func dataset(of measure: Measure) -> String {
        measure.kind.task?.rawValue ?? measure.dataset ?? ownDataset
    }

    /// The dataset of the measures that name none.
    var ownDataset: String { prompts.dataset ?? "clean" }

    /// Whether a measure is about the same task as the plan's own prompts, and so about the plan's circuit.
    func isOwnTask(_ measure: Measure) -> Bool {
        ChoiceTask(dataset: dataset(of: measure)) == ChoiceTask(dataset: ownDataset)
    }
}

// MARK: Validation

extension Plan.Measuring {
    /// The datasets with prompts held out from training.
    static let datasets = DatasetRule.all.map(\.name) + ChoiceTask.datasets

    /// - Throws: `IOIError` that names the field.
    func validate() throws {
        try IOIError.check("count", count, in: 1...PromptSource.most)
        guard let dataset else { return }
        try Plan.check(
            Self.datasets.contains(dataset), "dataset", found: dataset.quoted,
            expected: "one of \(Self.datasets.joined(separator: ", "))"
        )
    }
}

extension Plan.Measure {
    /// Checks that the measure exists and has no shorter name, so that each figure has one path.
    ///
    /// - Throws: `IOIError` that names the field.
    func validate(in plan: Plan, isOfBase: Bool) throws {
        func check(_ isValid: Bool, expected: String) throws {
            try Plan.check(isValid, "measure", found: description.quoted, expected: expected)
        }
        let own = plan.ownDataset
        try check(
            !isOfBase || !kind.comparesWithBase,
            expected: "a measure that does not compare the base model with itself"
        )
        try check(kind.task?.rawValue != own, expected: "eval, whose prompts in this plan are the same")
        if let dataset {
            let datasets = Plan.Measuring.datasets
            try check(
                datasets.contains(dataset), expected: "\(kind.rawValue): and one of \(datasets.joined(separator: ", "))"
            )
            try check(kind.task == nil, expected: "\(kind.rawValue) alone, which has prompts of its own")
            try check(dataset != own, expected: "\(kind.rawValue) alone, whose prompts in this plan are \(own)")
            try check(
                kind != .eval || ChoiceTask(rawValue: dataset) == nil, expected: "\(dataset), which is the same measure"
            )
        }
        try check(
            !kind.needsCircuit || plan.isOwnTask(self),
            expected: "a measure that needs no circuit, because the plan's is for its own prompts, \(own)"
        )
    }
}
