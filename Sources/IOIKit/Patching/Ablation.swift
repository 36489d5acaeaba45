/// What a knocked-out value is replaced by (Wang et al. 2211.00593, section 2.2, for means).
public struct Ablation: Codable, Equatable, Sendable {
    public enum Kind: String, CaseIterable, Codable, Sendable {
        /// Its mean over the counterfactuals.
        case mean
        /// Its value in the counterfactual of another prompt of the same template and order, drawn by the seed.
        case resample
        case zero
        /// Its value in the prompt's own counterfactual.
        case counterfactual
    }

    /// Which counterfactuals a mean is taken over.
    public enum Group: String, CaseIterable, Codable, Sendable {
        /// Those of the same template and order, position by position.
        case template
        /// All of them: a position class with the same class, and any other token with all tokens of no class.
        case global
    }

    public var kind: Kind
    public var group: Group
    /// What `resample` draws from.
    public var seed: UInt64

    public init(_ kind: Kind = .mean, group: Group = .template, seed: UInt64 = 0) {
        self.kind = kind
        self.group = group
        self.seed = seed
    }
}

/// The prompts that are alike but for their words: of one template, order and length.
struct PromptGroup: Hashable {
    let template: String
    let order: NameOrder
    let length: Int

    init(_ prompt: Prompt) {
        template = prompt.template
        order = prompt.order
        length = prompt.tokens.count
    }
}
