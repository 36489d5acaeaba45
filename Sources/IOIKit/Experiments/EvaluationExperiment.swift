/// A model's performance on the prompts of any task.
public struct EvaluationExperiment: MetricExperiment, Equatable {
    public static let name = "eval"
    /// Of two tokens with nearly equal logits, rounding decides which is first.
    public static let uncompared: Set<String> = ["predicted_token"]
    public static let later: Set<String> = [
        "counterfactual_logit_difference", "io_over_names", "io_rank_among_names", "log_probability",
    ]

    public var prompts: PromptSource
    /// Which figure counts. All are measured; but IOI prompts have figures of their own only for the logit difference.
    public var metric: Metric?

    public init(prompts: PromptSource) { self.prompts = prompts }

    public func validate() throws {
        try IOIError.scoped("prompts", prompts.validate)
        guard metric?.isRelative ?? true else {
            throw IOIError.invalid(
                "metric", "found kl, which compares a patched run with the unpatched one; expected another")
        }
    }

    public func run(on subject: Subject, _ work: Work) throws -> TaskEvaluation {
        guard let dataset = subject.dataset else { throw IOIError("no prompts to measure") }
        let metric = metric(on: subject)
        try metric.check(dataset.prompts)
        return try Evaluator(subject.model.parameters, workers: work.workers, ranks: work.ranks).evaluate(
            dataset, asAnyTask: metric != .logitDifference, seed: prompts.seed, perPrompt: work.perPrompt
        ) {
            try work.settings.checkInterruption()
            work.progress(Double($0) / Double(dataset.count))
        }
    }
}
