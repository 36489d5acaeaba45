import Foundation

/// A fine-tuning run: its folder, the model it starts from, the training data and the held-out prompts on which every
/// kept epoch is evaluated. Several ranks may train together; rank 0 alone writes to the folder.
public final class FinetuneJob {
    public enum Event {
        case step(StepMetrics)
        case saved(Checkpoint)
        /// The held-out prompts were evaluated before training (epoch 0) or after a kept epoch.
        case evaluated(epoch: Int, TaskEvaluation)
    }

    public let run: RunFolder
    public let record: RunRecord
    public let training: TrainingData
    public let heldOut: TaskDataset?
    public let trainer: Trainer
    private let ranks: Ranks

    /// Starts a run in a new folder.
    ///
    /// - Parameters:
    ///   - heldOut: the prompts to evaluate on; nil for no evaluation.
    ///   - settings: threads, memory and interruption.
    ///   - run: the run folder.
    ///   - reservation: of the folder, if it was made before; by rank 0 alone.
    ///   - base: the model to start from.
    ///   - source: what to train on.
    ///   - ranks: the processes that train together.
    ///   - check: throws if the examples are not what was asked for.
    /// - Throws: `IOIError` if a setting is out of range, the examples cannot be made, the folder is in use or the disk
    ///   is too full. Nothing is left behind then.
    public static func start(
        in run: RunFolder,
        reservation: RunFolder.Reservation? = nil,
        from base: GPT2,
        on source: TrainingSource,
        heldOut: PromptSource?,
        settings: TrainingSettings,
        ranks: Ranks = .alone,
        check: (TrainingData) throws -> Void = { _ in }
    ) throws -> FinetuneJob {
        try source.validate(as: settings.examples)
        try heldOut?.validate()
        try settings.validate(for: ranks)
        try settings.precision.check()
        var reservation = reservation
        try ranks.onFirst { reservation = try reservation ?? RunFolder.Reservation(run) }
        base.beginHashing()
        let training = try source.data(for: base, as: settings.examples)
        try check(training)
        let measured = try heldOut.map { try $0.data(for: base) }
        let record = RunRecord(
            model: .init(
                name: base.location.name, folder: base.location.folder.path, sha256: try base.sha256(),
                tokenizer: base.location.otherTokenizer?.path
            ),
            source: source, dataset: training.record, heldOut: heldOut, settings: settings
        )
        try ranks.onFirst { try reservation?.begin(record) }
        let job = try FinetuneJob(
            run: run, lock: reservation?.lock, record: record, base: base, training: training, heldOut: measured,
            ranks: ranks
        )
        reservation?.keep()
        return job
    }

    /// Resumes the run in a folder from its newest checkpoint.
    ///
    /// - Parameters:
    ///   - load: loads the model the run started from.
    ///   - change: may prolong the run, or change settings that do not affect its steps.
    ///   - run: the run folder.
    ///   - ranks: the processes that train together, which may be others than before.
    /// - Throws: `IOIError` if the folder contains no run, its model or prompts have changed, or a setting is out of
    ///   range.
    public static func resume(
        _ run: RunFolder,
        ranks: Ranks = .alone,
        load: (ModelLocation) throws -> GPT2,
        change: (inout TrainingSettings) throws -> Void = { _ in }
    ) throws -> FinetuneJob {
        _ = try run.record()
        var lock: FileLock?
        try ranks.onFirst { lock = try run.lock() }
        // As the process that held the lock before may have left it.
        var record = try run.record()
        try record.prompts?.checkRepeatable("\(run.configFile.path): prompts")
        try run.check(Schedule(settings: record.settings, examples: record.dataset.count))
        try change(&record.settings)
        try record.settings.validate(for: ranks)
        try record.settings.precision.check()
        let steps = Schedule(settings: record.settings, examples: record.dataset.count).steps
        if let done = try run.savedCheckpoints().last?.step, done > steps {
            throw IOIError.invalid(
                "epochs", "found a run of \(steps) steps, expected at least the \(done) that are done")
        }
        let location = try ModelLocation(name: record.model.name, folder: URL(fileURLWithPath: record.model.folder))
        let base = try load(location.with(tokenizer: record.model.tokenizer.map { URL(fileURLWithPath: $0) }))
        guard try base.sha256() == record.model.sha256 else {
            throw IOIError(
                "\(base.location.weightsFile.path): is not the file that the run in \(run.url.path) started from"
            )
        }
        let training = try record.source.data(for: base, as: record.settings.examples)
        guard training.record == record.dataset else {
            throw IOIError(
                "\(run.configFile.path): the training data differ from those at the start of the run; a file of text, "
                    + "prompts, templates or names has changed"
            )
        }
        let measured = try record.heldOut.map { try $0.data(for: base) }
        let job = try FinetuneJob(
            run: run, lock: lock, record: record, base: base, training: training, heldOut: measured, ranks: ranks
        )
        try ranks.onFirst { try run.write(record) }
        return job
    }

