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
    private var heads: HeadsExperiment.Observation?

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

    /// The experiment that a measure of the plan is.
    private func experiment(_ measure: Plan.Measure) -> any Experiment {
        switch measure {
        case .eval: return EvaluationExperiment(prompts: prompts)
        case .agreement, .greaterThan: return EvaluationExperiment(prompts: tasks[measure.task!]!.prompts)
        case .faithfulness, .surface:
            var faithfulness = FaithfulnessExperiment(prompts: prompts)
            faithfulness.randomSets = 20
            faithfulness.surface = measure == .surface
            return faithfulness
        case .circuit:
            var walk = plan.walk?.walk ?? PathWalk()
            walk.seed = prompts.seed
            return DiscoverExperiment(prompts: prompts, method: .path(walk))
        case .patterns, .outputs:
            let options = PatchExperiment.CrossModel(
                components: [measure == .patterns ? .pattern : .z], position: .all, directions: [.donorToHost],
                circuit: circuit == nil ? nil : "default", randomSets: 20
            )
            return PatchExperiment(mode: .crossModel(options), prompts: prompts, aggregation: .ratioOfMeans)
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

    /// The models and prompts of a measure. Where it compares, the plan's own model is the host of the trained one.
    private func subject(_ measure: Plan.Measure, _ model: GPT2) -> Subject {
        let dataset = measure.task.map { tasks[$0]!.dataset } ?? .ioi(dataset)
        guard measure.comparesWithBase || measure == .heads else { return Subject(model, dataset) }
        return Subject(base, donor: model === base ? nil : model, dataset)
    }

    /// The file that caches a measurement, named by a hash of its inputs.
    private func file(of measure: Plan.Measure, _ model: PlanModel) throws -> URL {
        let dataset = measure.task.map { DatasetRecord(tasks[$0]!.dataset) } ?? datasetRecord
        let inputs = [
            models[model]!.hash, baseHash, dataset.sha256, measure.rawValue, try Self.text(experiment(measure)),
            try Self.text(circuit),
        ]
        let name = "\(model)-\(measure.rawValue)-\(Self.hash(inputs)).json".replacing(" ", with: "-")
        return folder.appendingPathComponent("results/\(name)")
    }

    private func measure(
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
            // The plan's own model is observed once, for all others to be compared with.
            if heads == nil, subject.donor != nil {
                var own = work
                own.progress = { progress(0.5 * $0) }
                heads = try experiment.observe(base, dataset.prompts, own)
                work.progress = { progress(0.5 + 0.5 * $0) }
            }
            heads = try heads ?? experiment.observe(base, dataset.prompts, work)
            subject.observedHeads = heads
        }
        try write(experiment, on: subject, work, to: file)
        partial.remove()
    }

    private func write(_ experiment: some Experiment, on subject: Subject, _ work: Work, to file: URL) throws {
        let document = try ResultsDocument(running: experiment, on: subject, work)
        try AtomicFile.write(try JSONEncoder.readable.encode(document), to: file)
    }

    // MARK: Claims

    private func decide() throws -> [ReproductionRecord.Decision] {
        struct Document: Decodable { let results: JSONValue }
        var known: [String: JSONValue] = [:]
        func figure(_ path: FigurePath) throws -> Estimate? {
            guard
                let measurement = measurements.first(where: {
                    $0.model == path.model && $0.measure == path.measure
                })
            else { return nil }
            let file = folder.appendingPathComponent(measurement.file)
            let results = try known[measurement.file] ?? InputFile.decode(Document.self, from: file).results
            known[measurement.file] = results
            return try Estimate(at: path.steps, in: results, file: file.path)
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
