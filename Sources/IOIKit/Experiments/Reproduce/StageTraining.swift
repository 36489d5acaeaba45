import Foundation

/// The fine-tuning run of a stage.
struct StageTraining {
    /// Thrown when training was asked to stop.
    struct Interruption: Error {}

    /// A hash of everything that decides the trained models.
    let hash: String
    let run: RunFolder
    /// The checkpoints that the stage measures.
    let checkpoints: [URL]
    private let from: ModelLocation
    private let prompts: PromptSource
    private let settings: TrainingSettings

    /// - Parameters:
    ///   - from: the model that the stage starts from, and the hash of what decides it.
    ///   - folder: the folder of all runs.
    init(
        _ stage: Plan.Stage,
        of plan: Plan,
        from: (location: ModelLocation, hash: String),
        in folder: URL,
        threads: Int
    ) throws {
        var prompts = PromptSource(count: stage.count ?? plan.training.count)
        prompts.dataset = stage.dataset!
        prompts.seed = plan.training.seed
        let epochs = stage.epochs!
        var settings = TrainingSettings(
            epochs: epochs.last!, batch: plan.training.batch, seed: plan.training.seed, threads: threads,
            savedEpochs: epochs
        )
        settings.optimizer.learningRate = plan.training.learningRate
        hash = CacheKey.of([from.hash, try CacheKey.text(prompts), try CacheKey.text(settings)])
        let run = RunFolder(folder.appendingPathComponent("\(stage.name.replacing(" ", with: "-"))-\(hash)"))
        checkpoints = epochs.map { run.checkpointFolder(step: 0, epochEnding: $0) }
        self.run = run
        self.from = from.location
        self.prompts = prompts
        self.settings = settings
    }

    var isDone: Bool { checkpoints.allSatisfy { (try? ModelLocation(folder: $0)) != nil } }

    /// Trains, or resumes an interrupted run.
    ///
    /// - Throws: `IOIError`; ``Interruption`` if the settings ask to stop.
    func train(_ runSettings: RunSettings, progress: (Double) -> Void) throws {
        func load(_ location: ModelLocation) throws -> GPT2 { try GPT2(location, workers: runSettings.workers) }
        let job =
            run.holdsRun
            ? try FinetuneJob.resume(run, load: load)
            : try FinetuneJob.start(in: run, from: load(from), on: .prompts(prompts), heldOut: nil, settings: settings)
        let outcome = try job.train(shouldStop: runSettings.isInterrupted) { event in
            if case .step(let metrics) = event { progress(Double(metrics.step) / Double(job.trainer.steps)) }
        }
        if outcome == .interrupted { throw Interruption() }
    }
}
