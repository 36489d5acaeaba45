/// A metric of prompts and, for the same answers, of their counterfactuals.
public struct CounterfactualGap: Equatable, Sendable {
    /// [prompts]
    public let prompts: [Double]
    /// [prompts]
    public let counterfactuals: [Double]

    /// Each prompt's value minus its counterfactual's. [prompts]
    public var values: [Double] { zip(prompts, counterfactuals).map(-) }

    init(prompts: [Double], counterfactuals: [Double]) {
        self.prompts = prompts
        self.counterfactuals = counterfactuals
    }

    /// - Parameters:
    ///   - metric: what is measured.
    ///   - model: the model to measure.
    ///   - prompts: the prompts to measure.
    ///   - workers: the threads that compute.
    ///   - ranks: the processes that divide the prompts.
    ///   - progress: called with the number of prompts done; throwing stops the run.
    /// - Throws: `IOIError` naming a prompt without a counterfactual, before anything is run, or one whose logits are
    ///   not finite; errors from `progress`.
    public init(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        metric: Metric = .logitDifference,
        workers: Workers,
        ranks: Ranks = .alone,
        progress: (Int) throws -> Void = { _ in }
    ) throws {
        for prompt in prompts { _ = try prompt.counterfactual() }
        let values = try Evaluator(model, workers: workers, ranks: ranks).measure(
            metric, withCounterfactuals: prompts, progress: progress
        )
        self.init(prompts: values.map(\.prompt), counterfactuals: values.map(\.counterfactual))
    }
}
