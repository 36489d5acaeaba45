/// Percentile bootstrap intervals (Efron 1979): the same values and seed give the same interval.
public enum Bootstrap {
    /// How many resamples are drawn.
    public static let resamples = 2000

    /// The 95 % interval of the mean of `values`; a single value is its own interval, and no value has none.
    public static func interval(ofMean values: [Double], seed: UInt64) -> ClosedRange<Double>? {
        guard !values.isEmpty else { return nil }
        let sums = resampledSums(of: [values], seed: seed, workers: Workers(count: 1))
        return interval(of: sums.map { $0[0] / Double(values.count) })
    }

    /// The sum of each column over each resample of the prompts; all columns see the same resamples, so that a
    /// statistic of several of them is resampled as a whole.
    ///
    /// - Parameter columns: [columns][prompts], at least one prompt.
    /// - Returns: [resamples][columns].
    public static func resampledSums(of columns: [[Double]], seed: UInt64, workers: Workers) -> [[Double]] {
        let count = columns[0].count
        var generator = SeededGenerator(seed, "bootstrap")
        // Prompt by prompt, so that adding one is adding neighbours.
        let rows = (0..<count).map { prompt in columns.map { $0[prompt] } }
        var draws = [[Int32]]()
        for _ in 0..<resamples {
            var times = [Int32](repeating: 0, count: count)
            for _ in 0..<count { times[generator.below(count)] += 1 }
            draws.append(times)
        }
        var sums = [[Double]](repeating: [Double](repeating: 0, count: columns.count), count: resamples)
        sums.withUnsafeMutableBufferPointer { sums in
            nonisolated(unsafe) let sums = sums
            workers.share(resamples) { shares in
                for resample in shares {
                    for (prompt, times) in draws[resample].enumerated() where times > 0 {
                        let (row, times) = (rows[prompt], Double(times))
                        for column in row.indices { sums[resample][column] += times * row[column] }
                    }
                }
            }
        }
        return sums
    }

    /// The 95 % interval that a statistic of the resamples gives.
    public static func interval(of statistics: [Double]) -> ClosedRange<Double> {
        let sorted = statistics.sorted()
        return quantile(sorted, 0.025)...quantile(sorted, 0.975)
    }

    /// The quantile of sorted values, between neighbours by linear interpolation.
    static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        let place = share * Double(sorted.count - 1)
        let lower = Int(place)
        let upper = min(lower + 1, sorted.count - 1)
        return sorted[lower] + (sorted[upper] - sorted[lower]) * (place - Double(lower))
    }
}
