/// The logit difference of each prompt, unpatched and in each patched run of a sweep.
public struct PatchMeasures: Equatable, Sendable, Codable {
    /// Wraps a stage of the work so that it can be resumed. `body` takes the measures from an interrupted call.
    public typealias Measuring = (
        _ stage: String, _ body: (PatchMeasures?) throws -> PatchMeasures
    ) throws -> PatchMeasures

    /// In the unpatched run. [prompts]
    public var original: [Double] = []
    /// In the donor run, if the values come from a single run. [prompts]
    public var donor: [Double]?
    /// [cells][prompts]
    public var patched: [[Double]]

    init(original: [Double] = [], patched: [[Double]]) { (self.original, self.patched) = (original, patched) }

    init(cells: Int) { self.init(patched: Array(repeating: [], count: cells)) }

    /// The number of prompts measured.
    public var count: Int { original.count }

    mutating func append(_ other: PatchMeasures) {
        original += other.original
        if let more = other.donor { donor = (donor ?? []) + more }
        for cell in patched.indices { patched[cell] += other.patched[cell] }
    }

    /// The same changes applied to another unpatched run. After a knockout, the remaining logit difference may be too
    /// small to express changes as a percentage of it.
    func rebased(on original: [Double]) -> PatchMeasures {
        let shift = zip(original, self.original).map { $0 - $1 }
        return PatchMeasures(original: original, patched: patched.map { zip($0, shift).map { $0 + $1 } })
    }
}

/// How the effect of a patch is averaged over prompts.
public enum EffectAggregation: String, CaseIterable, Codable, Sendable {
    /// The change of the mean logit difference over the mean.
    case ratioOfMeans = "ratio-of-means"
    /// The mean over prompts of the change over the prompt's own logit difference.
    case meanOfRatios = "mean-of-ratios"
}

/// The effects of patched runs on the mean logit difference.
public struct PatchEffects: Sendable {
    /// One patched run.
    public struct Cell: Equatable, Sendable {
        /// The mean logit difference.
        public internal(set) var patched = Estimate()
        /// 100 · (patched − original) / original.
        public internal(set) var effect = Estimate()
        /// (patched − original) / (donor − original); nil without a donor run.
        public internal(set) var recovered: Estimate?
    }

    /// The mean logit difference without patching.
    public let original: Estimate
    /// The mean logit difference of the donor run, if there is one.
    public let donor: Estimate?
    public let cells: [Cell]

    /// - Parameter seed: for the bootstrap intervals.
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
        func estimate(_ statistic: ([Double]) -> Double) -> Estimate { sums.estimate(statistic) }
        self.original = estimate { $0[0] / count }
        donor = measures.donor.map { _ in estimate { $0[1] / count } }
        let first = 1 + donors.count
        cells = measures.patched.indices.map { cell in
            let column = first + cell
            return Cell(
                patched: estimate { $0[column] / count },
                effect: estimate {
                    aggregation == .ratioOfMeans
                        ? 100 * ($0[column] - $0[0]) / $0[0] : $0[column + measures.patched.count] / count
                },
                recovered: measures.donor.map { _ in estimate { ($0[column] - $0[0]) / ($0[1] - $0[0]) } }
            )
        }
    }
}
