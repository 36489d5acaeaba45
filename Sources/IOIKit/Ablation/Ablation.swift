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
        /// A constant for each head, learned so that what is kept does its best (Li & Janson 2409.09951). It depends on
        /// what is kept, so it goes with ``ComplementAblation`` alone.
        case optimal
    }

    /// How the constants of `optimal` are learned.
    public struct Learning: Codable, Equatable, Sendable {
        public var steps: Int
        /// Of the first step; it falls to zero in a line.
        public var rate: Double

        public init(steps: Int = 100, rate: Double = 0.01) {
            self.steps = steps
            self.rate = rate
        }
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
    /// What `resample` draws from, and `optimal` its batches.
    public var seed: UInt64
    /// Of `optimal`; nil for the others.
    public var learning: Learning?

    public init(_ kind: Kind = .mean, group: Group = .template, seed: UInt64 = 0) {
        self.kind = kind
        self.group = group
        self.seed = seed
        learning = kind == .optimal ? Learning() : nil
    }

    func validate() throws {
        if kind == .optimal, let learning {
            try IOIError.check("learning.steps", learning.steps, in: 1...10_000_000)
        }
    }

    /// - Parameter reference: how many prompts means are taken over; nil for those that are measured.
    func validate(reference: Int?, _ prompts: PromptSource) throws {
        guard let reference else { return }
        let field = "abc_count"
        guard prompts.file == nil else {
            throw IOIError.invalid(field, "does not go with prompts of a file, which are already made")
        }
        guard kind == .mean else { throw IOIError.invalid(field, "needs the ablation mean, found \(kind.rawValue)") }
        try IOIError.check(field, reference, in: prompts.count...PromptSource.most)
    }

    /// What `optimal` says where no circuit is measured.
    static let needsCircuit = IOIError.invalid(
        "ablation.kind",
        "found optimal, whose constants are learned for the heads that a circuit keeps; "
            + "expected another kind for what is knocked out here"
    )
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
