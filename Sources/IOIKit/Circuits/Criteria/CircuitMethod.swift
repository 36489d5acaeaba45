/// How a circuit's faithfulness is measured. Published results for the same circuit differ mainly in these choices
/// (Miller et al. 2407.08734).
public struct CircuitMethod: Codable, Equatable, Sendable {
    /// What is ablated around a circuit.
    public enum Granularity: String, CaseIterable, Codable, Sendable {
        /// Heads outside the circuit, and its own at other positions; MLPs likewise if it names any.
        case node
        /// Those, and edges between the circuit's nodes that are not part of it.
        case edge
    }

    public var ablation = Ablation()
    /// The number of prompts from the same source that give means, including the measured ones; nil for only those.
    public var reference: Int?
    /// Whether nodes are kept at all positions instead of their classes'.
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
    /// - Parameter reference: prompts whose counterfactuals give means; nil for `prompts`.
    /// - Returns: measures with one cell for each of `circuits`.
    /// - Throws: `IOIError` if the granularity is edges and a circuit has neither paths nor edges; errors from
    ///   ``ComplementAblation`` and ``EdgeComplementAblation``.
    func measure(
        _ circuits: [Circuit],
        of model: GPT2Parameters,
        _ prompts: [Prompt],
        metric: Metric,
        reference: [Prompt]?,
        settings: RunSettings,
        resuming done: PatchMeasures?,
        progress: @escaping (Double) -> Void
    ) throws -> PatchMeasures {
        switch granularity {
        case .node:
            var method = ComplementAblation(circuits.map { $0.positions(everywhere: everywhere) }, ablation: ablation)
            method.metric = metric
            return try method.measure(
                model, prompts, reference: reference, settings: settings, resuming: done, progress: progress
            )
        case .edge:
            let graph = Graph(model.config)
            let kept = try circuits.map { circuit in
                EdgeCircuit(
                    try Self.edges(of: circuit, graph), positions: everywhere ? [:] : circuit.positions()
                )
            }
            var method = EdgeComplementAblation(kept, ablation: ablation)
            method.metric = metric
            return try method.measure(
                model, prompts, reference: reference, settings: settings, resuming: done, progress: progress
            )
        }
    }

    /// - Throws: `IOIError` if a circuit has neither paths nor edges.
    @discardableResult
    static func edges(of circuit: Circuit, _ graph: Graph) throws -> EdgeSet {
        guard let edges = circuit.edgeSet(graph) else {
            throw IOIError.invalid(
                "granularity",
                "found edge, but the circuit has neither paths between classes nor edges; expected node"
            )
        }
        return edges
    }
}
