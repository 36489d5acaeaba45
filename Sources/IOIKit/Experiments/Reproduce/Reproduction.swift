import Foundation

/// A plan under way in a run folder, whose every piece of work is kept under a hash of all that decides it: a stopped run
/// goes on where it was, and a changed setting does anew only what depends on it.
///
/// The folder holds `runs/STAGE-HASH` (fine-tuning runs), `results/MODEL-MEASURE-HASH.json` (results documents) and
/// `reproduce.json`, which says which of them belong together and what became of the claims.
public final class Reproduction {
    /// What happens, in order.
    public enum Event {
        /// A piece of work begins; `isDone` where it was done before.
        case began(String, index: Int, total: Int, isDone: Bool)
        /// What share of it is done.
        case progress(Double)
        case finished(String, seconds: Double)
    }

    /// Asked to stop in the middle; everything finished is kept.
    public struct Interruption: Error {
        public let done: Int
        public let total: Int
    }

    /// Training was asked to stop.
    private struct Stop: Error {}

    public let folder: URL
    public let plan: Plan
    private let base: GPT2
    private let stages: [Plan.Stage]
    private let settings: RunSettings
    private let prompts: PromptSource
    private let dataset: Dataset
    private let datasetRecord: DatasetRecord
    /// What is measured on other tasks.
    private let tasks: [ChoiceTask: (prompts: PromptSource, dataset: TaskDataset)]
    private let circuit: Circuit?
    private let baseHash: String
    private let lock: RunFolder.Lock
    /// By model: where it lies, and the hash of all that decides it.
    private var models: [PlanModel: (location: ModelLocation, hash: String)]
    private var measurements: [ReproductionRecord.Measurement] = []
    /// The heads of the plan's own model, once they were measured, for all the others to be compared with.
    private var heads: HeadsJob.Observation?

    /// - Parameters:
    ///   - names: the stages to do, with those that they start from; nil for all that are not extra.
    ///   - settings: `isInterrupted` is asked between steps and patched runs.
    /// - Throws: ``IOIError`` where the folder holds something else or is in use, a stage is not known, or the model's
    ///   prompts cannot be made.
    public init(
        _ plan: Plan,
        in folder: URL,
        model: GPT2,
        stages names: [String]? = nil,
        settings: RunSettings
    ) throws {
        self.plan = plan
        self.folder = folder
        self.settings = settings
        base = model
        for name in names ?? [] where !plan.stages.contains(where: { $0.name == name }) {
            let known = plan.stages.map(\.name).joined(separator: ", ")
            throw IOIError.usage("--stages: found \(name.quoted), expected \(known)")
        }
        var wanted = Set(names ?? plan.stages.filter { $0.isExtra != true }.map(\.name))
        for stage in plan.stages.reversed() where wanted.contains(stage.name) {
            if let from = stage.from?.stage { wanted.insert(from) }
        }
        stages = plan.stages.filter { wanted.contains($0.name) }
        var prompts = PromptSource(count: plan.prompts.count)
        prompts.seed = plan.prompts.seed
        prompts.heldOut = true
        self.prompts = prompts
        dataset = try prompts.prompts(for: model)
        datasetRecord = DatasetRecord(dataset)
        // Made now, so that a tokenizer that cannot write a task's answers is known before anything is trained.
        let datasets = Set(stages.compactMap(\.dataset) + stages.flatMap(\.measure).map(\.rawValue))
        tasks = try Dictionary(
            uniqueKeysWithValues: ChoiceTask.allCases.filter { datasets.contains($0.rawValue) }.map { task in
                var source = prompts
                source.dataset = task.rawValue
                return (task, (source, try source.data(for: model)))
            }
        )
        circuit =
            DataDirectory.circuit(of: model.location) == nil
            ? nil : try Circuit.named("default", for: model.config, at: model.location)
        for stage in stages where circuit == nil && !Set(stage.measure).isDisjoint(with: [.faithfulness, .surface]) {
            throw IOIError(
                "stage \(stage.name.quoted): no circuit belongs to the model \(model.location.name), expected one for "
                    + "faithfulness; keep it as \(model.location.folder.path)/circuit.json"
            )
        }
        // Another version of the program may measure otherwise.
        baseHash = Self.hash([try model.sha256(), ioiVersion])
        models = [.base: (model.location, baseHash)]
        for name in ["runs", "results"] {
            do {
                try FileManager.default.createDirectory(
                    at: folder.appendingPathComponent(name), withIntermediateDirectories: true
                )
            } catch {
                throw IOIError("\(folder.path): cannot be made: \(error.localizedDescription)")
            }
        }
        lock = try RunFolder(folder).lock()
        for name in ["", "results"] {
            AtomicFile.removeLeftovers(in: folder.appendingPathComponent(name), all: true)
        }
    }

