import Foundation

/// Runs a plan in a folder. Results are cached by a hash of their inputs: an interrupted run continues where it stopped,
/// and a changed setting repeats only what depends on it.
///
/// The folder holds `runs/STAGE-HASH` (fine-tuning runs), `results/MODEL-MEASURE-HASH.json` (results files) and
/// `reproduce.json`, which lists those that belong to the plan and has the verdicts on its claims.
public final class Reproduction {
    /// Reported in order.
    public enum Event {
        /// A piece of work begins. `isDone` if its results are cached.
        case began(String, index: Int, total: Int, isDone: Bool)
        /// The fraction of it that is done.
        case progress(Double)
        case finished(String, seconds: Double)
    }

    /// The run was asked to stop. Finished work is kept.
    public struct Interruption: Error {
        public let done: Int
        public let total: Int
    }

    public let folder: URL
    public let plan: Plan
    private let stages: [Plan.Stage]
    private let settings: RunSettings
    private let measuring: PlanMeasuring
    private let lock: RunFolder.Lock
    /// The location of each model, and a hash of what decides it.
    private var models: [PlanModel: (location: ModelLocation, hash: String)]
    private var runs: [String: String] = [:]
    private var measurements: [ReproductionRecord.Measurement] = []

    /// - Parameters:
    ///   - names: the stages to run, which include those they start from; nil for all that are not extra.
    ///   - settings: `isInterrupted` is called between training steps and between patched runs.
    ///   - model: the model to measure.
    ///   - plan: the plan.
    ///   - folder: the folder.
    /// - Throws: `IOIError` if the folder contains something else or is in use, a stage is unknown, or the model's
    ///   tokenizer does not allow the prompts.
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
        stages = try plan.stages(named: names)
        measuring = try PlanMeasuring(plan, stages: stages, base: model, settings: settings)
        let needCircuit: Set<Plan.Measure> = [.faithfulness, .surface]
        if measuring.circuit == nil, let stage = stages.first(where: { !needCircuit.isDisjoint(with: $0.measure) }) {
            throw IOIError(
                "stage \(stage.name.quoted): found no circuit for the model \(model.location.name), expected one for "
                    + "faithfulness at \(model.location.folder.path)/circuit.json"
            )
        }
        models = [.base: (model.location, measuring.baseHash)]
        lock = try Self.prepare(folder)
    }

    private static func prepare(_ folder: URL) throws -> RunFolder.Lock {
        for name in ["runs", "results"] {
            do {
                try FileManager.default.createDirectory(
                    at: folder.appendingPathComponent(name), withIntermediateDirectories: true
                )
            } catch {
                throw IOIError("\(folder.path): cannot be created: \(error.localizedDescription)")
            }
        }
        let lock = try RunFolder(folder).lock()
        for name in ["", "results"] {
            AtomicFile.removeLeftovers(in: folder.appendingPathComponent(name), all: true)
        }
        return lock
    }

    /// Does the work that is not cached, and decides the claims.
    ///
    /// - Throws: `IOIError`; ``Interruption``.
    public func run(observe: @escaping (Event) -> Void) throws -> ReproductionRecord {
        let total = stages.reduce(0) { $0 + ($1.dataset == nil ? 0 : 1) + $1.models.count * $1.measure.count }
        let work = WorkSequence(total: total, observe: observe)
        for stage in stages {
            if stage.dataset != nil { try train(stage, work) }
            for model in stage.models { try measure(stage.measure, model, work) }
        }
        let record = try ReproductionRecord(
            plan: plan, model: ModelRecord(measuring.base), note: measuring.base.location.note,
            circuit: measuring.circuit, dataset: DatasetRecord(measuring.prompts.dataset),
            environment: EnvironmentRecord(workers: settings.workers), stages: stages.map(\.name), runs: runs,
            measurements: measurements, claims: plan.decideClaims(by: measurements, of: stages, in: folder)
        )
        try AtomicFile.write(
            try JSONEncoder.readable.encode(record), to: folder.appendingPathComponent(ReproductionRecord.fileName)
        )
        return record
    }

    private func train(_ stage: Plan.Stage, _ work: WorkSequence) throws {
        let training = try StageTraining(
            stage, of: plan, from: models[stage.from ?? .base]!, in: folder.appendingPathComponent("runs"),
            threads: settings.workers.count
        )
        runs[stage.name] = "runs/\(training.run.url.lastPathComponent)"
        let isDone = training.isDone
        // A process killed right after the last checkpoint leaves older optimizer states.
        if isDone { try training.run.dropOlderOptimizers() }
        try work.perform("train \(stage.name)", isDone: isDone) { try training.train(settings, progress: $0) }
        for (model, checkpoint) in zip(stage.models, training.checkpoints) {
            models[model] = (
                try ModelLocation(folder: checkpoint), CacheKey.of([training.hash, "\(model.epoch)"])
            )
        }
    }

    private func measure(_ measures: [Plan.Measure], _ model: PlanModel, _ work: WorkSequence) throws {
        let (location, hash) = models[model]!
        var loaded = model == .base ? measuring.base : nil
        for measure in measures {
            let name = "results/\(try measuring.fileName(of: measure, model, hash: hash))"
            let file = folder.appendingPathComponent(name)
            let isDone = FileManager.default.fileExists(atPath: file.path)
            // A process killed right after writing the results leaves its partial results.
            if isDone { PartialResults.remove(besides: file) }
            try work.perform("\(measure.rawValue) of \(model)", isDone: isDone) { progress in
                let gpt2 = try loaded ?? GPT2(location, workers: settings.workers)
                loaded = gpt2
                try measuring.measure(measure, gpt2, to: file, progress: progress)
            }
            measurements.append(.init(model: model, measure: measure, file: name))
        }
    }
}

