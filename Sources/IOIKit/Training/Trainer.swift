import Foundation

/// The training loop: AdamW on batches, a line of metrics per step, and checkpoints from which a resumed run is identical
/// bit for bit.
///
/// Several ranks train together: each takes its part of every batch, all have the same weights after every step, and rank 0
/// alone writes.
public final class Trainer {
    /// An event of a run.
    public enum Event {
        case step(StepMetrics)
        case saved(Checkpoint)
    }

    /// How a run ended.
    public enum Outcome: Equatable, Sendable {
        case finished
        /// It was asked to stop, and saved a checkpoint to resume from.
        case interrupted
    }

    public let run: RunFolder
    /// The current weights.
    public let parameters: GPT2Parameters
    private let settings: TrainingSettings
    private let schedule: Schedule
    private let examples: [TrainingExample]
    private let original: ModelLocation
    private let ranks: Ranks
    private let workers: Workers
    /// Large enough for this rank's part of any batch.
    private let capacity: BatchCapacity
    /// nil after training, and on other ranks than rank 0.
    private var lock: FileLock?
    private var optimizer: AdamW
    /// The newest checkpoint, if any.
    public private(set) var newest: Checkpoint?

    /// - Parameters:
    ///   - run: the folder with the run's record and, when resuming, its checkpoints.
    ///   - lock: that of the folder, held until the training ends; of rank 0 alone.
    ///   - base: the model the run starts from; a resumed run takes its weights from the newest checkpoint.
    ///   - examples: none may be longer than the context.
    ///   - settings: threads, memory and interruption.
    ///   - ranks: the processes that train together.
    /// - Throws: `IOIError` if a checkpoint cannot be read, or the disk has no space for the checkpoints to come.
    init(
        run: RunFolder,
        lock: FileLock?,
        settings: TrainingSettings,
        base: GPT2,
        examples: [TrainingExample],
        ranks: Ranks = .alone
    ) throws {
        self.run = run
        self.ranks = ranks
        self.settings = settings
        self.examples = examples
        workers = Workers(count: settings.threads, precision: settings.precision)
        schedule = Schedule(settings: settings, examples: examples.count)
        original = base.location
        self.lock = lock
        capacity = BatchCapacity(
            lengths: examples.map(\.tokens.count), count: (settings.batch + ranks.count - 1) / ranks.count,
            rows: settings.loss == .answer ? .last : .all
        )
        newest = try ranks.onFirst { [schedule, capacity] () -> [Checkpoint] in
            try MachineMemory.check(
                Double(TrainingStep.bytes(base.config, capacity, settings, ranks: ranks)),
                for: "training on batches of \(settings.batch) examples"
            )
            run.removeLeftovers()
            try run.check(schedule)
            return try run.savedCheckpoints()
        }.last
        if let newest {
            guard newest.holdsOptimizer else {
                throw IOIError(
                    "\(newest.optimizerFile.path): missing, so the run cannot resume from its newest checkpoint"
                )
            }
            parameters = try newest.parameters(base.config, workers: workers)
            optimizer = try newest.optimizer(base.config, settings: settings, ranks: ranks, workers: workers)
            // A process may have been killed after saving and before this.
            if !settings.keepsOptimizer { try ranks.onFirst { try run.dropOlderOptimizers() } }
        } else {
            parameters = GPT2Parameters(copying: base.parameters, workers: workers)
            optimizer = AdamW(base.config, moments: settings.moments, seed: settings.seed)
        }
        try ranks.onFirst { try checkRoom() }
    }

    /// Steps done so far.
    public var step: Int { optimizer.step }
    /// Total steps of the run.
    public var steps: Int { schedule.steps }
    public var stepsPerEpoch: Int { schedule.stepsPerEpoch }

