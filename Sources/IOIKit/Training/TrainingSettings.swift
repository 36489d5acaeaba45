/// The tokens of an example that the loss is averaged over.
public enum LossSpan: String, Codable, CaseIterable, Sendable {
    /// The answer only.
    case answer
    /// Every token of prompt and answer except the first.
    case all
}

/// Everything that determines what a training run computes. Equal settings give identical weights.
public struct TrainingSettings: Equatable, Sendable {
    /// The recipe that the settings are based on; single settings may differ from it.
    public var recipe = TrainingRecipe.plain
    public var examples = ExampleForm.prompts
    public var epochs: Int
    /// Examples in a step.
    public var batch: Int
    public var loss: LossSpan
    /// The rate of dropout at the embeddings, the attention probabilities, and what attention and MLPs add to the
    /// residual stream.
    public var dropout = 0.0
    public var optimizer: AdamW.Settings
    public var schedule: RateSchedule
    /// Where heads are guided to attend, if at all. Needs ``loss`` over all tokens.
    public var guidance: AttentionGuidance?
    /// The seed of the order of examples and of dropout.
    public var seed: UInt64
    /// Whether each epoch has a new random order of examples, or all keep the given order.
    public var isShuffled: Bool
    public var threads: Int
    /// Of matrix products. Weights and their gradients are in single precision in any case.
    public var precision = Precision.fp32
    /// Of AdamW's moments.
    public var moments = MomentPrecision.fp32
    /// The epochs whose checkpoints are kept, ascending; the last epoch's always is.
    public var savedEpochs: [Int]
    /// Steps between additional checkpoints.
    public var checkpointInterval: Int?
    /// The greatest number of steps, if the run is to end before its epochs do.
    public var stepLimit: Int?
    /// Whether every checkpoint keeps the optimizer state, or only the newest.
    public var keepsOptimizer: Bool

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

    /// - Throws: `IOIError` of the first setting out of range, or if a batch has no example for each of the ranks.
    func validate(for ranks: Ranks) throws {
        try validate()
        guard batch >= ranks.count else {
            throw IOIError.invalid(
                "batch", "found \(batch), expected at least \(ranks.count), an example for each process")
        }
    }

    /// - Throws: `IOIError` of the first setting out of range.
    public func validate() throws {
        if let length = examples.length { try IOIError.check("block", length, in: 2...1_000_000) }
        guard examples == .prompts || loss == .all else {
            throw IOIError.invalid("loss", "found answer, expected all: \(examples.noun) of a text have no answer")
        }
        try IOIError.check("epochs", epochs, in: 1...100_000)
        try IOIError.check("batch", batch, in: 1...65536)
        guard optimizer.learningRate > 0, optimizer.learningRate <= 1 else {
            throw IOIError.invalid("lr", "found \(optimizer.learningRate), expected above 0, at most 1")
        }
        guard dropout >= 0, dropout < 1 else {
            throw IOIError.invalid("dropout", "found \(dropout), expected from 0, below 1")
        }
        try IOIError.check("weight_decay", optimizer.weightDecay, in: 0...10)
        for (field, beta) in [("beta1", optimizer.beta1), ("beta2", optimizer.beta2)] where !(0..<1 ~= beta) {
            throw IOIError.invalid(field, "found \(beta), expected from 0, below 1")
        }
        guard optimizer.epsilon > 0, optimizer.epsilon <= 1 else {
            throw IOIError.invalid("epsilon", "found \(optimizer.epsilon), expected above 0, at most 1")
        }
        if let clip = optimizer.clip, !(clip > 0) {
            throw IOIError.invalid("clip", "found \(clip), expected above 0")
        }
        try IOIError.check("warm_up", schedule.warmUp, in: 0...1_000_000_000)
        if let epoch = savedEpochs.first(where: { !(1...epochs).contains($0) }) {
            throw IOIError.invalid("save_at", "found \(epoch), expected epochs from 1 to \(epochs)")
        }
        if let checkpointInterval {
            try IOIError.check("checkpoint_every", checkpointInterval, in: 1...1_000_000_000)
        }
        if let stepLimit { try IOIError.check("max_steps", stepLimit, in: 1...1_000_000_000) }
        if let guidance {
            try IOIError.check("guidance.weight", guidance.weight, in: 0...1_000_000)
            try IOIError.check("guidance.steps", guidance.steps, in: 0...1_000_000_000)
        }
        try IOIError.check("threads", threads, in: 1...1024)
    }
}

extension TrainingSettings {
    /// What a step does, for people: `10 blocks of 128 tokens a step, loss over all tokens, lr 1e-05 falling to 0, …`.
    public var text: String {
        let form =
            switch examples {
            case .prompts: "\(batch) prompts"
            case .blocks(let length): "\(batch) blocks of \(length) tokens"
            case .lines(let length): "\(batch) lines of up to \(length) tokens"
            }
        let parts = [
            "\(form) a step", "loss over \(loss == .answer ? "the answer" : "all tokens")",
            "lr \(optimizer.learningRate)\(schedule.course == .linear ? " falling to 0" : "")",
            schedule.warmUp > 0 ? "warm-up over \(schedule.warmUp) steps" : nil,
            "weight decay \(optimizer.weightDecay)",
            optimizer.clip.map { "gradients clipped to \($0)" }, dropout > 0 ? "dropout \(dropout)" : nil,
            precision == .fp32 ? nil : "products in \(precision.rawValue)",
            moments == .fp32 ? nil : "moments in \(moments.rawValue)",
        ]
        return parts.compactMap { $0 }.joined(separator: ", ")
    }
}

extension TrainingSettings: FieldCoded {
    init() { self.init(epochs: 1, threads: 1, savedEpochs: []) }

    // Before the fields with defaults existed, all runs used the plain recipe, on prompts and without dropout.
    static var fields: [Field<TrainingSettings>] {
        [
            .value("recipe", \.recipe, default: .plain), .value("examples", \.examples, default: .prompts),
            .value("dropout", \.dropout, default: 0), .value("epochs", \.epochs), .value("batch", \.batch),
            .value("loss", \.loss), .value("optimizer", \.optimizer), .value("schedule", \.schedule),
            .optional("guidance", \.guidance), .value("seed", \.seed), .value("shuffled", \.isShuffled),
            .value("threads", \.threads), .value("precision", \.precision, default: .fp32),
            .value("moments", \.moments, default: .fp32),
            .value("save_at", \.savedEpochs),
            .optional("checkpoint_every", \.checkpointInterval), .optional("max_steps", \.stepLimit),
            .value("keep_optimizer", \.keepsOptimizer),
        ]
    }
}

/// A prompt and its label.
public struct TrainingExample: Equatable, Sendable {
    public let tokens: [Int]
    public let answer: Int
    /// The positions of the names in an IOI prompt; needed only for ``AttentionGuidance``.
    public let positions: Positions?

    public init(tokens: [Int], answer: Int, positions: Positions? = nil) {
        self.tokens = tokens
        self.answer = answer
        self.positions = positions
    }
}
