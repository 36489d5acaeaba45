import Foundation

/// A fine-tuning run as a user knows it: a run folder, the model it starts from, the prompts it learns, and the held-out
/// prompts on which every kept epoch is measured.
public final class FinetuneJob {
    public enum Event {
        case step(StepMetrics)
        case saved(Checkpoint)
        /// The model before training (epoch 0) or after a kept epoch, on the held-out prompts.
        case evaluated(epoch: Int, TaskEvaluation)
    }

    public let run: RunFolder
    public let record: RunRecord
    public let training: TaskDataset
    public let heldOut: TaskDataset?
    public let trainer: Trainer

    /// Starts a run in a new folder.
    ///
    /// - Parameter heldOut: what to measure on; nothing is measured where it is nil.
    /// - Throws: `IOIError` before anything is written where the model, the prompts, the folder or the disk will not do.
    public static func start(
        in run: RunFolder,
        from base: GPT2,
        prompts: PromptSource,
        heldOut: PromptSource?,
        settings: TrainingSettings
    ) throws -> FinetuneJob {
        try run.refuseUsed()
        let training = try prompts.data(for: base)
        let measured = try heldOut.map { try $0.data(for: base) }
        let record = RunRecord(
            model: .init(
                name: base.location.name, folder: base.location.folder.path, sha256: try base.sha256()
            ),
            prompts: prompts, dataset: DatasetRecord(training), heldOut: heldOut, settings: settings
        )
        try run.create(record)
        do {
            return try FinetuneJob(run: run, record: record, base: base, training: training, heldOut: measured)
        } catch {
            try? FileManager.default.removeItem(at: run.url)
            throw error
        }
    }

    /// Goes on with the run in a folder, from its newest checkpoint.
    ///
    /// - Parameters:
    ///   - load: reads the model that the run began with.
    ///   - change: may prolong the run, or change what does not touch its steps.
    /// - Throws: `IOIError` where the folder holds no run, or its model or prompts are no longer what they were.
    public static func resume(
        _ run: RunFolder,
        load: (ModelLocation) throws -> GPT2,
        change: (inout TrainingSettings) throws -> Void = { _ in }
    ) throws -> FinetuneJob {
        var record = try run.record()
        try change(&record.settings)
        let base = try load(
            ModelLocation(name: record.model.name, folder: URL(fileURLWithPath: record.model.folder))
        )
        guard try base.sha256() == record.model.sha256 else {
            throw IOIError(
                "\(base.location.weightsFile.path): is not the file that the run in \(run.url.path) began with"
            )
        }
        let training = try record.prompts.data(for: base)
        guard DatasetRecord(training) == record.dataset else {
            throw IOIError(
                "\(run.configFile.path): the training prompts come out otherwise than when the run began; "
                    + "the templates, names or prompts file has changed"
            )
        }
        let measured = try record.heldOut.map { try $0.data(for: base) }
        let job = try FinetuneJob(run: run, record: record, base: base, training: training, heldOut: measured)
        try run.write(record)
        return job
    }

    private init(
        run: RunFolder,
        record: RunRecord,
        base: GPT2,
        training: TaskDataset,
        heldOut: TaskDataset?
    ) throws {
        self.run = run
        self.record = record
        self.training = training
        self.heldOut = heldOut
        trainer = try Trainer(
            run: run, settings: record.settings, base: base, examples: training.examples
        )
    }

    /// Trains to the end, measuring the base model and each kept epoch.
    ///
    /// - Parameters:
    ///   - shouldStop: asked after each step; when it says so, the run saves and stops.
    ///   - observe: told what happens.
    public func train(
        shouldStop: () -> Bool = { false },
        observe: (Event) throws -> Void = { _ in }
    ) throws -> Trainer.Outcome {
        // A run that was killed between saving and measuring makes up for it here.
        if trainer.step == 0 {
            let model = ModelRecord(
                name: record.model.name, folder: URL(fileURLWithPath: record.model.folder), sha256: record.model.sha256
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

    /// What a run calls its measurement of an epoch.
    static func evaluationFile(epoch: Int) -> String { evaluationName + String(format: "%03d.json", epoch) }

    /// The epoch that a results file of a run is of; nil where it is none of the run's own.
    static func epoch(of name: String) -> Int? {
        guard name.hasPrefix(evaluationName), let epoch = Int(name.dropFirst(evaluationName.count).dropLast(5)) else {
            return nil
        }
        return evaluationFile(epoch: epoch) == name ? epoch : nil
    }

    private func evaluate(_ checkpoint: Checkpoint, _ observe: (Event) throws -> Void) throws {
        guard let epoch = checkpoint.keptEpoch else { return }
        let location = try ModelLocation(folder: checkpoint.folder)
        try evaluate(
            ModelRecord(
                name: location.name, folder: location.folder, sha256: Digest.sha256(of: location.weightsFile)
            ), epoch: epoch, observe
        )
    }

    /// Measures the weights as they are now, which are those of `model`, unless that was done before.
    private func evaluate(
        _ model: @autoclosure () throws -> ModelRecord,
        epoch: Int,
        _ observe: (Event) throws -> Void
    ) throws {
        let file = run.results.appendingPathComponent(Self.evaluationFile(epoch: epoch))
        guard let heldOut, let source = record.heldOut, !FileManager.default.fileExists(atPath: file.path)
        else { return }
        let started = ContinuousClock.now
        let workers = Workers(count: record.settings.threads)
        let evaluation = try Evaluator(trainer.parameters, workers: workers).evaluate(heldOut, seed: source.seed)
        let document = ResultsDocument(
            command: "eval", options: EvaluationExperiment(prompts: source),
            model: try model(),
            dataset: DatasetRecord(heldOut), environment: EnvironmentRecord(workers: workers),
            seconds: (ContinuousClock.now - started) / .seconds(1), results: evaluation
        )
        try AtomicFile.write(JSONEncoder.readable.encode(document), to: file)
        try observe(.evaluated(epoch: epoch, evaluation))
    }
}

extension TaskDataset {
    fileprivate var examples: [TrainingExample] {
        switch self {
        case .ioi(let dataset):
            dataset.prompts.map { TrainingExample(tokens: $0.tokens, answer: $0.answerToken) }
        case .choice(let dataset):
            dataset.prompts.map { TrainingExample(tokens: $0.tokens, answer: $0.answerToken) }
        }
    }
}
