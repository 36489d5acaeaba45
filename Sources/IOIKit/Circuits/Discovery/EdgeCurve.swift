/// The faithfulness of growing circuits from a ranking of edges (Mueller et al. 2504.13151, section 3).
///
/// The faithfulness of the best edges is f = (m − m_corrupt) / (m_clean − m_corrupt), where m is the mean logit
/// difference. CPR is the integral of f over the fraction of edges kept and CMD that of |1 − f|, both by the
/// trapezoidal rule with f = 0 at 0.
public struct EdgeCurve: Equatable, Sendable {
    public struct Point: Equatable, Sendable {
        public fileprivate(set) var fraction = 0.0
        public fileprivate(set) var edges = 0
        public fileprivate(set) var faithfulness = Estimate()
        /// A caveat on the ratio to m_clean − m_corrupt.
        public fileprivate(set) var note: RatioNote?
    }

    /// The fractions of all edges that are kept.
    public static let fractions = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]

    public private(set) var points: [Point] = []
    /// ∫ f; higher means that the best edges recover more of the model's performance.
    public private(set) var cpr = Estimate()
    /// ∫ |1 − f|; lower means that the circuits match the model better.
    public private(set) var cmd = Estimate()

    /// Whether m_clean and m_corrupt are too close for ratios to their difference.
    public var isMeaningless: Bool { points.contains { $0.note == .meaningless } }

    /// The circuits to measure: one without edges, then the best edges at each fraction.
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

    /// - Parameter measures: with one cell for each of `circuits(_:)`.
    init(_ measures: PatchMeasures, graph: Graph, seed: UInt64, workers: Workers) {
        let resampled = ResampledSums([measures.original] + measures.patched, seed: seed, workers: workers)
        func faithfulness(_ sums: [Double]) -> [Double] {
            sums.dropFirst(2).map { ($0 - sums[1]) / (sums[0] - sums[1]) }
        }
        let whole = resampled.estimate { ($0[0] - $0[1]) / resampled.count }
        let spread = zip(measures.original, measures.patched[0]).map { $0 - $1 }.standardDeviation
        points = Self.fractions.enumerated().map { index, fraction in
            let estimate = resampled.estimate { faithfulness($0)[index] }
            return Point(
                fraction: fraction, edges: Self.count(fraction, graph), faithfulness: estimate,
                note: RatioNote(of: estimate.value, whole: whole, spread: spread)
            )
        }
        cpr = resampled.estimate { Self.integral(faithfulness($0), at: 0) }
        cmd = resampled.estimate { Self.integral(faithfulness($0).map { abs(1 - $0) }, at: 1) }
    }

    /// The integral of values over the fractions, with the value `first` at 0.
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
