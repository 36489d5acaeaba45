/// What decides the results of `ioi heads` beside the models.
public struct HeadsOptions: Codable, Equatable, Sendable {
    public enum Analysis: String, CaseIterable, Codable, Sendable {
        case attribution = "dla"
        case scatter, copying, ov, inhibition, repeated, backup
    }

    public var prompts: PromptSource
    public var analyses = Analysis.allCases
    /// Whose name movers are knocked out to find their backups: `default` or a file. Where no circuit belongs to a model,
    /// they are the heads that the rules call name movers.
    public var circuit = "default"
    public var criteria = HeadCriteria()
    /// What stands in for name movers.
    public var ablation = Ablation()

    /// Of which heads results hold each prompt's figures.
    public enum PerPrompt: String, Codable, Sendable {
        /// Name movers, negative and backup ones, of a donor the model's too: their attention and what they write of the
        /// names.
        case movers
        /// All, and their attributions.
        case all
    }

    /// nil for means alone.
    public var perPrompt: PerPrompt?

    enum CodingKeys: String, CodingKey {
        case prompts, analyses, circuit, criteria, ablation
        case perPrompt = "per_prompt"
    }

    public init(prompts: PromptSource) { self.prompts = prompts }
}
