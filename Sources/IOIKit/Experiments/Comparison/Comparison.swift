/// Several models on the same prompts, each compared with the first.
///
/// It is not an ``Experiment``: those have one model, or two.
public struct Comparison: Codable, Equatable, Sendable {
    public static let name = "compare"

    /// What is compared.
    public enum Measure: String, CaseIterable, Codable, Sendable {
        /// What the models predict.
        case evaluation = "eval"
        /// How much of each model the first one's circuit preserves.
        case faithfulness
        /// What heads write for the answer, and their classes.
        case heads
        /// Where heads attend to from END.
        case patterns

        /// Whether the models must have the same layers and heads.
        var needsShape: Bool { self != .evaluation }

        /// The approximate time relative to a pass over the prompts.
        var weight: Double {
            switch self {
            case .evaluation, .patterns: 1
            case .faithfulness: 4
            case .heads: 4
            }
        }
    }

    public var prompts: PromptSource
    public var measures: [Measure]
    /// Whose faithfulness is measured, in every model: `default`, the first model's own, or a file.
    public var circuit: String

    public init(prompts: PromptSource, measures: [Measure] = [.evaluation], circuit: String = "default") {
        (self.prompts, self.measures, self.circuit) = (prompts, measures, circuit)
    }

    /// - Throws: `IOIError` for an option that is out of range.
    public func validate() throws {
        try IOIError.scoped("prompts", prompts.validate)
        guard !measures.isEmpty, Set(measures).count == measures.count else {
            let all = Measure.allCases.map(\.rawValue).joined(separator: ", ")
            throw IOIError.invalid("measure", "found none, or one twice, expected some of \(all)")
        }
    }

    /// What is taken from the prompts' counterfactuals.
    public var counterfactuals: CounterfactualUse {
        measures.contains(.faithfulness) ? CircuitMethod().ablation.use(reference: nil) : .none
    }

    /// Checks models without reading their weights.
    ///
    /// - Throws: `IOIError` that names a model whose shape or vocabulary is another than the first one's.
    public func check(_ models: [ComparedModel]) throws {
        let configs = try models.map { try GPT2Config(contentsOf: $0.location.configFile) }
        let tokenizers = try zip(models, configs).map { model, config in
            model.location.hasTokenizer
                ? try GPT2.requireTokenizer(in: model.location.tokenizerFolder, config: config) : nil
        }
        let sizes: [(String, KeyPath<GPT2Config, Int>)] = [
            ("n_layer", \.layers), ("n_head", \.heads), ("n_embd", \.width), ("n_inner", \.innerWidth),
        ]
        for index in models.indices.dropFirst() {
            let label = models[index].label
            if let measure = measures.first(where: \.needsShape) {
                for (name, size) in sizes where configs[index][keyPath: size] != configs[0][keyPath: size] {
                    throw IOIError(
                        "\(label): \(name): found \(configs[index][keyPath: size]), expected "
                            + "\(configs[0][keyPath: size]) as in \(models[0].label), because \(measure.rawValue) is compared"
                    )
                }
            }
            if let own = tokenizers[0], let difference = tokenizers[index]?.difference(from: own) {
                throw IOIError("\(label): vocabulary: \(difference), as in \(models[0].label)")
            }
        }
    }

    /// Checks that the circuit can be read and fits the first model.
    ///
    /// - Throws: `IOIError` if not.
    public func checkCircuit(_ model: ComparedModel) throws {
        _ = try Circuit.named(
            circuit, for: GPT2Config(contentsOf: model.location.configFile), at: model.location)
    }

    /// The prompts, by the first model's tokenizer.
    ///
    /// - Throws: `IOIError` if they cannot be made, or do not fit a model.
    public func dataset(for models: [ComparedModel]) throws -> TaskDataset {
        let location = models[0].location
        let config = try GPT2Config(contentsOf: location.configFile)
        let tokenizer =
            location.hasTokenizer || prompts.file == nil
            ? try GPT2.requireTokenizer(in: location.tokenizerFolder, config: config) : nil
        let dataset = try prompts.data(tokenizer: tokenizer, config: config)
        let tokens = dataset.prompts.flatMap { prompt -> [Int] in
            let answers = prompt.rightTokens + prompt.wrongTokens + [prompt.answerToken]
            return prompt.tokens + answers + (prompt.counterfactualTokens ?? [])
        }
        let (largest, longest) = (tokens.max() ?? 0, dataset.prompts.map(\.tokens.count).max() ?? 0)
        for model in models.dropFirst() {
            let other = try GPT2Config(contentsOf: model.location.configFile)
            guard largest < other.vocabularySize else {
                throw IOIError(
                    "\(model.label): vocab_size: found \(other.vocabularySize), expected more than token \(largest) of the prompts"
                )
            }
            guard longest <= other.contextLength else {
                throw IOIError(
                    "\(model.label): n_positions: found \(other.contextLength), expected \(longest) or more for the prompts"
                )
            }
        }
        return dataset
    }

