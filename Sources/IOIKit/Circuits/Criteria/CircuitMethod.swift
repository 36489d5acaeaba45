/// How a circuit is evaluated. Published figures of one circuit differ by these choices more than by anything else
/// (Miller et al. 2407.08734).
public struct CircuitMethod: Codable, Equatable, Sendable {
    /// What is cut around a circuit.
    public enum Granularity: String, CaseIterable, Codable, Sendable {
        /// All heads outside it, and its own at other positions.
        case node
        /// Those, and between its heads what is no edge of it.
        case edge
    }

    public var ablation = Ablation()
    /// How many prompts of the same source means are taken over, the measured ones among them; nil for just those.
    public var reference: Int?
    /// Whether heads stay at all positions, not only at their classes'.
    public var everywhere = false
    public var granularity = Granularity.node
    public var aggregation = EffectAggregation.ratioOfMeans

    public init() {}

    func validate(_ prompts: PromptSource) throws {
        try IOIError.scoped("ablation", ablation.validate)
        try ablation.validate(reference: reference, prompts)
    }

    enum CodingKeys: String, CodingKey {
        case ablation, everywhere, granularity
        case reference = "abc_count"
        case aggregation = "aggregate"
    }

    /// Measures circuits.
    ///
    /// - Parameter reference: prompts whose counterfactuals means are taken over, if not `prompts`.
    /// - Returns: the cells are `circuits`.
    /// - Throws: `IOIError` of kind `usage` where edges are wanted of a circuit that names neither paths nor edges; what
    ///   ``ComplementAblation`` and ``EdgeComplementAblation`` throw.
    func measure(
        _ circuits: [Circuit],
        of model: GPT2Parameters,
        _ prompts: [Prompt],
        reference: [Prompt]?,
        settings: RunSettings,
        resuming done: PatchMeasures?,
        progress: @escaping (Double) -> Void
    ) throws -> PatchMeasures {
        switch granularity {
        case .node:
            return try ComplementAblation(circuits.map { $0.positions(everywhere: everywhere) }, ablation: ablation)
                .measure(
                    model, prompts, reference: reference, settings: settings, resuming: done, progress: progress
                )
        case .edge:
            let graph = Graph(model.config)
            let kept = try circuits.map { circuit in
                EdgeCircuit(
                    try Self.edges(of: circuit, graph), positions: everywhere ? [:] : circuit.positions()
                )
            }
            return try EdgeComplementAblation(kept, ablation: ablation).measure(
                model, prompts, reference: reference, settings: settings, resuming: done, progress: progress
            )
        }
    }

    /// - Throws: `IOIError` of kind `usage` where a circuit names neither paths nor edges.
    @discardableResult
    static func edges(of circuit: Circuit, _ graph: Graph) throws -> EdgeSet {
        guard let edges = circuit.edgeSet(graph) else {
            throw IOIError.invalid(
                "granularity",
                "found edge, but the circuit names neither paths between classes nor edges; "
                    + "expected node"
            )
        }
        return edges
    }
}
