/// A way to fine-tune, by name.
public enum TrainingRecipe: String, Codable, CaseIterable, Sendable {
    /// The run whose log the authors of Chhabra et al. (2503.01896) published: next-token loss on blocks of a text, a
    /// learning rate that decays to 0, and dropout.
    case published
    /// Their alternative: the same, with each sentence as an example.
    case publishedSentences = "published-sentences"
    /// Ours: loss on the answers of prompts, a constant rate, no dropout.
    case plain

    /// The default recipe for a model: the authors' for GPT-2, and ours for a much smaller model, which hardly learns at
    /// their learning rate.
    public init(for model: GPT2Parameters) {
        self = model.count < Self.smallest ? .plain : .published
    }

    /// GPT-2 small has 124 million weights.
    private static let smallest = 10_000_000

    /// The settings of a run by this recipe.
    ///
    /// - Parameters:
    ///   - epochs: the number of epochs.
    ///   - seed: the seed of everything that is drawn at random.
    ///   - threads: the number of threads.
    ///   - savedEpochs: the epochs whose checkpoints are kept, ascending.
    public func settings(epochs: Int, seed: UInt64, threads: Int, savedEpochs: [Int]) -> TrainingSettings {
        var settings = TrainingSettings(epochs: epochs, seed: seed, threads: threads, savedEpochs: savedEpochs)
        settings.recipe = self
        guard self != .plain else { return settings }
        settings.examples = self == .published ? .blocks(of: 128) : .lines(upTo: 25)
        settings.batch = 10
        settings.loss = .all
        settings.optimizer.clip = 1
        settings.schedule = RateSchedule(.linear)
        settings.dropout = 0.1
        return settings
    }
}
