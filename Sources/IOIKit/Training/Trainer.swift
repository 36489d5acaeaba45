import Foundation

/// The training loop: AdamW on shuffled batches, a line of metrics for each step, checkpoints that
/// a run can go on from bit for bit.
public final class Trainer {
    /// What happens in a run, in order.
    public enum Event {
        case step(StepMetrics)
        case saved(Checkpoint)
    }

    /// How a run came to its end.
    public enum Outcome: Equatable, Sendable {
        case finished
        /// It was asked to stop, and saved a checkpoint to go on from.
        case interrupted
    }

    public let run: RunFolder
    /// The weights as they are now.
    public let parameters: GPT2Parameters
    private let settings: TrainingSettings
    private let schedule: Schedule
    private let examples: [TrainingExample]
    private let original: ModelLocation
    private let workers: Workers
    /// Until training ends.
    private var lock: RunFolder.Lock?
    private var optimizer: AdamW
    /// The newest checkpoint, if there is one.
    public private(set) var newest: Checkpoint?

    /// - Parameters:
    ///   - run: holds the run's record, and its checkpoints where it goes on.
    ///   - base: the model that the run starts from; a checkpoint's weights take the place of its weights.
    ///   - examples: none may be longer than the context.
    /// - Throws: `IOIError` where another process trains in the folder, a checkpoint cannot be read, or the disk has no
    ///   room for those to come.
    public init(
        run: RunFolder,
        settings: TrainingSettings,
        base: GPT2,
        examples: [TrainingExample]
    ) throws {
        self.run = run
        self.settings = settings
        self.examples = examples
        workers = Workers(count: settings.threads)
        schedule = Schedule(settings: settings, examples: examples.count)
        original = base.location
        lock = try run.lock()
        run.removeLeftovers()
        newest = try run.savedCheckpoints().last
        if let newest {
            guard newest.holdsOptimizer else {
                throw IOIError(
                    "\(newest.optimizerFile.path): missing, so the run cannot go on from its newest checkpoint"
                )
            }
            let weights = newest.folder.appendingPathComponent("model.safetensors")
            let saved = try GPT2Parameters(contentsOf: weights, config: base.config, workers: workers)
            parameters = GPT2Parameters(copying: saved, workers: workers)
            optimizer = try newest.optimizer(base.config, workers: workers)
            // A process that was killed after saving it may not have come to that.
            if !settings.keepsOptimizer { try run.dropOlderOptimizers() }
        } else {
            parameters = GPT2Parameters(copying: base.parameters, workers: workers)
            optimizer = AdamW(base.config)
        }
        try checkRoom()
    }

    /// Steps done so far.
    public var step: Int { optimizer.step }
    /// Steps of the whole run.
    public var steps: Int { schedule.steps }
    public var stepsPerEpoch: Int { schedule.stepsPerEpoch }

    /// Trains to the end of the run; once.
    ///
    /// - Parameters:
    ///   - shouldStop: asked after each step; when it says so, the run saves and stops.
    ///   - observe: told what happens; what it throws ends the run.
    /// - Throws: `IOIError` where a loss or a weight stops being a finite number (checkpoints stay as they are), or
    ///   the disk refuses.
    public func train(
        shouldStop: () -> Bool = { false },
        observe: (Event) throws -> Void = { _ in }
    ) throws -> Outcome {
        defer { lock = nil }
        guard step < steps else { return .finished }
        let metrics = try MetricsLog(run.metricsFile, keepingSteps: step)
        let rows: PackedBatch.Rows = settings.loss == .answer ? .last : .all
        let forward = ForwardPass(
            parameters,
            capacity: BatchCapacity(lengths: examples.map(\.tokens.count), count: settings.batch, rows: rows),
            keeping: .forBackward, workers: workers
        )
        let backward = BackwardPass(forward)
        var order: (epoch: Int, examples: [Int]) = (0, [])
        while step < steps {
            let started = ContinuousClock.now
            let next = step + 1
            let epoch = schedule.epoch(of: next)
            if order.epoch != epoch { order = (epoch, schedule.order(ofEpoch: epoch)) }
            let batch = order.examples[schedule.slice(of: next)].map { examples[$0] }
            let packed = PackedBatch(batch.map(\.tokens), rows: rows)
            forward.run(packed)
            let loss = backward.run(
                labels: labels(of: batch), hint: settings.guidance?.hint(at: next, for: batch)
            )
            guard loss.isFinite else {
                throw IOIError("step \(next): the loss is \(loss); \(lastGood)")
            }
            let rate = settings.optimizer.learningRate * settings.schedule.share(at: next, of: steps)
            optimizer.update(
                parameters, gradients: backward.gradients, settings: settings.optimizer, rate: rate,
                workers: workers
            )
            let elapsed = (ContinuousClock.now - started) / .seconds(1)
            let line = StepMetrics(
                step: step, epoch: epoch, loss: loss, lr: rate,
                samplesPerSecond: Double(batch.count) / elapsed,
                tokensPerSecond: Double(packed.rowOfToken.count) / elapsed
            )
            try metrics.append(line)
            try observe(.step(line))

            let isStopping = shouldStop() && step < steps
            if isStopping || isCheckpointDue(after: step) { try save(metrics, observe) }
            if isStopping { return .interrupted }
        }
        return .finished
    }

    /// The labels of a batch, one for each row that the loss is taken over.
    private func labels(of batch: [TrainingExample]) -> [Int] {
        switch settings.loss {
        case .answer: batch.map(\.answer)
        case .all: batch.flatMap { $0.tokens.dropFirst() + [$0.answer] }
        }
    }

    private func isCheckpointDue(after step: Int) -> Bool {
        step == steps || schedule.keptEpoch(at: step) != nil
            || settings.checkpointInterval.map { step % $0 == 0 } == true
    }

    private func save(_ metrics: MetricsLog, _ observe: (Event) throws -> Void) throws {
        let epoch = schedule.keptEpoch(at: step)
        if let name = parameters.firstNonFinite(workers: workers) {
            throw IOIError("step \(step): tensor \(name) holds a NaN or an infinity; \(lastGood)")
        }
        try metrics.flush()
        let checkpoint = try Checkpoint.write(
            to: run.checkpointFolder(step: step, epochEnding: epoch), parameters: parameters,
            optimizer: optimizer,
            progress: .init(step: step, epoch: schedule.epoch(of: step), keptEpoch: epoch), original: original
        )
        // Only now that the new one is whole and on disk may those before lose their state.
        if !settings.keepsOptimizer { try run.dropOlderOptimizers() }
        newest = checkpoint
        try observe(.saved(checkpoint))
    }

    private var lastGood: String {
        newest.map { "the last checkpoint is \($0.folder.path)" } ?? "no checkpoint was saved before"
    }

    /// Says before the first step what would otherwise fail after hours.
    private func checkRoom() throws {
        guard step < steps else { return }
        let ends = (step + 1...steps).count { isCheckpointDue(after: $0) }
        let weights = parameters.count * MemoryLayout<Float>.stride
        // Weights for each checkpoint, and two states while the newest replaces the one before.
        let needed = ends * weights + 2 * (settings.keepsOptimizer ? max(ends, 2) : 2) * weights
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