/// Numbers the pieces of work and reports them.
private final class WorkSequence {
    private let total: Int
    private let observe: (Reproduction.Event) -> Void
    private var index = 0

    init(total: Int, observe: @escaping (Reproduction.Event) -> Void) {
        self.total = total
        self.observe = observe
    }

    /// - Parameter body: takes a function that reports progress.
    func perform(_ title: String, isDone: Bool, _ body: (@escaping (Double) -> Void) throws -> Void) throws {
        index += 1
        observe(.began(title, index: index, total: total, isDone: isDone))
        guard !isDone else { return }
        let started = ContinuousClock.now
        do {
            try body { [observe] in observe(.progress($0)) }
        } catch  where error is PatchInterruption || error is StageTraining.Interruption {
            throw Reproduction.Interruption(done: index - 1, total: total)
        }
        observe(.finished(title, seconds: (ContinuousClock.now - started) / .seconds(1)))
    }
}

extension Plan {
    /// The named stages and those they start from.
    ///
    /// - Parameter names: nil for all stages that are not extra.
    fileprivate func stages(named names: [String]?) throws -> [Stage] {
        for name in names ?? [] where !stages.contains(where: { $0.name == name }) {
            let known = stages.map(\.name).joined(separator: ", ")
            throw IOIError.invalid("stages", "found \(name.quoted), expected \(known)")
        }
        var wanted = Set(names ?? stages.filter { $0.isExtra != true }.map(\.name))
        for stage in stages.reversed() where wanted.contains(stage.name) {
            if let from = stage.from?.stage { wanted.insert(from) }
        }
        return stages.filter { wanted.contains($0.name) }
    }
}

/// The keys of cached results.
enum CacheKey {
    /// Twelve digits of SHA-256 are enough for the results in a folder.
    static func of(_ parts: [String]) -> String {
        String(Digest.sha256(of: Data(parts.joined(separator: "\n").utf8)).prefix(12))
    }

    static func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder.readable.encode(value), as: UTF8.self)
    }
}
