/// Circuit discovery by path patching: from the logits back, each step finds the heads that affect the heads found
/// before (Wang et al. 2211.00593, section 3).
///
/// 1. Heads whose patched paths to the logits at END lower the logit difference are *name movers*; those that raise it
///    are *negative name movers*. Of the former, heads that attend to S2 more than to IO are *S-inhibition* heads,
///    which in small models also write to the logits directly. In a model that predicts S, such heads remain name
///    movers.
/// 2. Heads that lower it through the queries of the name movers at END are *S-inhibition* heads. As in the paper, the
///    queries of negative and backup name movers add no heads to the circuit; they are patched only to find its paths.
/// 3. Heads that lower it through keys or values of the S-inhibition heads at S2 are *duplicate token* or *induction*
///    heads by their attention (``HeadBehaviour``), or else *other (S2)*.
/// 4. Heads that lower it through keys or values of the induction heads at S1+1 are *previous token* heads by their
///    attention, or else *other (S1+1)*.
/// 5. Heads without another role that lower it only after the name movers are knocked out at END are *backup name
///    movers*.
///
/// Steps that depend on an empty class are skipped. A head belongs to the first class that finds it. Effects are
/// relative to the whole model's mean logit difference, so in a model that predicts S, the heads found are those that
/// promote S.
public struct PathWalk: Codable, Equatable, Sendable {
    /// Selects heads from those whose 95 % intervals exclude zero.
    public struct Criterion: Codable, Equatable, Sendable {
        /// The least absolute effect, in percent of the mean metric.
        public var threshold: Double
        /// The maximum number of heads in a class, strongest first; nil for no limit.
        public var limit: Int?

        public init(threshold: Double, limit: Int? = nil) {
            self.threshold = threshold
            self.limit = limit
        }

        func validate() throws {
            guard threshold >= 0 else {
                throw IOIError.invalid("threshold", "found \(threshold), expected 0 or more")
            }
            if let limit { try IOIError.check("limit", limit, in: 1...100_000) }
        }
    }

    // The paper selects heads by inspection. In its figures, effects decrease with distance from the logits.
    /// For step 1, with either sign.
    public var logits = Criterion(threshold: 2)
    /// For step 2.
    public var queries = Criterion(threshold: 2)
    /// For step 3.
    public var s2 = Criterion(threshold: 1)
    /// For step 4.
    public var s1Next = Criterion(threshold: 1)
    /// For step 5.
    public var backups = Criterion(threshold: 2)
    /// The least mean attention for naming a head by its attention.
    public var attention = 0.2
    /// How the name movers are knocked out.
    public var ablation = Ablation()
    /// For bootstrap intervals and random tokens.
    public var seed: UInt64 = 0

    public init() {}

    enum CodingKeys: String, CodingKey {
        case logits, queries, s2
        case s1Next = "s1_next"
        case backups, attention, ablation, seed
    }

    /// - Parameters:
    ///   - name: the model's name, recorded in the circuit.
    ///   - metric: what effects are percentages of; not a divergence.
    ///   - reference: prompts whose counterfactuals give the knockout's means; nil for `prompts`.
    ///   - measuring: wraps each stage.
    ///   - progress: called with the share of the work done.
    ///   - prompts: the prompts to measure.
    ///   - model: the model to measure.
    ///   - settings: threads, memory and interruption.
    /// - Throws: ``NoCircuit`` if no name mover is found; `IOIError` if an option is out of range, a prompt has no
    ///   counterfactual, or a result is not finite; ``PatchInterruption``; errors from `measuring`.
    public func find(
        _ model: GPT2Parameters,
        name: String,
        _ prompts: [Prompt],
        metric: Metric = .logitDifference,
        reference: [Prompt]? = nil,
        settings: RunSettings,
        measuring: @escaping PatchMeasures.Measuring = { _, _, body in try body(nil) },
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> PathWalkResult {
        try validate()
        try metric.checkIsRelative()
        var walk = PathWalker(
            options: self, model: model, prompts: prompts, metric: metric, reference: reference, settings: settings,
            measuring: measuring, progress: progress
        )
        let behaviour = try walk.run()
        progress(1)
        return PathWalkResult(
            circuit: try Circuit(model: name, classes: walk.circuitClasses, paths: walk.paths), steps: walk.steps,
            behaviour: behaviour
        )
    }

    /// - Throws: `IOIError` for a negative threshold or a limit below 1.
    public func validate() throws {
        for (field, criterion) in [
            ("logits", logits), ("queries", queries), ("s2", s2), ("s1_next", s1Next), ("backups", backups),
        ] {
            try IOIError.scoped(field, criterion.validate)
        }
        try IOIError.check("attention", attention, in: 0...1)
    }
}

/// The circuit found by a walk, with its evidence.
public struct PathWalkResult: Sendable {
    public let circuit: Circuit
    /// In the order of measurement.
    public let steps: [PathWalkStep]
    public let behaviour: HeadBehaviour
}

/// One sweep of a walk: the paths from each head, and for a ``NodeWalk`` from each MLP, to one receiver.
public struct PathWalkStep: Equatable, Sendable {
    public private(set) var receiver = Receiver.logits
    /// The name movers, if they were knocked out at END.
    public private(set) var knockedOut: [Head] = []
    /// The circuit's nodes that reach the threshold at the receiver's position, strongest first.
    public private(set) var heard: [Node] = []
    /// The effects of all heads. With name movers knocked out, changes are relative to the whole model's logit
    /// difference.
    public private(set) var map = PatchMap()
    /// The effects of all MLPs; nil for a ``PathWalk``.
    public private(set) var mlps: PatchMap?

    init(
        receiver: Receiver,
        knockedOut: [Head] = [],
        heard: [Node],
        map: PatchMap,
        mlps: PatchMap? = nil
    ) {
        self.receiver = receiver
        self.knockedOut = knockedOut
        self.heard = heard
        self.map = map
        self.mlps = mlps
    }

    func hearing(_ heard: [Node]) -> PathWalkStep {
        PathWalkStep(receiver: receiver, knockedOut: knockedOut, heard: heard, map: map, mlps: mlps)
    }
}

extension PathWalkStep: FieldCoded {
    init() {}

    static var fields: [Field<PathWalkStep>] {
        [
            .value("receiver", \.receiver), .list("knocked_out", \.knockedOut), .value("heard", \.heard),
            .value("map", \.map), .optional("mlps", \.mlps),
        ]
    }
}

/// Thrown if no circuit is found, with the reason.
public struct NoCircuit: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
