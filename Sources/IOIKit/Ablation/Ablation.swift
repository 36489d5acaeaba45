/// How knocked-out activations are replaced (Wang et al. 2211.00593, section 2.2, for mean ablation).
public struct Ablation: Codable, Equatable, Sendable {
    public enum Kind: String, CaseIterable, Codable, Sendable {
        /// The mean over counterfactuals.
        case mean
        /// The value in the counterfactual of a random other prompt of the same template and named positions, on IOI
        /// the same order of names.
        case resample
        case zero
        /// The value in the prompt's own counterfactual.
        case counterfactual
        /// A learned constant for each head that optimises the rest of the model (Li & Janson 2409.09951). It depends
        /// on the heads kept, so only ``ComplementAblation`` supports it, and
        /// not for circuits with MLPs.
        case optimal
    }

    /// How the constants of `optimal` are learned.
    public struct Learning: Codable, Equatable, Sendable {
        public var steps: Int
        /// The learning rate of the first step, which decays linearly to zero.
        public var rate: Double

        public init(steps: Int = 100, rate: Double = 0.01) {
            self.steps = steps
            self.rate = rate
        }
    }

    /// The tokens over which a mean is taken.
    public enum Group: String, CaseIterable, Codable, Sendable {
        /// Those at the same position of the same template and named positions, on IOI the same order of names.
        case template
        /// Those of the same named position in any counterfactual; tokens without a name form one group.
        case global
    }

    public var kind: Kind
    public var group: Group
    /// Seeds the draws of `resample` and the batches of `optimal`.
    public var seed: UInt64
    /// nil unless the kind is `optimal`.
    public var learning: Learning?

    public init(_ kind: Kind = .mean, group: Group = .template, seed: UInt64 = 0) {
        self.kind = kind
        self.group = group
        self.seed = seed
        learning = kind == .optimal ? Learning() : nil
    }

    func validate() throws {
        guard kind == .optimal else { return }
        let (steps, rate) = (learning?.steps ?? 0, learning?.rate ?? 0)
        try IOIError.check("learning.steps", steps, in: 1...10_000_000)
        guard rate > 0 else { throw IOIError.invalid("learning.rate", "found \(rate), expected a number above 0") }
    }

    /// - Parameter reference: the number of prompts over which means are taken; nil for the measured ones.
    func validate(reference: Int?, _ prompts: PromptSource) throws {
        guard let reference else { return }
        let field = "abc_count"
        guard prompts.file == nil else {
            throw IOIError.invalid(field, "does not apply to prompts from a file, which cannot be extended")
        }
        guard kind == .mean else { throw IOIError.invalid(field, "needs the ablation mean, found \(kind.rawValue)") }
        try IOIError.check(field, reference, in: prompts.count...PromptSource.most)
    }

    /// The error for `optimal` in a measurement that keeps no circuit.
    static let needsCircuit = IOIError.invalid(
        "ablation.kind",
        "found optimal, whose constants are learned for the heads that a circuit keeps; expected another kind here"
    )
}

extension Ablation {
    /// - Parameter reference: the number of prompts over which means are taken; nil for the measured ones.
    func use(reference: Int? = nil) -> CounterfactualUse {
        switch kind {
        case .zero: .none
        case .mean: group == .template && reference == nil ? .groups : .values
        case .resample: .groups
        case .counterfactual, .optimal: .values
        }
    }
}
