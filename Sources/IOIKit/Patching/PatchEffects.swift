/// How the effect of a patch is averaged over prompts.
public enum EffectAggregation: String, CaseIterable, Codable, Sendable {
    /// The change of the mean logit difference over the mean.
    case ratioOfMeans = "ratio-of-means"
    /// The mean over prompts of the change over the prompt's own logit difference.
    case meanOfRatios = "mean-of-ratios"
}

/// What patched runs did to the mean logit difference, with 95 % bootstrap intervals over prompts.
///
/// A figure is nil where it is not finite: a share of nothing.
public struct PatchEffects: Sendable {
    /// One patched run.
    public struct Cell: Equatable, Sendable {
        /// The mean logit difference.
        public internal(set) var patched = Estimate()
        /// 100 · (patched − original) / original.
        public internal(set) var effect = Estimate()
        /// (patched − original) / (donor − original), where the values come from one whole run.
        public internal(set) var recovered: Estimate?
    }

    /// The mean logit difference without patching.
    public let original: Estimate
    /// That of the run that the values come from.
    public let donor: Estimate?
    public let cells: [Cell]

    /// - Parameter seed: what the intervals are drawn from.
    public init(
        _ measures: PatchMeasures,
        aggregation: EffectAggregation = .ratioOfMeans,
        seed: UInt64,
        workers: Workers
    ) {
        let original = measures.original
        let ratios = measures.patched.map { zip($0, original).map { 100 * ($0 - $1) / $1 } }
        let donors = measures.donor.map { [$0] } ?? []
        let columns = [original] + donors + measures.patched + (aggregation == .meanOfRatios ? ratios : [])
        let sums = ResampledSums(columns, seed: seed, workers: workers)
        let count = sums.count
        func figure(_ statistic: ([Double]) -> Double) -> Estimate { sums.figure(statistic) }
        self.original = figure { $0[0] / count }
        donor = measures.donor.map { _ in figure { $0[1] / count } }
        let first = 1 + donors.count
        cells = measures.patched.indices.map { cell in
            let column = first + cell
            return Cell(
                patched: figure { $0[column] / count },
                effect: figure {
                    aggregation == .ratioOfMeans
                        ? 100 * ($0[column] - $0[0]) / $0[0] : $0[column + measures.patched.count] / count
                },
                recovered: measures.donor.map { _ in figure { ($0[column] - $0[0]) / ($0[1] - $0[0]) } }
            )
        }
    }
}
