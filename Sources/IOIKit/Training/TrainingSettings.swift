/// Which tokens of an example the loss is taken over.
public enum LossSpan: String, Codable, CaseIterable, Sendable {
    /// The answer's, after the prompt.
    case answer
    /// Every token's but the first, the answer's last.
    case all
}

/// Everything that decides what a training run computes; equal settings give equal bytes.
public struct TrainingSettings: Codable, Equatable, Sendable {
    public var epochs: Int
    public var batch: Int
    public var loss: LossSpan
    public var optimizer: AdamW.Settings
    public var schedule: RateSchedule
    /// Where heads are told to look, if they are. Needs a loss over all tokens.
    public var guidance: AttentionGuidance?
    /// Decides the order of the examples.
    public var seed: UInt64
    /// Whether each epoch takes the examples in a new random order, or always as they come.
    public var isShuffled: Bool
    public var threads: Int
    /// The epochs after which a checkpoint is kept, ascending.
    public var savedEpochs: [Int]
    /// A checkpoint also after every so many steps.
    public var checkpointInterval: Int?
    /// The run ends after so many steps, if that comes before its epochs end.
    public var stepLimit: Int?
    /// Whether every checkpoint keeps its optimizer state, or only the newest.
    public var keepsOptimizer: Bool

    enum CodingKeys: String, CodingKey {
        case epochs, batch, loss, optimizer, schedule, guidance, seed
        case isShuffled = "shuffled"
        case threads
        case savedEpochs = "save_at"
        case checkpointInterval = "checkpoint_every"
        case stepLimit = "max_steps"
        case keepsOptimizer = "keep_optimizer"
    }

    public init(
        epochs: Int,
        batch: Int = 32,
        loss: LossSpan = .answer,
        optimizer: AdamW.Settings = AdamW.Settings(),
        schedule: RateSchedule = RateSchedule(),
        guidance: AttentionGuidance? = nil,
        seed: UInt64 = 0,
        isShuffled: Bool = true,
        threads: Int,
        savedEpochs: [Int],
        checkpointInterval: Int? = nil,
        stepLimit: Int? = nil,
        keepsOptimizer: Bool = false
    ) {
        self.epochs = epochs
        self.batch = batch
        self.loss = loss
        self.optimizer = optimizer
        self.schedule = schedule
        self.guidance = guidance
        self.seed = seed
        self.isShuffled = isShuffled
        self.threads = threads
        self.savedEpochs = savedEpochs
        self.checkpointInterval = checkpointInterval
        self.stepLimit = stepLimit
        self.keepsOptimizer = keepsOptimizer
    }
}

/// A prompt and its label, as training needs them.
public struct TrainingExample: Equatable, Sendable {
    public let tokens: [Int]
    public let answer: Int
    /// Where the task's names stand, in an example of it; needed only where heads are guided.
    public let positions: Positions?

    public init(tokens: [Int], answer: Int, positions: Positions? = nil) {
        self.tokens = tokens
        self.answer = answer
        self.positions = positions
    }
}
