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
    private let work: PlanWork
    private let settings: RunSettings
    /// Held by the first of the processes that share the work.
    private let lock: FileLock?

    /// - Parameters:
    ///   - names: the stages to run, as for ``Plan/stages(named:)``.
    ///   - settings: `isInterrupted` is called between training steps and between patched runs.
    ///   - model: the model to measure.
    ///   - plan: the plan.
    ///   - folder: the folder.
    /// - Throws: `IOIError` if the folder contains something else or is in use, a stage is unknown, a claim does not fit
    ///   the model, or the prompts cannot be made.
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
        work = try PlanWork(plan, in: folder, model: model, stages: names, settings: settings)
        try work.checkTraining()
        var lock: FileLock?
        try settings.ranks.onFirst { lock = try Self.prepare(folder) }
        self.lock = lock
    }

    private static func prepare(_ folder: URL) throws -> FileLock {
        do {
            _ = try OutputFolder.open(folder.path)
            for name in ["runs", "results"] { try OutputFolder.make(folder.appendingPathComponent(name)) }
        } catch let error as IOIError {
            throw IOIError.invalid("out", error.problem)
        }
        let lock = try RunFolder(folder).lock()
        for name in ["", "results"] {
            AtomicFile.removeLeftovers(in: folder.appendingPathComponent(name), all: true)
        }
        return lock
    }

    /// The plan's own prompts.
    public var dataset: TaskDataset { work.measuring.prompts.dataset }

    /// Does the work that is not cached, and decides the claims. The record has all stages that are done in the folder with
    /// the same settings, not only those that were asked for.
    ///
    /// - Throws: `IOIError`; ``Interruption``.
    public func run(observe: @escaping (Event) -> Void) throws -> ReproductionRecord {
        let (measuring, ranks) = (work.measuring, settings.ranks)
        let sequence = WorkSequence(total: work.pieces.count, observe: observe)
        var loaded: (model: PlanModel, gpt2: GPT2) = (.base, measuring.base)
        for piece in work.pieces {
            let isDone = try ranks.onFirst { work.isDone(piece) }
            switch piece.kind {
            case .training(let training):
                // Frees the memory of the model before.
                loaded = (.base, measuring.base)
                // A process killed right after the last checkpoint leaves older optimizer states.
                if isDone { try ranks.onFirst { try training.dropOptimizers() } }
                try sequence.perform(piece.title, isDone: isDone) { try training.train(settings, progress: $0) }
            case .measurement(let measure, let model, let name):
                let file = folder.appendingPathComponent(name)
                // A process killed right after writing the results leaves its partial results.
                if isDone, ranks.isFirst { PartialResults.remove(besides: file) }
                try sequence.perform(piece.title, isDone: isDone) { progress in
                    if loaded.model != model {
                        let workers = settings.workers
                        let source = work.models[model]!
                        loaded = (model, try model == .base ? measuring.base : source.load(workers: workers))
                    }
                    try measuring.measure(measure, loaded.gpt2, to: file, progress: progress)
                }
            }
        }
        return try ranks.onFirst(record)
    }

    /// Decides the claims and writes the record.
    private func record() throws -> ReproductionRecord {
        let measuring = work.measuring
        let model = try ModelRecord(measuring.base)
        let works = [work] + work.earlier(settings)
        let stages = plan.stages.filter { stage in works.contains { $0.stages.contains(stage) } }
        let runs = works.reduce(into: [:]) { $0.merge($1.runs) { known, _ in known } }
        let measurements = stages.flatMap { stage in
            works.first { $0.stages.contains(stage) }!.measurements(of: stage)
        }
        let record = ReproductionRecord(
            plan: plan, model: model, note: measuring.base.location.note,
            circuit: measuring.circuit, dataset: DatasetRecord(measuring.prompts.dataset),
            environment: EnvironmentRecord(workers: settings.workers), stages: stages.map(\.name), runs: runs,
            measurements: measurements,
            claims: try plan.decideClaims(
                by: measurements, runs: runs, of: stages, in: folder, isOfGPT2: model.isGPT2
            )
        )
        try AtomicFile.write(
            try JSONEncoder.readable.encode(record), to: folder.appendingPathComponent(ReproductionRecord.fileName)
        )
        return record
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
    /// Takes the place of all names in ``stages(named:)``.
    static let all = "all"

    /// The named stages and those they start from, in the plan's order.
    ///
    /// - Parameter names: nil for all stages that are not extra. `all` for these too; names with `+` before them, such as
    ///   `+agreement`, for the named ones and all that are not extra.
    /// - Throws: `IOIError` if a stage is unknown, or only some names have a `+`.
    public func stages(named names: [String]?) throws -> [Stage] {
        let added = names?.filter { $0.hasPrefix("+") } ?? []
        if let name = names?.first(where: { !$0.hasPrefix("+") }), !added.isEmpty {
            throw IOIError.invalid(
                "stages", "found \(name.quoted) beside \(added[0].quoted), expected + before each name or before none")
        }
        if names == [Self.all] { return stages }
        let named = names?.map { $0.hasPrefix("+") ? String($0.dropFirst()) : $0 } ?? []
        for name in named where !stages.contains(where: { $0.name == name }) {
            let known = stages.map(\.name).joined(separator: ", ")
            throw IOIError.invalid("stages", "found \(name.quoted), expected \(known), or \(Self.all)")
        }
        var wanted = Set(named)
        if named.isEmpty || !added.isEmpty { wanted.formUnion(stages.filter { $0.isExtra != true }.map(\.name)) }
        for stage in stages.reversed() where wanted.contains(stage.name) {
            if let from = stage.from?.stage { wanted.insert(from) }
        }
        return stages.filter { wanted.contains($0.name) }
    }
}