    /// Trains to the end of the run. May be called once.
    ///
    /// - Parameters:
    ///   - shouldStop: called after each step; on true the run saves a checkpoint and stops.
    ///   - observe: called for each event; an error it throws ends the run.
    /// - Throws: `IOIError` if a loss or weight is no longer finite (checkpoints are unchanged), or a file cannot be
    ///   written.
    public func train(
        shouldStop: () -> Bool = { false },
        observe: (Event) throws -> Void = { _ in }
    ) throws -> Outcome {
        defer { lock = nil }
        guard step < steps else { return .finished }
        var metrics: MetricsLog?
        try ranks.onFirst { metrics = try MetricsLog(run.metricsFile, keepingSteps: step) }
        let rows: PackedBatch.Rows = settings.loss == .answer ? .last : .all
        var trainingStep: TrainingStep?
        var order: (epoch: Int, examples: [Int]) = (0, [])
        while step < steps {
            let started = ContinuousClock.now
            let next = step + 1
            let epoch = schedule.epoch(of: next)
            if order.epoch != epoch { order = (epoch, schedule.order(ofEpoch: epoch)) }
            let batch = order.examples[schedule.slice(of: next)].map { examples[$0] }
            let own = ranks.part(of: batch.count)
            let packed = PackedBatch(batch[own].map(\.tokens), rows: rows, sharesBeginnings: sharesBeginnings)
            let rate = settings.optimizer.learningRate * settings.schedule.share(at: next, of: steps)
            if trainingStep == nil {
                trainingStep = TrainingStep(
                    parameters, capacity: capacity, hasDropout: settings.dropout > 0, settings: settings.optimizer,
                    ranks: ranks, workers: workers
                )
            }
            let loss = trainingStep!.run(
                packed, labels: labels(of: batch[own]), of: labels(of: batch[...]).count,
                dropout: dropout(at: next, after: batch[..<own.lowerBound]),
                hint: settings.guidance?.hint(at: next, for: batch)?.part(of: own), rate: rate, optimizer: &optimizer
            )
            guard loss.isFinite else {
                throw IOIError("step \(next): the loss is \(loss); \(lastGood)")
            }
            let elapsed = (ContinuousClock.now - started) / .seconds(1)
            let line = StepMetrics(
                step: step, epoch: epoch, loss: loss, lr: rate, samplesPerSecond: Double(batch.count) / elapsed,
                tokensPerSecond: Double(batch.reduce(0) { $0 + $1.tokens.count }) / elapsed
            )
            try ranks.onFirst { try metrics?.append(line) }
            try observe(.step(line))

            let isStopping = ranks.any(shouldStop()) && step < steps
            if isStopping || isCheckpointDue(after: step) {
                // Whoever observes it may need memory too, for an evaluation.
                trainingStep = nil
                try save(metrics, observe)
            }
            if isStopping { return .interrupted }
        }
        return .finished
    }

    /// Examples that share rows would share their dropout too, and blocks of a text have nothing to share.
    private var sharesBeginnings: Bool {
        if case .blocks = settings.examples { return false }
        return settings.dropout == 0
    }

    /// - Parameter others: the examples of the batch before those of this rank.
    private func dropout(at step: Int, after others: ArraySlice<TrainingExample>) -> Dropout? {
        guard settings.dropout > 0 else { return nil }
        let first = Dropout.First(rows: others.reduce(0) { $0 + $1.tokens.count }, queries: labels(of: others).count)
        return Dropout(rate: settings.dropout, seed: settings.seed, step: step, first: first)
    }

    /// One label for each row that the loss is averaged over.
    private func labels(of batch: ArraySlice<TrainingExample>) -> [Int] {
        switch settings.loss {
        case .answer: batch.map(\.answer)
        case .all: batch.flatMap { $0.tokens.dropFirst() + [$0.answer] }
        }
    }

    private func isCheckpointDue(after step: Int) -> Bool {
        step == steps || schedule.keptEpoch(at: step) != nil
            || settings.checkpointInterval.map { step % $0 == 0 } == true
    }

    private func save(_ metrics: MetricsLog?, _ observe: (Event) throws -> Void) throws {
        let epoch = schedule.keptEpoch(at: step)
        try ranks.checkEqual(parameters, workers: workers, at: step)
        if let name = parameters.firstNonFinite(workers: workers) {
            throw IOIError("step \(step): tensor \(name) holds a NaN or an infinity; \(lastGood)")
        }
        ranks.collect(optimizer, of: parameters.config)
        let checkpoint = try ranks.onFirst {
            try metrics?.flush()
            let checkpoint = try Checkpoint.write(
                to: run.checkpointFolder(step: step, epochEnding: epoch), parameters: parameters, optimizer: optimizer,
                progress: .init(step: step, epoch: schedule.epoch(of: step), keptEpoch: epoch), original: original
            )
            // The older states may go only once the new checkpoint is on disk.
            if !settings.keepsOptimizer { try run.dropOlderOptimizers() }
            return checkpoint
        }
        newest = checkpoint
        try observe(.saved(checkpoint))
    }

    private var lastGood: String {
        newest.map { "the last checkpoint is \($0.folder.path)" } ?? "no checkpoint was saved before"
    }

    /// Fails now rather than after hours of training.
    private func checkRoom() throws {
        guard step < steps else { return }
        let ends = schedule.checkpoints(after: step)
        // Of the optimizer's states, all or the one that replaces another.
        let states = settings.keepsOptimizer ? ends : min(ends, 2)
        let needed =
            ends * GPT2Parameters.bytes(parameters.config)
            + states * 2 * Moments.bytes(parameters.config, settings.moments)
        var system = statvfs()
        guard statvfs(run.url.path, &system) == 0 else { return }
        let free = Int(system.f_bavail) * Int(system.f_frsize)
        guard free >= needed else {
            throw IOIError(
                "\(run.url.path): the disk has \(megabytes(free)) free, expected at least "
                    + "\(megabytes(needed)) for \(ends) checkpoints"
            )
        }
    }
}

private func megabytes(_ bytes: Int) -> String { "\(bytes / 1_000_000) MB" }
