import Foundation

/// A training run of a plan.
struct StageTraining {
    /// Thrown when training was asked to stop.
    struct Interruption: Error {}

    /// A hash of everything that decides the trained models.
    let hash: String
    let run: RunFolder
    let prompts: PromptSource
    let settings: TrainingSettings
    /// The checkpoints that the stage measures, by epoch.
    let checkpoints: [(epoch: Int, folder: URL)]
    private let from: PlanSource

    /// - Parameters:
    ///   - planned: which run of the stage.
    ///   - from: the model that the stage starts from.
    ///   - folder: the folder of all runs.
    init(
        _ planned: Plan.Run,
        of stage: Plan.Stage,
        in plan: Plan,
        from: PlanSource,
        folder: URL,
        workers: Workers
    ) throws {
        prompts = plan.prompts(of: stage)
        settings = plan.settings(of: stage, epochs: planned.epochs, workers: workers)
        hash = CacheKey.of([from.hash, try CacheKey.text(prompts), try CacheKey.text(settings)])
        let run = RunFolder(folder.appendingPathComponent("\(planned.name.replacing(" ", with: "-"))-\(hash)"))
        checkpoints = planned.epochs.map { ($0, run.checkpointFolder(step: 0, epochEnding: $0)) }
        self.run = run
        self.from = from
    }

    var isDone: Bool { checkpoints.allSatisfy { (try? ModelLocation(folder: $0.folder)) != nil } }

    /// The trained models.
    var models: [(epoch: Int, source: PlanSource)] {
        checkpoints.map { epoch, folder in
            let source = PlanSource(
                hash: CacheKey.of([hash, "\(epoch)"]), sha256: { try Checkpoint(folder: folder).sha256 },
                locate: { try ModelLocation(folder: folder) }
            )
            return (epoch, source)
        }
    }

    /// Trains, or resumes an interrupted run.
    ///
    /// - Throws: `IOIError`; ``Interruption`` if the settings ask to stop.
    func train(_ runSettings: RunSettings, progress: (Double) -> Void) throws {
        func load(_ location: ModelLocation) throws -> GPT2 { try GPT2(location, workers: runSettings.workers) }
        // The folder's name says what it was trained by.
        func check(_ recorded: inout TrainingSettings) throws {
            guard recorded == settings else {
                throw IOIError(
                    "\(run.configFile.path): settings: found others than the plan's, with which the run began")
            }
        }
        let ranks = runSettings.ranks
        let job =
            try ranks.onFirst { run.holdsRun }
            ? try FinetuneJob.resume(run, ranks: ranks, load: load, change: check)
            : try FinetuneJob.start(
                in: run, from: from.load(workers: runSettings.workers), on: .prompts(prompts), heldOut: nil,
                settings: settings, ranks: ranks
            )
        let outcome = try job.train(shouldStop: runSettings.isInterrupted) { event in
            if case .step(let metrics) = event { progress(Double(metrics.step) / Double(job.trainer.steps)) }
        }
        if outcome == .interrupted { throw Interruption() }
        try ranks.onFirst { try dropOptimizers() }
    }

    /// Deletes what a finished run no longer needs: all states of the optimizer if its rate has fallen to 0, so that it
    /// cannot go on, or else all but the newest.
    func dropOptimizers() throws {
        guard settings.schedule.course == .constant else {
            return try run.savedCheckpoints().forEach { try $0.dropOptimizer() }
        }
        try run.dropOlderOptimizers()
    }
}
