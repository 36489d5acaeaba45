/// What `ioi circuit discover` found.
public struct DiscoverResults: Sendable, Encodable {
    public struct EdgeScore: Sendable, Encodable {
        public let edge: String
        public let score: Double
        public let ci95: [Double]?
    }

    public struct NodeScore: Sendable, Encodable {
        public let node: String
        public let score: Double
    }

    /// What attribution says.
    public struct Scores: Sendable, Encodable {
        /// Of the circuit's edges, best first.
        public let edges: [EdgeScore]
        /// Of all senders: the sums of their edges' scores, best first.
        public let nodes: [NodeScore]
        /// How long scoring all edges took, and how much of that one forward pass over the prompts.
        public let seconds, forwardSeconds: Double

        enum CodingKeys: String, CodingKey {
            case edges, nodes
            case seconds = "seconds_scoring"
            case forwardSeconds = "seconds_forward"
        }

        init(
            _ scores: EdgeScores,
            _ ranking: EdgeRanking,
            _ kept: EdgeSet,
            seed: UInt64,
            _ workers: Workers
        ) {
            let (graph, all) = (ranking.graph, ranking.graph.edges)
            let best = ranking.order.filter { kept.flags[$0] }
            let columns = best.map { edge in scores.perPrompt.map { Double($0[edge]) } }
            let sums = columns.isEmpty ? nil : ResampledSums(columns, seed: seed, workers: workers)
            edges = best.enumerated().map { column, edge in
                EdgeScore(
                    edge: graph.name(of: all[edge]), score: ranking.scores[edge],
                    ci95: sums?.figure { [count = sums!.count] in $0[column] / count }.ci95
                )
            }
            func key(_ score: Double) -> Double { ranking.isAbsolute ? abs(score) : score }
            nodes = zip(graph.senders, ranking.senderScores).map { NodeScore(node: $0.description, score: $1) }
                .sorted { key($0.score) > key($1.score) }
            (seconds, forwardSeconds) = (scores.seconds, scores.forwardSeconds)
        }
    }

    public let circuit: Circuit
    /// How path patching came by it.
    public var walk: PathWalkResult?
    /// Of the circuit, edge by edge where it was found so, else with all other heads knocked out.
    public var faithfulness: Faithfulness?
    /// The share of all (head, position) pairs that the circuit keeps, where it says at which positions.
    public var sparsity: Double?
    public var scores: Scores?
    public var stability: EdgeStability?
    public var curve: EdgeCurve?

    init(circuit: Circuit, walk: PathWalkResult? = nil) {
        self.circuit = circuit
        self.walk = walk
    }

    enum CodingKeys: CodingKey {
        case circuit, faithfulness, sparsity, stability, curve, steps, behaviour
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(circuit, forKey: .circuit)
        try container.encodeIfPresent(walk?.steps, forKey: .steps)
        try container.encodeIfPresent(walk?.behaviour, forKey: .behaviour)
        try container.encodeIfPresent(faithfulness, forKey: .faithfulness)
        try container.encodeIfPresent(sparsity, forKey: .sparsity)
        try scores?.encode(to: encoder)
        try container.encodeIfPresent(stability, forKey: .stability)
        try container.encodeIfPresent(curve, forKey: .curve)
    }
}
