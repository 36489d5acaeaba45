/// Percentile bootstrap intervals (Efron 1979), reproducible from their seed.
public enum Bootstrap {
    /// The number of resamples drawn.
    public static let resamples = 2000

    /// The 95 % interval of the mean of `values`; nil if there are none.
    public static func interval(ofMean values: [Double], seed: UInt64) -> ClosedRange<Double>? {
        guard !values.isEmpty else { return nil }
        let sums = resampledSums(of: [values], seed: seed, workers: Workers(count: 1))
        return interval(of: sums.map { $0[0] / Double(values.count) })
    }

    /// Sums each column over each resample of the prompts. All columns use the same resamples, so a statistic of
    /// several columns keeps their correlation.
    ///
    /// - Parameters:
    ///   - columns: [columns][prompts], with at least one prompt.
    ///   - workers: the threads that compute.
    ///   - seed: the seed of everything drawn at random.
    /// - Returns: [resamples][columns].
    public static func resampledSums(of columns: [[Double]], seed: UInt64, workers: Workers) -> [[Double]] {
        let count = columns[0].count
        var generator = SeededGenerator(seed, "bootstrap")
        // Prompt-major, so that adding a prompt reads contiguous memory.
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

    /// The 95 % interval of a statistic from its values on the resamples.
    public static func interval(of statistics: [Double]) -> ClosedRange<Double> {
        let sorted = statistics.sorted()
        return quantile(sorted, 0.025)...quantile(sorted, 0.975)
    }

    /// A quantile of sorted values, with linear interpolation.
    static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        let place = share * Double(sorted.count - 1)
        let lower = Int(place)
        let upper = min(lower + 1, sorted.count - 1)
        return sorted[lower] + (sorted[upper] - sorted[lower]) * (place - Double(lower))
    }
}

/// Sums of columns over all prompts and over bootstrap resamples of the prompts.
struct ResampledSums {
    /// The number of prompts.
    let count: Double
    private let sums: [Double]
    /// [resamples][columns]
    private let resampled: [[Double]]

    /// - Parameter columns: [columns][prompts], with at least one prompt.
    init(_ columns: [[Double]], seed: UInt64, workers: Workers) {
        count = Double(columns[0].count)
        sums = columns.map { $0.reduce(0, +) }
        resampled = Bootstrap.resampledSums(of: columns, seed: seed, workers: workers)
    }

    /// Estimates a statistic of the columns' sums. Non-finite parts are nil.
    func estimate(_ statistic: ([Double]) -> Double) -> Estimate {
        let value = statistic(sums)
        let resampled = resampled.map(statistic)
        guard value.isFinite, resampled.allSatisfy(\.isFinite) else {
            return Estimate(value: value.isFinite ? value : nil, ci95: nil)
        }
        let interval = Bootstrap.interval(of: resampled)
        return Estimate(value: value, ci95: [interval.lowerBound, interval.upperBound])
    }
}
