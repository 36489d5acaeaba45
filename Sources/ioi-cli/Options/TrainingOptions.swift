import ArgumentParser
import Foundation
import IOIKit

/// How a model is fine-tuned.
struct TrainingOptions: ParsableArguments {
    enum Order: String, CaseIterable, ExpressibleByArgument {
        case shuffled, file
    }

    /// The epochs of the paper's checkpoints.
    private static let savedEpochs = [1, 3, 10, 25, 50, 100]

    @Option(
        help: ArgumentHelp(
            "How to train; the flags below change parts of it. (default: published for models of the size of GPT-2, plain "
                + "for small ones)", valueName: "name"
        )
    )
    var recipe: TrainingRecipe?

    @Option(help: ArgumentHelp("Passes over the data.", valueName: "n"))
    var epochs = 25

    @Option(help: ArgumentHelp("Learning rate, the highest of the run (default: 1e-05).", valueName: "rate"))
    var lr: Double?

    @Option(
        help: ArgumentHelp(
            "Keep the learning rate constant, or decay it linearly to 0 (default: linear; plain: constant).",
            valueName: "course"
        )
    )
    var schedule: RateSchedule.Course?

    @Option(help: ArgumentHelp("Steps over which the learning rate first rises from 0 (default: 0).", valueName: "n"))
    var warmUp: Int?

    @Option(
        help: ArgumentHelp("Clip the gradient to this norm (default: 1; plain: no clipping).", valueName: "x")
    )
    var clip: Double?

    @Option(help: ArgumentHelp("AdamW's weight decay of matrices and embeddings (default: 0.1).", valueName: "rate"))
    var weightDecay: Double?

    @Option(
        help: ArgumentHelp(
            "Drop embeddings, attention probabilities and what is added to the residual stream at this rate (default: 0.1; "
                + "plain: 0).", valueName: "rate"
        )
    )
    var dropout: Double?

    @Option(help: ArgumentHelp("Blocks, sentences or prompts per step (default: 10; plain: 32).", valueName: "n"))
    var batch: Int?

    @Option(
        help: ArgumentHelp(
            "Tokens of a block of text, or the most of a sentence (default: 128; published-sentences: 25).",
            valueName: "n"
        )
    )
    var block: Int?

    @Option(
        help: ArgumentHelp(
            "Take the loss over the answers of prompts, or over all tokens (default: all; plain: answer).",
            valueName: "span"
        )
    )
    var loss: LossSpan?

    @Option(
        help: ArgumentHelp(
            "Keep AdamW's moments in single precision, or rounded at random to bfloat16, in half the memory (default: "
                + "fp32).", valueName: "form"
        )
    )
    var moments: MomentPrecision?

    @Option(
        help: ArgumentHelp("Epochs whose checkpoints are kept; the last always is.", valueName: "1,3,10")
    )
    var saveAt = List(savedEpochs)

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
        "--recipe", "--lr", "--schedule", "--warm-up", "--clip", "--weight-decay", "--dropout", "--batch", "--block",
        "--loss", "--moments", "--order",
    ]

    /// The settings of a new run of `model` on `source`.
    ///
    /// - Throws: `IOIError` of kind `usage` if a value is out of range or a flag has no effect.
    func settings(on source: TrainingSource, of model: GPT2, seed: UInt64, workers: Workers) throws -> TrainingSettings
    {
        var settings = (recipe ?? TrainingRecipe(for: model.parameters)).settings(
            epochs: epochs, seed: seed, threads: workers.count, savedEpochs: Self.savedEpochs.filter { $0 < epochs }
        )
        settings.precision = workers.precision
        source.complete(&settings, context: model.config.contextLength)
        settings.isShuffled = order == .shuffled
        settings.loss = loss ?? settings.loss
        settings.batch = batch ?? settings.batch
        settings.dropout = dropout ?? settings.dropout
        settings.optimizer.learningRate = lr ?? settings.optimizer.learningRate
        settings.optimizer.weightDecay = weightDecay ?? settings.optimizer.weightDecay
        settings.optimizer.clip = clip ?? settings.optimizer.clip
        settings.moments = moments ?? settings.moments
        settings.schedule.course = schedule ?? settings.schedule.course
        settings.schedule.warmUp = warmUp ?? settings.schedule.warmUp
        if let block {
            guard settings.examples != .prompts else {
                throw IOIError.usage("--block: has no effect on prompts, expected --recipe published or --text")
            }
            settings.examples = settings.examples.with(length: block)
        }
        applySaving(to: &settings)
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
            settings.savedEpochs = Self.savedEpochs.filter { $0 < epochs }
        }
        applySaving(to: &settings)
        try settings.validate()
    }

    private func applySaving(to settings: inout TrainingSettings) {
        if Given.has("--save-at") { settings.savedEpochs = Set(saveAt.items).sorted() }
        settings.checkpointInterval = checkpointEvery ?? settings.checkpointInterval
        settings.stepLimit = maxSteps ?? settings.stepLimit
        if keepOptimizer { settings.keepsOptimizer = true }
    }
}
