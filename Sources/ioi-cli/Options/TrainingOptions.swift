import ArgumentParser
import IOIKit

/// How a model is fine-tuned.
struct TrainingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Passes over the prompts (default: 25).", valueName: "n"))
    var epochs: Int?

    @Option(help: ArgumentHelp("Learning rate, the greatest of the run (default: 1e-5).", valueName: "rate"))
    var lr: Double?

    @Option(
        help: ArgumentHelp(
            "The rate stays as it is, or falls in a line to 0 at the end (default: constant).",
            valueName: "constant|linear"
        )
    )
    var schedule: String?

    @Option(help: ArgumentHelp("Steps over which the rate rises from 0 first (default: 0).", valueName: "n"))
    var warmUp: Int?

    @Option(help: ArgumentHelp("Cut gradients, all weights' together, to this length (default: none).", valueName: "x"))
    var clip: Double?

    @Option(help: ArgumentHelp("AdamW's decay of matrices and embeddings (default: 0.1).", valueName: "rate"))
    var weightDecay: Double?

    @Option(help: ArgumentHelp("Prompts a step (default: 32).", valueName: "n"))
    var batch: Int?

    @Option(
        help: ArgumentHelp(
            "Take the loss over the answer alone, or all tokens of prompt and answer (default: answer).",
            valueName: "answer|all"
        )
    )
    var loss: String?

    @Option(
        help: ArgumentHelp(
            "Epochs to keep a checkpoint of (default: 1, 3, 10, 25, 50, 100; the last always).",
            valueName: "1,3,10"
        )
    )
    var saveAt: String?

    @Option(help: ArgumentHelp("Save a checkpoint every so many steps as well.", valueName: "steps"))
    var checkpointEvery: Int?

    @Option(help: ArgumentHelp("End after so many steps, if the epochs are not over before.", valueName: "n"))
    var maxSteps: Int?

    @Option(
        help: ArgumentHelp(
            "A new random order each epoch, or always that of the file (default: shuffled).", valueName: "shuffled|file"
        ))
    var order: String?

    @Flag(help: "Keep the optimizer state in every checkpoint (twice the size of the model), not only in the newest.")
    var keepOptimizer = false

    /// The epochs of the paper's checkpoints.
    private static let publishedEpochs = [1, 3, 10, 25, 50, 100]

    /// The flags that decide what the steps compute, as far as they were given.
    var given: [String] {
        [
            ("--lr", lr != nil), ("--schedule", schedule != nil), ("--warm-up", warmUp != nil), ("--clip", clip != nil),
            ("--weight-decay", weightDecay != nil), ("--batch", batch != nil),
            ("--loss", loss != nil), ("--order", order != nil),
        ].filter(\.1).map(\.0)
    }

    /// - Throws: `IOIError` of kind `usage` for a value that cannot be.
    func settings(seed: UInt64, threads: Int) throws -> TrainingSettings {
        var settings = TrainingSettings(
            epochs: 25, seed: seed, isShuffled: try choice("--order", order, ["shuffled", "file"]) != "file",
            threads: threads, savedEpochs: []
        )
        if try choice("--loss", loss, LossSpan.allCases.map(\.rawValue)) == LossSpan.all.rawValue {
            settings.loss = .all
        }
        if let lr {
            guard lr > 0, lr <= 1 else { throw IOIError.usage("--lr: found \(lr), expected above 0, at most 1") }
            settings.optimizer.learningRate = lr
        }
        if let weightDecay {
            try checkFlag("--weight-decay", weightDecay, in: 0...10)
            settings.optimizer.weightDecay = weightDecay
        }
        if let batch {
            try checkFlag("--batch", batch, in: 1...65536)
            settings.batch = batch
        }
        if let clip {
            guard clip > 0 else { throw IOIError.usage("--clip: found \(clip), expected above 0") }
            settings.optimizer.clip = clip
        }
        settings.savedEpochs = Self.publishedEpochs.filter { $0 < settings.epochs }
        try extend(&settings)
        let course = try choice("--schedule", schedule, RateSchedule.Course.allCases.map(\.rawValue))
        settings.schedule.course = course.flatMap(RateSchedule.Course.init) ?? .constant
        if let warmUp {
            try checkFlag("--warm-up", warmUp, in: 0...1_000_000_000)
            settings.schedule.warmUp = warmUp
        }
        return settings
    }

    /// Applies the flags that may change in the middle of a run: how long it goes on and what it keeps.
    func extend(_ settings: inout TrainingSettings) throws {
        // A new run's schedule is set after this.
        if settings.schedule.course == .linear,
            let flag = epochs != nil ? "--epochs" : maxSteps.map({ _ in "--max-steps" })
        {
            throw IOIError.usage("\(flag): does not go with --resume of a run whose rate falls to 0 at its end")
        }
        if let epochs {
            try checkFlag("--epochs", epochs, in: 1...100_000)
            settings.epochs = epochs
            settings.savedEpochs = Self.publishedEpochs.filter { $0 < epochs }
        }
        if let saveAt {
            settings.savedEpochs = try Set(
                saveAt.split(separator: ",", omittingEmptySubsequences: false).map { word in
                    guard let epoch = Int(word), (1...settings.epochs).contains(epoch) else {
                        throw IOIError.usage(
                            "--save-at: found \"\(word)\", expected epochs from 1 to \(settings.epochs)"
                        )
                    }
                    return epoch
                }
            ).sorted()
        }
        if let checkpointEvery {
            try checkFlag("--checkpoint-every", checkpointEvery, in: 1...1_000_000_000)
            settings.checkpointInterval = checkpointEvery
        }
        if let maxSteps {
            try checkFlag("--max-steps", maxSteps, in: 1...1_000_000_000)
            settings.stepLimit = maxSteps
        }
        if keepOptimizer { settings.keepsOptimizer = true }
    }

    private func choice(_ flag: String, _ value: String?, _ choices: [String]) throws -> String? {
        guard let value, !choices.contains(value) else { return value }
        throw IOIError.usage("\(flag): found \"\(value)\", expected \(choices.joined(separator: " or "))")
    }
}
