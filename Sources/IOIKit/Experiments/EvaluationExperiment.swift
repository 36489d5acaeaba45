/// A model's performance on the prompts of any task.
public struct EvaluationExperiment: PromptExperiment, Equatable {
    public static let name = "eval"
    public static let later: Set<String> = [
        "counterfactual_logit_difference", "io_over_names", "io_rank_among_names",
    ]

    public var prompts: PromptSource

    public init(prompts: PromptSource) { self.prompts = prompts }

    public func validate() throws { try IOIError.scoped("prompts", prompts.validate) }

    public func run(on subject: Subject, _ work: Work) throws -> TaskEvaluation {
        guard let dataset = subject.dataset else { throw IOIError("no prompts to measure") }
        return try Evaluator(subject.model.parameters, workers: work.workers).evaluate(
            dataset, seed: prompts.seed, perPrompt: work.perPrompt
        ) {
            try work.settings.checkInterruption()
            work.progress(Double($0) / Double(dataset.count))
        }
    }
}
