/// Finding a circuit by path patching: from the logits back, step by step, to the heads that the heads found before hear
/// (Wang et al. 2211.00593, section 3).
///
/// 1. Heads whose paths to the logits at END lower the logit difference when patched are *name movers*, those that raise
///    it *negative name movers*. Of the former, those that attend to S2 more than to IO are *S-inhibition* heads, which in
///    small models reach the logits too; in a model that says S they are what says it, and stay name movers.
/// 2. Heads that lower it through the queries of the name movers at END are *S-inhibition* heads. As in the paper, the
///    queries of negative and backup name movers find no head; which of the heads found they hear is measured all the
///    same, for the circuit's paths.
/// 3. Heads that lower it through keys or values of the S-inhibition heads at S2 are *duplicate token* or *induction*
///    heads by what they attend to (``HeadBehaviour``), or else *other (S2)*.
/// 4. Heads that lower it through keys or values of the induction heads at S1+1 are *previous token* heads by what they
///    attend to, or else *other (S1+1)*.
/// 5. With the name movers knocked out at END, heads that now lower it, did not before, and have no other part in the
///    circuit are *backup name movers*.
///
/// A step that finds no head leaves out those that would go on from it. A head stands in the class that it was found in first.
/// Effects are shares of the whole model's mean logit difference, so in a model that says S, what lowers it is what says
/// S.
public struct PathWalk: Codable, Equatable, Sendable {
    /// Which heads a step takes, of those whose 95 % interval does not reach zero.
    public struct Criterion: Codable, Equatable, Sendable {
        /// The least effect, in per cent of the mean logit difference.
        public var threshold: Double
        /// The most heads of a class, the strongest first; nil for all.
        public var limit: Int?

        public init(threshold: Double, limit: Int? = nil) {
            self.threshold = threshold
            self.limit = limit
        }
    }

    // The paper takes what stands out in its figures, where effects grow smaller on the way back from the logits.
    /// Of step 1, for either sign.
    public var logits = Criterion(threshold: 2)
    /// Of step 2.
    public var queries = Criterion(threshold: 2)
    /// Of step 3.
    public var s2 = Criterion(threshold: 1)
    /// Of step 4.
    public var s1Next = Criterion(threshold: 1)
    /// Of step 5.
    public var backups = Criterion(threshold: 2)
    /// The mean attention from which on a head is named by what it attends to.
    public var attention = 0.2
    /// What stands in for the name movers where they are knocked out.
    public var ablation = Ablation()
    /// What intervals and random tokens are drawn from.
    public var seed: UInt64 = 0

    public init() {}

    enum CodingKeys: String, CodingKey {
        case logits, queries, s2
        case s1Next = "s1_next"
        case backups, attention, ablation, seed
    }

    /// - Parameters:
    ///   - name: the model's, for the circuit.
    ///   - reference: prompts whose counterfactuals the knockout's means are taken over, if not `prompts`.
    ///   - measuring: called for each stage.
    ///   - progress: told what share of the work is done.
    /// - Throws: `IOIError` where a threshold or limit cannot be, no name mover is found, a prompt has no counterfactual,
    ///   or a figure is not finite; `PatchInterruption`; what `measuring` throws.
    public func find(
        _ model: GPT2Parameters,
        name: String,
        _ prompts: [Prompt],
        reference: [Prompt]? = nil,
        settings: RunSettings,
        measuring: @escaping PatchMeasures.Measuring = { _, body in try body(nil) },
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> PathWalkResult {
        try validate()
        var walk = PathWalker(
            options: self, model: model, prompts: prompts, reference: reference, settings: settings,
            measuring: measuring, progress: progress
        )
        let behaviour = try walk.run()
        progress(1)
        return PathWalkResult(
            circuit: try Circuit(model: name, classes: walk.circuitClasses, paths: walk.paths), steps: walk.steps,
            behaviour: behaviour
        )
    }

    /// - Throws: ``IOIError`` of a threshold or limit that cannot be.
    public func validate() throws {
        for (field, criterion) in [
            ("logits", logits), ("queries", queries), ("s2", s2), ("s1_next", s1Next), ("backups", backups),
        ] {
            try IOIError.check("\(field).threshold", criterion.threshold, in: 0...1000)
            if let limit = criterion.limit { try IOIError.check("\(field).limit", limit, in: 1...100_000) }
        }
        try IOIError.check("attention", attention, in: 0...1)
    }
}

/// What a walk found, and how it came by it.
public struct PathWalkResult: Sendable {
    public let circuit: Circuit
    /// In the order in which they were measured.
    public let steps: [PathWalkStep]
    /// What all heads attend to.
    public let behaviour: HeadBehaviour
}

/// One sweep of a walk: each head of the model as the sender to a receiver.
public struct PathWalkStep: Equatable, Sendable {
    public private(set) var receiver = Receiver.logits
    /// The name movers, where they were knocked out at END.
    public private(set) var knockedOut: [Head] = []
    /// The heads whose effect is great enough and which the circuit keeps where the receiver takes them in, the strongest
    /// first.
    public private(set) var heard: [Head] = []
    /// The effects of all heads. Where name movers were knocked out, what a head then changes is shown as a change of
    /// the whole model's logit difference.
    public private(set) var map = PatchMap()

    init(receiver: Receiver, knockedOut: [Head], heard: [Head], map: PatchMap) {
        self.receiver = receiver
        self.knockedOut = knockedOut
        self.heard = heard
        self.map = map
    }
}

extension PathWalkStep: FieldCoded {
    init() {}

    static var fields: [Field<PathWalkStep>] {
        [
            .value("receiver", \.receiver), .list("knocked_out", \.knockedOut), .value("heard", \.heard),
            .value("map", \.map),
        ]
    }
}
