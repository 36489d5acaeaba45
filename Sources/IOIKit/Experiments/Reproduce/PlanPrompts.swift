/// The held-out prompts that a plan measures on.
struct PlanPrompts {
    private let plan: Plan
    /// By dataset.
    private let made: [String: (source: PromptSource, dataset: TaskDataset)]

    /// Makes all prompts at once, so that a tokenizer that lacks a task's answers is found before anything is trained.
    ///
    /// - Throws: `IOIError` if the model's tokenizer does not allow the prompts.
    init(_ plan: Plan, stages: [Plan.Stage], for model: GPT2) throws {
        self.plan = plan
        var source = PromptSource(count: plan.prompts.count)
        source.seed = plan.prompts.seed
        source.heldOut = true
        let trained = stages.compactMap { $0.dataset.flatMap(ChoiceTask.init(dataset:))?.rawValue }
        let measured = stages.flatMap(\.measure).map(plan.dataset)
        made = try Dictionary(
            uniqueKeysWithValues: Set([plan.ownDataset] + measured + trained).sorted().map { name in
                source.dataset = name
                return (name, (source, try source.data(for: model)))
            }
        )
    }

    /// The plan's own.
    var dataset: TaskDataset { made[plan.ownDataset]!.dataset }

    func source(for measure: Plan.Measure) -> PromptSource { made[plan.dataset(of: measure)]!.source }
    func dataset(for measure: Plan.Measure) -> TaskDataset { made[plan.dataset(of: measure)]!.dataset }
}