    /// Does what has not been done, and decides the claims.
    ///
    /// - Throws: ``IOIError`` of the work; ``Interruption``.
    public func run(observe: @escaping (Event) -> Void) throws -> ReproductionRecord {
        let total = stages.reduce(0) { $0 + ($1.dataset == nil ? 0 : 1) + $1.models.count * $1.measure.count }
        var index = 0
        func work(_ title: String, isDone: Bool, _ body: () throws -> Void) throws {
            index += 1
            observe(.began(title, index: index, total: total, isDone: isDone))
            guard !isDone else { return }
            let started = ContinuousClock.now
            do {
                try body()
            } catch  where error is PatchInterruption || error is Stop {
                throw Interruption(done: index - 1, total: total)
            }
            observe(.finished(title, seconds: (ContinuousClock.now - started) / .seconds(1)))
        }
        for stage in stages {
            if stage.dataset != nil {
                let training = try training(stage)
                let folders = stage.models.map { training.run.checkpointFolder(step: 0, epochEnding: $0.epoch) }
                let isDone = folders.allSatisfy { (try? ModelLocation(folder: $0)) != nil }
                // What a process that was killed right after the last checkpoint did not come to.
                if isDone { try training.run.dropOlderOptimizers() }
                try work("train \(stage.name)", isDone: isDone) {
                    try train(training) { observe(.progress($0)) }
                }
                for (model, folder) in zip(stage.models, folders) {
                    models[model] = (try ModelLocation(folder: folder), Self.hash([training.hash, "\(model.epoch)"]))
                }
            }
            for model in stage.models {
                var loaded: GPT2?
                for measure in stage.measure {
                    let file = try file(of: measure, model)
                    let isDone = FileManager.default.fileExists(atPath: file.path)
                    // Likewise what an interruption left, once the results are there.
                    if isDone { PartialResults.remove(besides: file) }
                    try work("\(measure.rawValue) of \(model)", isDone: isDone) {
                        let gpt2 = try loaded ?? load(model)
                        loaded = gpt2
                        try self.measure(measure, gpt2, to: file) { observe(.progress($0)) }
                    }
                    measurements.append(
                        ReproductionRecord.Measurement(
                            model: model, measure: measure, file: "results/\(file.lastPathComponent)"
                        )
                    )
                }
            }
        }
        let record = try ReproductionRecord(
            plan: plan, model: ModelRecord(base),
            note: base.location.note, circuit: circuit, dataset: datasetRecord,
            environment: EnvironmentRecord(workers: settings.workers), stages: stages.map(\.name),
            runs: runs, measurements: measurements, claims: decide()
        )
        try AtomicFile.write(
            try JSONEncoder.readable.encode(record), to: folder.appendingPathComponent(ReproductionRecord.fileName)
        )
        return record
    }

    // MARK: Training

    private struct TrainingTask {
        let run: RunFolder
        let from: ModelLocation
        let prompts: PromptSource
        let settings: TrainingSettings
        let hash: String
    }

    private var runs: [String: String] = [:]

    private func training(_ stage: Plan.Stage) throws -> TrainingTask {
        let from = models[stage.from ?? .base]!
        var prompts = PromptSource(count: stage.count ?? plan.training.count)
        prompts.dataset = stage.dataset!
        prompts.seed = plan.training.seed
        let epochs = stage.epochs!
        var settings = TrainingSettings(
            epochs: epochs.last!, batch: plan.training.batch, seed: plan.training.seed,
            threads: self.settings.workers.count, savedEpochs: epochs
        )
        settings.optimizer.learningRate = plan.training.learningRate
        let hash = Self.hash([from.hash, try Self.text(prompts), try Self.text(settings)])
        let name = "\(stage.name.replacing(" ", with: "-"))-\(hash)"
        runs[stage.name] = "runs/\(name)"
        return TrainingTask(
            run: RunFolder(folder.appendingPathComponent("runs/\(name)")), from: from.location, prompts: prompts,
            settings: settings, hash: hash
        )
    }

