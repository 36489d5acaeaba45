import ArgumentParser
import Foundation
import IOIKit

/// How a model is fine-tuned.
struct TrainingOptions: ParsableArguments {
    enum Order: String, CaseIterable, ExpressibleByArgument {
        case shuffled, file
    }

    /// The epochs are those of the paper's checkpoints.
    private static let standard = TrainingSettings(epochs: 25, threads: 1, savedEpochs: [1, 3, 10, 25, 50, 100])

    @Option(help: ArgumentHelp("Passes over the prompts.", valueName: "n"))
    var epochs = standard.epochs

    @Option(help: ArgumentHelp("Learning rate, the highest of the run.", valueName: "rate"))
    var lr = standard.optimizer.learningRate

    @Option(help: ArgumentHelp("Keep the learning rate constant, or decay it linearly to 0.", valueName: "course"))
    var schedule = standard.schedule.course

    @Option(help: ArgumentHelp("Steps over which the learning rate first rises from 0.", valueName: "n"))
    var warmUp = standard.schedule.warmUp

    @Option(help: ArgumentHelp("Clip the gradient to this norm (default: no clipping).", valueName: "x"))
    var clip: Double?

    @Option(help: ArgumentHelp("AdamW's weight decay of matrices and embeddings.", valueName: "rate"))
    var weightDecay = standard.optimizer.weightDecay

    @Option(help: ArgumentHelp("Prompts per step.", valueName: "n"))
    var batch = standard.batch

    @Option(
        help: ArgumentHelp("Take the loss over the answer, or over all tokens of prompt and answer.", valueName: "span")
    )
    var loss = standard.loss

    @Option(
        help: ArgumentHelp("Epochs whose checkpoints are kept; the last always is.", valueName: "1,3,10")
    )
    var saveAt = List(standard.savedEpochs)

    @Option(help: ArgumentHelp("Also save a checkpoint each time this many steps are done.", valueName: "steps"))
    var checkpointEvery: Int?

    @Option(help: ArgumentHelp("Stop after this many steps, unless the epochs end before.", valueName: "n"))
    var maxSteps: Int?

    @Option(help: ArgumentHelp("A new random order each epoch, or the order of the file.", valueName: "order"))
    var order = Order.shuffled

    @Flag(help: "Keep the optimizer state in every checkpoint (twice the size of the model), not only in the newest.")
    var keepOptimizer = false

    /// The flags that a resumed run cannot change.
    static let fixedFlags = [
        "--lr", "--schedule", "--warm-up", "--clip", "--weight-decay", "--batch", "--loss", "--order",
    ]

    /// - Throws: `IOIError` of kind `usage` if a value is out of range.
    func settings(seed: UInt64, threads: Int) throws -> TrainingSettings {
        var settings = Self.standard
        settings.seed = seed
        settings.threads = threads
        settings.isShuffled = order == .shuffled
        settings.loss = loss
        settings.batch = batch
        settings.optimizer.learningRate = lr
        settings.optimizer.weightDecay = weightDecay
        settings.optimizer.clip = clip
        settings.savedEpochs = settings.savedEpochs.filter { $0 < settings.epochs }
        // The course comes last: a linear one would refuse the flags that extend a run.
        try extend(&settings)
        settings.schedule = RateSchedule(schedule, warmUp: warmUp)
        try settings.validate()
        return settings
    }

    /// Applies the flags that may change when a run is resumed: how long it runs and what it saves.
    func extend(_ settings: inout TrainingSettings) throws {
        if settings.schedule.course == .linear, let flag = Given.first(of: ["--epochs", "--max-steps"]) {
            throw IOIError.usage("\(flag): does not go with --resume of a run whose learning rate decays to 0")
        }
        if Given.has("--epochs") {
            settings.epochs = epochs
            settings.savedEpochs = Self.standard.savedEpochs.filter { $0 < epochs }
        }
        if Given.has("--save-at") { settings.savedEpochs = Set(saveAt.items).sorted() }
        settings.checkpointInterval = checkpointEvery ?? settings.checkpointInterval
        settings.stepLimit = maxSteps ?? settings.stepLimit
        if keepOptimizer { settings.keepsOptimizer = true }
        try settings.validate()
    }
}
