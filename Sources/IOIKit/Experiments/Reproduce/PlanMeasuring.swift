import Foundation

/// Measures the models of a plan, each as an experiment.
final class PlanMeasuring {
    let base: GPT2
    /// A hash of the base model and the program's version.
    let baseHash: String
    let prompts: PlanPrompts
    /// The base model's circuit, if it has one.
    let circuit: Circuit?
    private let walk: PathWalk
    private let scale: EffectScale
    private let settings: RunSettings
    /// The heads of the base model, observed once for all comparisons.
    private var baseHeads: HeadsExperiment.Observation?

    /// - Throws: `IOIError` if the model's weights or circuit cannot be read, or its tokenizer does not allow the
    ///   prompts.
    init(_ plan: Plan, stages: [Plan.Stage], base: GPT2, settings: RunSettings) throws {
        self.base = base
        self.settings = settings
        walk = plan.walk?.walk ?? PathWalk()
        scale = plan.scale ?? .original
        prompts = try PlanPrompts(plan, stages: stages, for: base)
        circuit =
            DataDirectory.circuit(of: base.location) == nil
            ? nil : try Circuit.named("default", for: base.config, at: base.location)
        // Versions of the program may differ in what they measure.
        let precision = settings.workers.precision
        baseHash = CacheKey.of([try base.sha256(), ioiVersion] + (precision == .fp32 ? [] : [precision.rawValue]))
    }

    /// - Parameter count: the number of prompts; nil for the plan's.
    func experiment(_ measure: Plan.Measure, count: Int? = nil) -> any Experiment {
        var prompts = prompts.source(for: measure)
        if let count { prompts.count = count }
        switch measure {
        case .eval, .agreement, .greaterThan, .pronouns, .colours: return EvaluationExperiment(prompts: prompts)
        case .faithfulness, .surface:
            var faithfulness = FaithfulnessExperiment(prompts: prompts)
            faithfulness.randomSets = 20
            faithfulness.surface = measure == .surface
            return faithfulness
        case .circuit:
            var walk = walk
            walk.seed = prompts.seed
            return DiscoverExperiment(prompts: prompts, method: .path(walk))
        case .patterns, .outputs, .queries:
            let component = measure.component!
            let options = PatchExperiment.CrossModel(
                components: [component.site], position: component.position, directions: [.donorToHost],
                circuit: circuit == nil ? nil : "default", randomSets: 20
            )
            return patching(.crossModel(options), prompts)
        case .direct:
            let options = PatchExperiment.Path(
                sender: .heads, receivers: [.logits], mlps: .recompute, layerNorms: .recompute, knockout: [],
                ablation: Ablation()
            )
            return patching(.path(options), prompts)
        case .heads:
            var heads = HeadsExperiment(prompts: prompts)
            heads.perPrompt = .movers
            return heads
        case .mlps:
            var knockout = KnockoutExperiment(prompts: prompts)
            knockout.mlps = .all
            knockout.each = true
            return knockout
        }
    }

    private func patching(_ mode: PatchExperiment.Mode, _ prompts: PromptSource) -> PatchExperiment {
        var patch = PatchExperiment(mode: mode, prompts: prompts, aggregation: .ratioOfMeans)
        patch.scale = scale
        return patch
    }

    /// The name of the results file, which contains a hash of the measurement's inputs.
    ///
    /// - Parameter hash: of the model's inputs.
    func fileName(of measure: Plan.Measure, _ model: PlanModel, hash: String) throws -> String {
        let inputs = [
            hash, baseHash, DatasetRecord(prompts.dataset(for: measure)).sha256, measure.rawValue,
            try CacheKey.text(experiment(measure)), try CacheKey.text(circuit),
        ]
        return "\(model)-\(measure.rawValue)-\(CacheKey.of(inputs)).json".replacing(" ", with: "-")
    }

    /// Measures a model and writes the results.
    ///
    /// - Throws: `IOIError`; ``PatchInterruption`` if the settings ask to stop.
    func measure(
        _ measure: Plan.Measure,
        _ model: GPT2,
        to file: URL,
        progress: @escaping (Double) -> Void
    ) throws {
        let partial = try PartialResults(besides: file, deciding: [file.lastPathComponent])
        var work = Work(settings, partial: partial, progress: progress)
        var subject = subject(measure, model)
        let experiment = experiment(measure)
        if let experiment = experiment as? HeadsExperiment {
            if baseHeads == nil, subject.donor != nil {
                var baseWork = work
                baseWork.progress = { progress(0.5 * $0) }
                baseHeads = try experiment.observe(base, prompts.dataset.prompts, baseWork)
                work.progress = { progress(0.5 + 0.5 * $0) }
            }
            baseHeads = try baseHeads ?? experiment.observe(base, prompts.dataset.prompts, work)
            subject.observedHeads = baseHeads
        }
        try write(experiment, on: subject, work, to: file)
        partial.remove()
    }

    /// Measures the base model, also in the place of a trained one, on the first prompts, and writes nothing.
    ///
    /// - Throws: `IOIError`; ``PatchInterruption`` if the settings ask to stop.
    func rehearse(_ measure: Plan.Measure, count: Int) throws {
        let experiment = experiment(measure, count: count)
        let dataset = try experiment.dataset(for: base)
        let subject = Subject(base, donor: measure.comparesWithBase ? base : nil, dataset)
        func run(_ experiment: some Experiment) throws {
            _ = try JSONEncoder.readable.encode(ResultsDocument(running: experiment, on: subject, Work(settings)))
        }
        try run(experiment)
    }

    /// Measures that compare two models have the base model as host and the trained model as donor.
    private func subject(_ measure: Plan.Measure, _ model: GPT2) -> Subject {
        let dataset = prompts.dataset(for: measure)
        guard measure.comparesWithBase || measure == .heads else { return Subject(model, dataset) }
        return Subject(base, donor: model === base ? nil : model, dataset)
    }

    private func write(_ experiment: some Experiment, on subject: Subject, _ work: Work, to file: URL) throws {
        let document = try ResultsDocument(running: experiment, on: subject, work)
        try AtomicFile.write(try JSONEncoder.readable.encode(document), to: file)
    }
}