    private func train(_ task: TrainingTask, progress: (Double) -> Void) throws {
        func load(_ location: ModelLocation) throws -> GPT2 { try GPT2(location, workers: settings.workers) }
        let job =
            task.run.holdsRun
            ? try FinetuneJob.resume(task.run, load: load)
            : try FinetuneJob.start(
                in: task.run, from: load(task.from), prompts: task.prompts, heldOut: nil, settings: task.settings
            )
        let outcome = try job.train(shouldStop: settings.isInterrupted) { event in
            if case .step(let metrics) = event { progress(Double(metrics.step) / Double(job.trainer.steps)) }
        }
        if outcome == .interrupted { throw Stop() }
    }

    // MARK: Measuring

    private func load(_ model: PlanModel) throws -> GPT2 {
        model == .base ? base : try GPT2(models[model]!.location, workers: settings.workers)
    }

    /// Where a measurement is kept: under a hash of model, prompts, options and circuit.
    private func file(of measure: Plan.Measure, _ model: PlanModel) throws -> URL {
        var deciding = [models[model]!.hash, datasetRecord.sha256, measure.rawValue]
        switch measure {
        case .eval, .mlps: break
        case .faithfulness, .surface: deciding += [try Self.text(faithfulness(measure)), try Self.text(circuit)]
        case .circuit: deciding += [try Self.text(discovery)]
        case .patterns, .outputs: deciding += [baseHash, try Self.text(comparison(measure)), try Self.text(circuit)]
        case .heads: deciding += [baseHash, try Self.text(headsOptions), try Self.text(circuit)]
        case .agreement, .greaterThan: deciding[1] = DatasetRecord(tasks[measure.task!]!.dataset).sha256
        }
        let name = "\(model)-\(measure.rawValue)-\(Self.hash(deciding)).json".replacing(" ", with: "-")
        return folder.appendingPathComponent("results/\(name)")
    }

    private func faithfulness(_ measure: Plan.Measure) -> FaithfulnessOptions {
        var options = FaithfulnessOptions(prompts: prompts)
        options.randomSets = 20
        options.surface = measure == .surface
        return options
    }

    private var discovery: DiscoverOptions {
        var walk = plan.walk?.walk ?? PathWalk()
        walk.seed = prompts.seed
        return DiscoverOptions(prompts: prompts, method: .path(walk))
    }

    private func comparison(_ measure: Plan.Measure) -> PatchOptions {
        let options = PatchOptions.CrossModel(
            components: [measure == .patterns ? .pattern : .z], position: .all, directions: [.donorToHost],
            circuit: circuit == nil ? nil : "default", randomSets: 20
        )
        return PatchOptions(mode: .crossModel(options), prompts: prompts, aggregation: .ratioOfMeans)
    }

    private var headsOptions: HeadsOptions {
        var options = HeadsOptions(prompts: prompts)
        options.perPrompt = .movers
        return options
    }

    /// - Parameter donor: a trained model; nil for the plan's own alone.
    private func measureHeads(
        _ donor: GPT2?,
        _ partial: PartialResults,
        _ progress: @escaping (Double) -> Void
    ) throws -> HeadsResults {
        let job = try HeadsJob(headsOptions, model: base, donor: donor)
        let staged = StagedProgress(
            total: [heads == nil, donor != nil].reduce(0) { $0 + ($1 ? 1 : 0) }, report: progress)
        let own =
            try heads
            ?? job.observe(base, .model, dataset, settings: settings, partial: partial, progress: staged.stage(1))
        heads = own
        guard let donor else { return HeadsResults(model: own.profile) }
        return try job.compare(
            base, own, with: donor, dataset, settings: settings, partial: partial, progress: staged.stage(1)
        )
    }

