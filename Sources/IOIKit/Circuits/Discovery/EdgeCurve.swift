/// How faithful the circuits of a ranking are as they grow (Mueller et al. 2504.13151, section 3).
///
/// At each fraction of all edges the faithfulness of the best ones is f = (m − m_corrupt) / (m_clean − m_corrupt), m the
/// mean logit difference; CPR is the integral of f over the fraction, CMD that of |1 − f|, both by trapezoids from 0,
/// where f is 0.
public struct EdgeCurve: Equatable, Sendable {
    public struct Point: Equatable, Sendable {
        public fileprivate(set) var fraction = 0.0
        public fileprivate(set) var edges = 0
        public fileprivate(set) var faithfulness = Estimate()
        /// nil where the share means what it says; the whole is m_clean − m_corrupt.
        public fileprivate(set) var note: RatioNote?
    }

    /// The fractions of all edges at which circuits are measured.
    public static let fractions = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]

    public private(set) var points: [Point] = []
    /// ∫ f: the greater, the more of the model the best edges carry.
    public private(set) var cpr = Estimate()
    /// ∫ |1 − f|: the smaller, the nearer the circuits are to the model.
    public private(set) var cmd = Estimate()

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
}

extension EdgeCurve: FieldCoded {
    init() {}

    static var fields: [Field<EdgeCurve>] {
        [.value("points", \.points), .estimate("cpr", \.cpr), .estimate("cmd", \.cmd)]
    }
}

extension EdgeCurve.Point: FieldCoded {
    static var fields: [Field<EdgeCurve.Point>] {
        [
            .value("fraction", \.fraction), .value("edges", \.edges),
            .estimate("faithfulness", interval: "ci95", \.faithfulness), .nullable("ratio_note", \.note),
        ]
    }
}
