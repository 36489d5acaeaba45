/// How near a map of effects that were estimated to first order comes to the effects of its strongest cells, which were
/// measured exactly.
public struct EstimateCheck: Equatable, Sendable {
    /// A cell of the map.
    public struct Cell: Equatable, Sendable {
        /// Such as `9.9`, `9@S2` for a position of a layer, or `layer 9`.
        public fileprivate(set) var name = ""
        /// The estimated effect, in percent.
        public fileprivate(set) var estimate: Double?
        /// The measured effect.
        public fileprivate(set) var exact = PatchEffects.Cell()

        /// |estimate − effect|, in the unit of effects.
        public var error: Double? {
            guard let estimate, let effect = exact.effect.value else { return nil }
            return abs(estimate - effect)
        }
    }

    /// The cells with the strongest estimates, in layer-major order.
    public private(set) var cells: [Cell] = []
    /// Spearman's rank correlation of the estimated with the measured effects of ``cells``.
    public private(set) var rankCorrelation = Estimate()
    /// The mean error of ``cells``; nil without any.
    public private(set) var meanError: Double?
    /// The largest error of ``cells``; nil without any.
    public private(set) var largestError: Double?

    /// - Parameters:
    ///   - map: the estimated effects.
    ///   - strongest: the cells that were measured, as ``strongest(_:of:)`` finds them.
    ///   - exact: their measured effects.
    ///   - seed: for the bootstrap interval.
    ///   - workers: the threads that compute.
    init(_ map: PatchMap, _ strongest: [Int], exact: [PatchEffects.Cell], seed: UInt64, workers: Workers) {
        let estimates = map.cells
        cells = zip(strongest, exact).map {
            Cell(name: map.name(ofCell: $0), estimate: estimates[$0].effect.value, exact: $1)
        }
        let errors = cells.compactMap(\.error)
        if !errors.isEmpty { (meanError, largestError) = (errors.mean, errors.max()) }
        rankCorrelation = Correlation.rankEstimate(
            cells.map { $0.estimate ?? .nan }, cells.map(\.exact.effect.mean), seed: seed, workers: workers
        )
    }

    /// The cells of a map with the strongest effects, in layer-major order.
    static func strongest(_ count: Int, of map: PatchMap) -> [Int] {
        let strengths = map.cells.map { abs($0.effect.value ?? 0) }
        return strengths.indices.sorted { (-strengths[$0], $0) < (-strengths[$1], $1) }.prefix(count).sorted()
    }
}

extension EstimateCheck: FieldCoded {
    init() {}

    static var fields: [Field<EstimateCheck>] {
        [
            .value("exact", \.cells), .estimate("rank_correlation", \.rankCorrelation),
            .nullable("mean_error", \.meanError), .nullable("largest_error", \.largestError),
        ]
    }
}

extension EstimateCheck.Cell: FieldCoded {
    static var fields: [Field<EstimateCheck.Cell>] {
        [
            .value("cell", \.name), .nullable("estimate", \.estimate), .estimate("patched", \.exact.patched),
            .estimate("effect", interval: "ci95", \.exact.effect), .nullableEstimate("recovered", \.exact.recovered),
        ]
    }
}