    private func measure(
        _ measure: Plan.Measure,
        _ model: GPT2,
        to file: URL,
        progress: @escaping (Double) -> Void
    ) throws {
        let partial = try PartialResults(besides: file, deciding: [file.lastPathComponent])
        switch measure {
        case .eval:
            try write("eval", EvaluationOptions(prompts: prompts), model, to: file) {
                let measures = try Evaluator(model.parameters, workers: settings.workers).measure(dataset.prompts)
                return Evaluation(measures, seed: prompts.seed)
            }
        case .faithfulness, .surface:
            let options = faithfulness(measure)
            try write("faithfulness", options, model, to: file) {
                try FaithfulnessJob(options, model: model).run(
                    model, dataset, settings: settings, partial: partial, perPrompt: false, progress: progress
                )
            }
        case .circuit:
            try write("circuit discover", discovery, model, to: file) {
                try FoundCircuit {
                    try DiscoverJob(discovery, config: model.config).run(
                        model, dataset, settings: settings, partial: partial, progress: progress
                    )
                }
            }
        case .patterns, .outputs:
            let options = comparison(measure)
            try write("patch", options, base, donor: model, to: file) {
                try PatchJob(options).run(
                    base, donor: model, dataset, settings: settings, partial: partial, perPrompt: false,
                    progress: progress
                )
            }
        case .heads:
            let donor = model === base ? nil : model
            try write("heads", headsOptions, base, donor: donor, to: file) {
                try measureHeads(donor, partial, progress)
            }
        case .mlps:
            var options = KnockoutOptions(prompts: prompts)
            options.mlps = ["all"]
            options.each = true
            try write("knockout", options, model, to: file) {
                try KnockoutJob(options, model: model).run(
                    model, dataset, settings: settings, partial: partial, perPrompt: false, progress: progress
                )
            }
        case .agreement, .greaterThan:
            let (source, dataset) = tasks[measure.task!]!
            try write("eval", EvaluationOptions(prompts: source), model, on: DatasetRecord(dataset), to: file) {
                try Evaluator(model.parameters, workers: settings.workers).evaluate(dataset, seed: source.seed)
            }
        }
        partial.remove()
    }

    private func write<Options: Encodable, Results: Encodable>(
        _ command: String,
        _ options: Options,
        _ model: GPT2,
        donor: GPT2? = nil,
        on dataset: DatasetRecord? = nil,
        to file: URL,
        _ body: () throws -> Results
    ) throws {
        let started = ContinuousClock.now
        let results = try body()
        let document = ResultsDocument(
            command: command, options: options, model: try ModelRecord(model), donor: try donor.map(ModelRecord.init),
            dataset: dataset ?? datasetRecord, environment: EnvironmentRecord(workers: settings.workers),
            seconds: (ContinuousClock.now - started) / .seconds(1), results: results
        )
        try AtomicFile.write(try JSONEncoder.readable.encode(document), to: file)
    }

    // MARK: Claims

    private func decide() throws -> [ReproductionRecord.Decision] {
        var known: [String: Any] = [:]
        func figure(_ path: FigurePath) throws -> MeasuredFigure? {
            guard
                let measurement = measurements.first(where: {
                    $0.model == path.model && $0.measure == path.measure
                })
            else { return nil }
            let file = folder.appendingPathComponent(measurement.file)
            if known[measurement.file] == nil {
                let document = try JSONSerialization.jsonObject(with: InputFile.read(file)) as? [String: Any]
                known[measurement.file] = document?["results"]
            }
            guard let results = known[measurement.file] else {
                throw IOIError("\(file.path): results: found nothing, expected what was measured")
            }
            return try MeasuredFigure(at: path.steps, in: results, file: file.path)
        }
        // Nobody asked for what only extra stages measure that were left out.
        let asked = Set(
            plan.stages.filter { stage in stage.isExtra != true || stages.contains { $0.name == stage.name } }
                .flatMap(\.measurements)
        )
        let claims = plan.claims.filter { claim in
            [claim.figure, claim.rule.of].allSatisfy { $0.map { asked.contains($0.measurement) } ?? true }
        }
        return try claims.map { claim in
            let measured = try figure(claim.figure)
            let other = try claim.rule.of.flatMap(figure)
            return ReproductionRecord.Decision(
                claim: claim, measured: measured, other: other, verdict: claim.verdict(measured, other: other)
            )
        }
    }

    // MARK: Hashes

    /// Twelve digits of SHA-256 tell far more pieces of work apart than a folder will hold.
    private static func hash(_ parts: [String]) -> String {
        String(Digest.sha256(of: Data(parts.joined(separator: "\n").utf8)).prefix(12))
    }

    private static func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder.readable.encode(value), as: UTF8.self)
    }
}
