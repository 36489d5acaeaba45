/// Percentile bootstrap intervals (Efron 1979): the same values and seed give the same interval.
public enum Bootstrap {
    /// How many resamples are drawn.
    public static let resamples = 2000

    /// The 95 % interval of the mean of `values`; a single value is its own interval, and no value has none.
    public static func interval(ofMean values: [Double], seed: UInt64) -> ClosedRange<Double>? {
        guard values.count > 1 else { return values.first.map { $0...$0 } }
        var generator = SeededGenerator(seed, "bootstrap")
        let means = (0..<resamples).map { _ in
            var sum = 0.0
            for _ in values { sum += values[generator.below(values.count)] }
            return sum / Double(values.count)
        }.sorted()
        return quantile(means, 0.025)...quantile(means, 0.975)
    }

    /// The quantile of sorted values, between neighbours by linear interpolation.
    static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        let place = share * Double(sorted.count - 1)
        let lower = Int(place)
        let upper = min(lower + 1, sorted.count - 1)
        return sorted[lower] + (sorted[upper] - sorted[lower]) * (place - Double(lower))
    }
}