    private init(
        run: RunFolder,
        lock: FileLock?,
        record: RunRecord,
        base: GPT2,
        training: TrainingData,
        heldOut: TaskDataset?,
        ranks: Ranks
    ) throws {
        self.ranks = ranks
        self.run = run
        self.record = record
        self.training = training
        self.heldOut = heldOut
        for pull in record.settings.guidance?.pulls ?? [] {
            if let problem = base.config.problem(with: pull.head) { throw IOIError.invalid("guidance", problem) }
        }
        trainer = try Trainer(
            run: run, lock: lock, settings: record.settings, base: base, examples: training.examples, ranks: ranks
        )
    }

    /// Trains to the end and evaluates the base model and each kept epoch.
    ///
    /// - Parameters:
    ///   - shouldStop: called after each step; on true the run saves a checkpoint and stops.
    ///   - observe: called for each event.
    public func train(
        shouldStop: () -> Bool = { false },
        observe: (Event) throws -> Void = { _ in }
    ) throws -> Trainer.Outcome {
        // Makes up for a process killed between saving and evaluating.
        if trainer.step == 0 {
            let model = ModelRecord(
                name: record.model.name, folder: URL(fileURLWithPath: record.model.folder), sha256: record.model.sha256,
                tokenizer: record.model.tokenizer.map { URL(fileURLWithPath: $0) }
            )
            try evaluate(model, epoch: 0, observe)
        } else if let newest = trainer.newest {
            try evaluate(newest, observe)
        }
        return try trainer.train(shouldStop: shouldStop) { event in
            switch event {
            case .step(let metrics):
                try observe(.step(metrics))
            case .saved(let checkpoint):
                try observe(.saved(checkpoint))
                try evaluate(checkpoint, observe)
            }
        }
    }

    private static let evaluationName = "eval-epoch-"

    static func evaluationFile(epoch: Int) -> String { evaluationName + String(format: "%03d.json", epoch) }

    /// The epoch of an evaluation file of the run; nil for any other file.
    static func epoch(of name: String) -> Int? {
        guard name.hasPrefix(evaluationName), let epoch = Int(name.dropFirst(evaluationName.count).dropLast(5)) else {
            return nil
        }
        return evaluationFile(epoch: epoch) == name ? epoch : nil
    }

    private func evaluate(_ checkpoint: Checkpoint, _ observe: (Event) throws -> Void) throws {
        guard let epoch = checkpoint.keptEpoch, heldOut != nil, try !isEvaluated(epoch: epoch) else { return }
        let location = try ModelLocation(folder: checkpoint.folder)
        // The weights in memory are those that were saved or loaded.
        let sha256 = try checkpoint.sha256 ?? Digest.sha256(of: location.weightsFile)
        try evaluate(
            ModelRecord(name: location.name, folder: location.folder, sha256: sha256), epoch: epoch, observe
        )
    }

    private func resultsFile(epoch: Int) -> URL {
        run.results.appendingPathComponent(Self.evaluationFile(epoch: epoch))
    }

    private func isEvaluated(epoch: Int) throws -> Bool {
        try ranks.onFirst { FileManager.default.fileExists(atPath: resultsFile(epoch: epoch).path) }
    }

    /// Evaluates the current weights, which are those of `model`, unless the results file exists.
    private func evaluate(
        _ model: @autoclosure () throws -> ModelRecord,
        epoch: Int,
        _ observe: (Event) throws -> Void
    ) throws {
        guard let heldOut, let source = record.heldOut, try !isEvaluated(epoch: epoch) else { return }
        let started = ContinuousClock.now
        let workers = Workers(count: record.settings.threads)
        let evaluation = try Evaluator(trainer.parameters, workers: workers, ranks: ranks)
            .evaluate(heldOut, seed: source.seed)
        let document = ResultsDocument(
            command: "eval", options: EvaluationExperiment(prompts: source),
            model: try model(),
            dataset: DatasetRecord(heldOut), environment: EnvironmentRecord(workers: workers),
            seconds: (ContinuousClock.now - started) / .seconds(1), results: evaluation
        )
        try ranks.onFirst { try AtomicFile.write(JSONEncoder.readable.encode(document), to: resultsFile(epoch: epoch)) }
        try observe(.evaluated(epoch: epoch, evaluation))
    }
}
