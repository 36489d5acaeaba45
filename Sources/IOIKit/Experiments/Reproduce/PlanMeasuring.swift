import Foundation

/// Measures the models of a plan, each as an experiment.
final class PlanMeasuring {
    let base: GPT2
    /// A hash of the base model and the program's version.
    let baseHash: String
    let prompts: PlanPrompts
    /// The circuit for the task of the plan's own prompts, if there is one.
    let circuit: Circuit?
    private let plan: Plan
    /// The circuit's name in options.
    private let circuitName: String?
    private let walk: PathWalk
    private let scale: EffectScale
    private let settings: RunSettings
    /// The heads of the base model, observed once for all comparisons on the same prompts.
    private var baseHeads: [Plan.Measure: HeadsExperiment.Observation] = [:]

    /// - Throws: `IOIError` if the model's weights or circuit cannot be read, or its tokenizer does not allow the
    ///   prompts.
    init(_ plan: Plan, stages: [Plan.Stage], base: GPT2, settings: RunSettings) throws {
        self.plan = plan
        self.base = base
        self.settings = settings
        walk = plan.walk?.walk ?? PathWalk()
        scale = plan.scale ?? .original
        prompts = try PlanPrompts(plan, stages: stages, for: base)
        let ownCircuit = DefaultCircuit(of: base.location, base.config) == nil ? nil : "default"
        let name = plan.circuit ?? (ChoiceTask(dataset: plan.ownDataset) == nil ? ownCircuit : nil)
        circuitName = try name.map(Circuit.recordedName)
        circuit = try circuitName.map { try Circuit.named($0, for: base.config, at: base.location) }
        // Versions of the program may differ in what they measure.
        let precision = settings.workers.precision
        baseHash = CacheKey.of([try base.sha256(), ioiVersion] + (precision == .fp32 ? [] : [precision.rawValue]))
    }

    /// The name of the circuit that a measure is about; nil for none.
    private func circuitName(for measure: Plan.Measure) -> String? { plan.isOwnTask(measure) ? circuitName : nil }

    /// - Throws: `IOIError` if a measure needs a circuit, or a class of the circuit, that does not exist.
    func checkCircuit(of measure: Plan.Measure, stage: String) throws {
        let field = "stage \(stage.quoted)"
        if measure.kind.needsCircuit, circuit == nil {
            throw IOIError(
                "\(field): found no circuit for the model \(base.location.name), expected one for \(measure) "
                    + (ChoiceTask(dataset: plan.ownDataset) == nil
                        ? "at \(base.location.folder.path)/circuit.json" : "in the plan's circuit")
            )
        }
        if let heads = experiment(measure) as? HeadsExperiment, prompts.dataset(for: measure).namesIOI {
            do {
                _ = try heads.movers(of: base)
            } catch let error as IOIError {
                throw IOIError("\(field): \(error)", kind: error.kind)
            }
        }
    }

    /// - Parameter count: the number of prompts; nil for the plan's.
    func experiment(_ measure: Plan.Measure, count: Int? = nil) -> any Experiment {
        var prompts = prompts.source(for: measure)
        if let count { prompts.count = count }
        switch measure.kind {
        case .eval, .agreement, .greaterThan, .pronouns, .colours: return EvaluationExperiment(prompts: prompts)
        case .faithfulness, .surface:
            var faithfulness = FaithfulnessExperiment(prompts: prompts)
            faithfulness.randomSets = 20
            faithfulness.surface = measure.kind == .surface
            faithfulness.circuit = circuitName ?? "default"
            return faithfulness
        case .circuit:
            var walk = walk
            walk.seed = prompts.seed
            return DiscoverExperiment(prompts: prompts, method: .path(walk))
        case .patterns, .outputs, .queries:
            let component = measure.kind.component!
            let options = PatchExperiment.CrossModel(
                components: [component.site], position: component.position, directions: [.donorToHost],
                circuit: circuitName(for: measure), randomSets: 20
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
            if prompts.task == nil { heads.circuit = circuitName(for: measure) ?? "default" }
            return heads
        case .knockout:
            var knockout = KnockoutExperiment(prompts: prompts)
            knockout.circuit = circuitName ?? "default"
            knockout.classes = circuit?.classes.map(\.name) ?? []
            knockout.each = true
            return knockout
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
            hash, baseHash, DatasetRecord(prompts.dataset(for: measure)).sha256, measure.description,
            try CacheKey.text(experiment(measure)), try CacheKey.text(circuit),
        ]
        return "\(model)-\(measure)-\(CacheKey.of(inputs)).json".replacing(/[ :]/, with: "-")
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
        let partial = try PartialResults(besides: file, ranks: settings.ranks, deciding: [file.lastPathComponent])
        var work = Work(settings, partial: partial, progress: progress)
        var subject = subject(measure, model)
        let experiment = experiment(measure)
        if var heads = experiment as? HeadsExperiment {
            heads.complete(for: subject)
            if baseHeads[measure] == nil {
                var baseWork = work
                if subject.donor != nil {
                    baseWork.progress = { progress(0.5 * $0) }
                    work.progress = { progress(0.5 + 0.5 * $0) }
                }
                baseHeads[measure] = try heads.observe(base, subject.prompts, baseWork)
            }
            subject.observedHeads = baseHeads[measure]
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
        let subject = Subject(base, donor: measure.kind.comparesWithBase ? base : nil, dataset)
        func run(_ experiment: some Experiment) throws {
            _ = try JSONEncoder.readable.encode(ResultsDocument(running: experiment, on: subject, Work(settings)))
        }
        try run(experiment)
    }

    /// Measures that compare two models have the base model as host and the trained model as donor.
    private func subject(_ measure: Plan.Measure, _ model: GPT2) -> Subject {
        let dataset = prompts.dataset(for: measure)
        guard measure.kind.comparesWithBase || measure.kind == .heads else { return Subject(model, dataset) }
        return Subject(base, donor: model === base ? nil : model, dataset)
    }

    private func write(_ experiment: some Experiment, on subject: Subject, _ work: Work, to file: URL) throws {
        let document = try ResultsDocument(running: experiment, on: subject, work)
        try settings.ranks.onFirst { try AtomicFile.write(try JSONEncoder.readable.encode(document), to: file) }
    }
}
