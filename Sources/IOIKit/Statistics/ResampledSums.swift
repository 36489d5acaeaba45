/// The sums over prompts of some columns of values, as they are and in bootstrap resamples of the prompts.
struct ResampledSums {
    /// How many prompts there are.
    let count: Double
    private let sums: [Double]
    /// [resamples][columns]
    private let resampled: [[Double]]

    /// - Parameters:
    ///   - columns: [columns][prompts], at least one prompt.
    ///   - seed: what the resamples are drawn from.
    init(_ columns: [[Double]], seed: UInt64, workers: Workers) {
        count = Double(columns[0].count)
        sums = columns.map { $0.reduce(0, +) }
        resampled = Bootstrap.resampledSums(of: columns, seed: seed, workers: workers)
    }

    /// A statistic of the columns' sums with its 95 % interval; what is not finite is nil.
    func figure(_ statistic: ([Double]) -> Double) -> Estimate {
        let value = statistic(sums)
        let resampled = resampled.map(statistic)
        guard value.isFinite, resampled.allSatisfy(\.isFinite) else {
            return Estimate(value: value.isFinite ? value : nil, ci95: nil)
        }
        let interval = Bootstrap.interval(of: resampled)
        return Estimate(value: value, ci95: [interval.lowerBound, interval.upperBound])
    }
}
