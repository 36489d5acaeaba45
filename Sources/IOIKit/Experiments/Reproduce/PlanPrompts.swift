/// The held-out prompts that a plan measures on.
struct PlanPrompts {
    private let source: PromptSource
    let dataset: TaskDataset
    private let tasks: [ChoiceTask: (source: PromptSource, dataset: TaskDataset)]

    /// Makes all prompts at once, so that a tokenizer that lacks a task's answers is found before anything is trained.
    ///
    /// - Throws: `IOIError` if the model's tokenizer does not allow the prompts.
    init(_ plan: Plan, stages: [Plan.Stage], for model: GPT2) throws {
        var source = PromptSource(count: plan.prompts.count)
        source.seed = plan.prompts.seed
        source.heldOut = true
        self.source = source
        dataset = try source.data(for: model)
        let names = Set(stages.compactMap(\.dataset) + stages.flatMap(\.measure).map(\.rawValue))
        tasks = try Dictionary(
            uniqueKeysWithValues: ChoiceTask.allCases.filter { !names.isDisjoint(with: $0.datasets) }.map { task in
                source.dataset = task.rawValue
                return (task, (source, try source.data(for: model)))
            }
        )
    }

    func source(for measure: Plan.Measure) -> PromptSource { measure.task.map { tasks[$0]!.source } ?? source }
    func dataset(for measure: Plan.Measure) -> TaskDataset { measure.task.map { tasks[$0]!.dataset } ?? dataset }
}
