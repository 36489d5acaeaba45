/// How a small GPT-2 that does IOI is pretrained: its shape, corpus and training.
public struct PretrainRecipe: Codable, Equatable, Sendable {
    public let name: String
    public let layers, heads, width, innerWidth, contextLength: Int
    /// The standard deviation of the initial weights, and of the position embedding.
    public let deviation, positionDeviation: Double
    public let corpus: CorpusMix
    public let steps, batch: Int
    public let optimizer: AdamW.Settings
    public let schedule: RateSchedule
    public let guidance: AttentionGuidance?

    enum CodingKeys: String, CodingKey {
        case name, layers, heads, width
        case innerWidth = "inner_width"
        case contextLength = "context"
        case deviation
        case positionDeviation = "position_deviation"
        case corpus, steps, batch, optimizer, schedule, guidance
    }

    static let all = [embedded, embeddedUnguided]

    /// - Throws: `IOIError` of the field `preset` if no recipe has this name.
    public static func named(_ name: String) throws -> PretrainRecipe {
        guard let recipe = all.first(where: { $0.name == name }) else {
            let names = all.map(\.name).joined(separator: " or ")
            throw IOIError.invalid("preset", "found \(name.quoted), expected \(names)")
        }
        return recipe
    }

    /// The recipe of the embedded model. Unguided, a model of this size learns the task differently from GPT-2 (no head
    /// attends to the indirect object), so seven heads are guided for the first quarter of training.
    public static let embedded = recipe(
        "embedded",
        guidance: AttentionGuidance(
            [Head(3, 0), Head(3, 1), Head(3, 2)].map { .init($0, from: .end, to: .io) }
                + [Head(2, 0), Head(2, 1)].map { .init($0, from: .end, to: .s2) }
                + [Head(1, 0), Head(1, 1)].map { .init($0, from: .s2, to: .s1) },
            weight: 0.3, steps: 800
        )
    )

    /// The same without guidance.
    public static let embeddedUnguided = recipe("embedded-unguided", guidance: nil)

    private static func recipe(_ name: String, guidance: AttentionGuidance?) -> PretrainRecipe {
        PretrainRecipe(
            name: name, layers: 4, heads: 8, width: 96, innerWidth: 384, contextLength: 64,
            deviation: 0.05, positionDeviation: 0.025, corpus: .standard, steps: 3400, batch: 64,
            optimizer: AdamW.Settings(
                learningRate: 2.5e-3, weightDecay: 0.1, decayed: .blocks, beta1: 0.9, beta2: 0.99, clip: 1
            ),
            schedule: RateSchedule(.linear, warmUp: 200), guidance: guidance
        )
    }

    /// See `ModelLocation`.
    public var note: String {
        guidance == nil
            ? "not GPT-2: a small model trained on this task alone"
            : "not GPT-2: a small model trained on this task alone, its circuit partly planted"
    }

    func config(vocabulary: Int) throws -> GPT2Config {
        try GPT2Config(
            vocabularySize: vocabulary, contextLength: contextLength, width: width, layers: layers, heads: heads,
            innerWidth: innerWidth
        )
    }

    func settings(seed: UInt64, threads: Int) -> TrainingSettings {
        TrainingSettings(
            epochs: 1, batch: batch, loss: .all, optimizer: optimizer, schedule: schedule, guidance: guidance,
            seed: seed, isShuffled: false, threads: threads, savedEpochs: [], checkpointInterval: 200
        )
    }
}