    /// What one model gives on each prompt.
    struct Observation {
        /// [figures][prompts]
        var evaluation: [(name: String, values: [Double])] = []
        /// [prompts]
        var model: [Double] = []
        var circuit: [Double] = []
        var heads: HeadsExperiment.Observation?
        var patterns: EndPatterns?
    }

    /// Measures the models one after another, each loaded alone.
    ///
    /// - Parameters:
    ///   - models: the first is compared with; ``check(_:)`` has passed.
    ///   - dataset: the prompts of ``dataset(for:)``.
    ///   - isHashing: whether the results name each model's weights by their hash.
    ///   - work: settings and progress.
    ///   - load: reads a model.
    /// - Throws: `IOIError` for a model that cannot be measured; ``PatchInterruption`` when interrupted.
    public func run(
        _ models: [ComparedModel],
        on dataset: TaskDataset,
        hashing isHashing: Bool,
        _ work: Work,
        load: (ComparedModel) throws -> GPT2
    ) throws -> ComparisonResults {
        let staged = StagedProgress(
            total: measures.reduce(0) { $0 + $1.weight } * Double(models.count), report: work.progress)
        var (records, observed) = ([ModelRecord](), [Observation]())
        var (circuit, config) = (Circuit?.none, GPT2Config?.none)
        for compared in models {
            try work.settings.checkInterruption()
            let model = try load(compared)
            if isHashing { model.beginHashing() }
            if circuit == nil, measures.contains(.faithfulness) {
                circuit = try Circuit.named(self.circuit, for: model.config, at: model.location)
            }
            config = config ?? model.config
            observed.append(try observe(model, dataset, circuit, work, staged))
            records.append(
                ModelRecord(
                    name: compared.label, folder: compared.location.folder, sha256: isHashing ? try model.sha256() : nil
                ))
        }
        return ComparisonResults(
            self, labels: models.map(\.label), records: records, observed, config: config!, workers: work.workers)
    }

    private func observe(
        _ model: GPT2,
        _ dataset: TaskDataset,
        _ circuit: Circuit?,
        _ work: Work,
        _ staged: StagedProgress
    ) throws -> Observation {
        var observation = Observation()
        for measure in measures {
            let progress = staged.stage(measure.weight)
            switch measure {
            case .evaluation:
                observation.evaluation = try evaluate(model, dataset, work.workers) {
                    try work.settings.checkInterruption()
                    progress(Double($0) / Double(dataset.count))
                }
            case .faithfulness:
                let measured = try CircuitMethod().measure(
                    [circuit!], of: model.parameters, dataset.prompts, metric: Metric(for: dataset.prompts),
                    reference: nil, settings: work.settings, resuming: nil, progress: progress
                )
                (observation.model, observation.circuit) = (measured.original, measured.patched[0])
            case .heads:
                var experiment = HeadsExperiment(prompts: prompts)
                experiment.analyses = dataset.namesIOI ? [.attribution, .scatter, .copying] : [.attribution]
                var own = work
                own.progress = progress
                observation.heads = try experiment.observe(model, dataset.prompts, own)
            case .patterns:
                observation.patterns = try EndPatterns(
                    model.parameters, dataset.prompts, settings: work.settings, progress: progress)
            }
        }
        return observation
    }

    /// The figures of each prompt, of which ``Evaluation`` and ``ChoiceEvaluation`` have the means.
    private func evaluate(
        _ model: GPT2,
        _ dataset: TaskDataset,
        _ workers: Workers,
        progress: (Int) throws -> Void
    ) throws -> [(name: String, values: [Double])] {
        let evaluator = Evaluator(model.parameters, workers: workers)
        guard let ioi = dataset.ioi, Metric(for: dataset.prompts) == .logitDifference else {
            let measures = try evaluator.measure(dataset.prompts, progress: progress)
            let figures: [(String, (ChoiceMeasures) -> Double?)] = [
                ("probability_difference", { $0.probabilityDifference }), ("logit_difference", { $0.logitDifference }),
                ("log_probability", { $0.logProbability }), ("accuracy", { $0.probabilityDifference > 0 ? 1 : 0 }),
                ("top1", { $0.isTop.map { $0 ? 1 : 0 } }), ("loss", { $0.loss }),
            ]
            return figures.map { ($0, measures.compactMap($1)) }.filter { $0.1.count == measures.count }
        }
        // Nothing is compared on counterfactuals.
        let prompts = ioi.prompts.map { prompt in
            var prompt = prompt
            prompt.abcTokens = nil
            return prompt
        }
        let measures = try evaluator.measure(prompts, progress: progress)
        let figures: [(String, (PromptMeasures) -> Double)] = [
            ("logit_difference", { $0.logitDifference }), ("accuracy", { $0.logitDifference > 0 ? 1 : 0 }),
            ("top1", { $0.ioRank == 1 ? 1 : 0 }), ("io_probability", { $0.ioProbability }), ("loss", { $0.loss }),
        ]
        return figures.map { ($0, measures.map($1)) }
    }
}
