/// What decides the results of `ioi circuit validate` beside the model.
public struct ValidateOptions: Codable, Equatable, Sendable {
    public var prompts: PromptSource
    /// `default` or a file.
    public var circuit = "default"
    public var ablation = Ablation()
    /// How many prompts of the same source means are taken over, the measured ones among them; nil for just those.
    public var reference: Int?
    /// Whether the circuit's heads stay, and are knocked out of the model, at all positions, not only at their classes'.
    public var everywhere = false
    /// Where K of each head comes from; nil for no minimality.
    public var minimality: Minimality.Sets? = .auto
    /// Which sets K beside the empty one; nil for no completeness.
    public var completeness: [Completeness.Kind]? = [.random, .headClass, .greedy]
    /// How many random sets K.
    public var randomSets = 10
    /// What greedy sets K make large.
    public var objectives: [Completeness.Objective] = [.change]
    public var greedy = GreedySearch()

    public init(prompts: PromptSource) { self.prompts = prompts }

    enum CodingKeys: String, CodingKey {
        case prompts, circuit, ablation, everywhere, minimality, completeness, objectives, greedy
        case reference = "abc_count"
        case randomSets = "random_sets"
    }
}
