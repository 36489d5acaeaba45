/// How faithful the circuits of a ranking are as they grow (Mueller et al. 2504.13151, section 3).
///
/// At each fraction of all edges the faithfulness of the best ones is f = (m − m_corrupt) / (m_clean − m_corrupt), m the
/// mean logit difference; CPR is the integral of f over the fraction, CMD that of |1 − f|, both by trapezoids from 0,
/// where f is 0.
public struct EdgeCurve: Sendable, Encodable {
    public struct Point: Sendable, Encodable {
        public let fraction: Double
        public let edges: Int
        public let faithfulness: PatchEffects.Figure
        /// What has to be said beside it; the whole is m_clean − m_corrupt.
        public let note: RatioNote?

        enum CodingKeys: String, CodingKey {
            case fraction, edges, faithfulness, ci95
            case note = "ratio_note"
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(fraction, forKey: .fraction)
            try container.encode(edges, forKey: .edges)
            try container.encode(faithfulness.value, forKey: .faithfulness)
            try container.encode(faithfulness.ci95, forKey: .ci95)
            try container.encode(note, forKey: .note)
        }
    }

    /// The fractions of all edges at which circuits are measured.
    public static let fractions = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]

    public let points: [Point]
    /// ∫ f: the greater, the more of the model the best edges carry.
    public let cpr: PatchEffects.Figure
    /// ∫ |1 − f|: the smaller, the nearer the circuits are to the model.
    public let cmd: PatchEffects.Figure

    /// Whether m_clean and m_corrupt are too near each other for shares of their difference.
    public var isMeaningless: Bool { points.contains { $0.note == .meaningless } }

    /// The circuits to be measured: one without edges, then the best of each fraction.
    static func circuits(_ ranking: EdgeRanking) -> [EdgeCircuit] {
        let order = ranking.order
        return [EdgeCircuit(EdgeSet(none: ranking.graph))]
            + fractions.map { fraction in
                EdgeCircuit(EdgeSet(ranking.graph, indices: order.prefix(count(fraction, ranking.graph))))
            }
    }

    private static func count(_ fraction: Double, _ graph: Graph) -> Int {
        Int((fraction * Double(graph.edgeCount)).rounded())
    }

    /// - Parameter measures: the cells are `circuits`.
    init(_ measures: PatchMeasures, graph: Graph, seed: UInt64, workers: Workers) {
        let resampled = ResampledSums([measures.original] + measures.patched, seed: seed, workers: workers)
        func faithfulness(_ sums: [Double]) -> [Double] {
            sums.dropFirst(2).map { ($0 - sums[1]) / (sums[0] - sums[1]) }
        }
        let whole = resampled.figure { ($0[0] - $0[1]) / resampled.count }
        let spread = zip(measures.original, measures.patched[0]).map { $0 - $1 }.standardDeviation
        points = Self.fractions.enumerated().map { index, fraction in
            let figure = resampled.figure { faithfulness($0)[index] }
            return Point(
                fraction: fraction, edges: Self.count(fraction, graph), faithfulness: figure,
                note: RatioNote(of: figure.value, whole: whole, spread: spread)
            )
        }
        cpr = resampled.figure { Self.integral(faithfulness($0), at: 0) }
        cmd = resampled.figure { Self.integral(faithfulness($0).map { abs(1 - $0) }, at: 1) }
    }

    /// The integral over the fractions of values that begin with `first` at none.
    static func integral(_ values: [Double], at first: Double) -> Double {
        zip(zip([0] + fractions, fractions), zip([first] + values, values)).reduce(0) { sum, piece in
            sum + (piece.0.1 - piece.0.0) * (piece.1.0 + piece.1.1) / 2
        }
    }

    enum CodingKeys: String, CodingKey {
        case points, cpr, cmd
        case cprInterval = "cpr_ci95"
        case cmdInterval = "cmd_ci95"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(points, forKey: .points)
        try container.encode(cpr.value, forKey: .cpr)
        try container.encode(cpr.ci95, forKey: .cprInterval)
        try container.encode(cmd.value, forKey: .cmd)
        try container.encode(cmd.ci95, forKey: .cmdInterval)
    }
}
