extension Plan {
    /// A training run of a stage: all its models are checkpoints of it, or one model is.
    struct Run {
        /// The stage's name, or the model's, such as `clean@3`.
        let name: String
        /// The epochs whose checkpoints are measured, ascending.
        let epochs: [Int]
    }

    /// The plan with another recipe for the stages that name none; their batch and rate are then the recipe's own.
    public func trained(by recipe: TrainingRecipe) -> Plan {
        guard recipe != self.recipe else { return self }
        var plan = self
        plan.training.recipe = recipe
        (plan.training.learningRate, plan.training.batch, plan.training.note) = (nil, nil, nil)
        return plan
    }

    /// The recipe of the stages that name none.
    var recipe: TrainingRecipe { training.recipe ?? .plain }

    /// Whether the plan's recipe decides how any of some stages is trained.
    ///
    /// - Parameter names: as for ``Reproduction``.
    /// - Throws: `IOIError` if a stage is unknown.
    public func dependsOnRecipe(_ names: [String]?) throws -> Bool {
        try stages(named: names).contains { stage in
            guard stage.dataset != nil else { return false }
            if case .named = stage.recipe { return false }
            return true
        }
    }

    func recipe(of stage: Stage) -> TrainingRecipe {
        switch stage.recipe {
        case nil: recipe
        case .named(let recipe): recipe
        case .other: recipe == .published ? .publishedSentences : .published
        }
    }

    /// The training runs of a stage, each with the models that it gives.
    func runs(of stage: Stage) -> [Run] {
        guard let epochs = stage.epochs, stage.dataset != nil else { return [] }
        let schedule = settings(of: stage, epochs: epochs, workers: Workers(count: 1)).schedule
        guard schedule.course != .constant else { return [Run(name: stage.name, epochs: epochs)] }
        // Half-way through a run whose rate falls to 0, the model is not that of a run half as long.
        return epochs.map { Run(name: "\(stage.name)@\($0)", epochs: [$0]) }
    }

    /// The settings of a run of a stage.
    ///
    /// - Parameter epochs: those whose checkpoints are kept, ascending.
    func settings(of stage: Stage, epochs: [Int], workers: Workers) -> TrainingSettings {
        let recipe = recipe(of: stage)
        var settings = recipe.settings(
            epochs: epochs.last!, seed: training.seed, threads: workers.count, savedEpochs: epochs
        )
        settings.precision = workers.precision
        if recipe == self.recipe {
            if let batch = training.batch { settings.batch = batch }
            if let rate = training.learningRate { settings.optimizer.learningRate = rate }
        }
        return settings
    }

    /// The training prompts of a stage.
    func prompts(of stage: Stage) -> PromptSource {
        var prompts = PromptSource(count: stage.count ?? training.count)
        prompts.dataset = stage.dataset!
        prompts.seed = training.seed
        return prompts
    }
}

extension TrainingRecipe {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let recipe = Self(rawValue: try container.decode(String.self)) else {
            let all = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected one of \(all)")
        }
        self = recipe
    }
}
