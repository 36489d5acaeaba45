/// Pearson's correlation with 95 % bootstrap intervals over prompts, and Spearman's.
enum Correlation {
    /// Two quantities on each prompt. [prompts]
    typealias Series = (x: [Double], y: [Double])

    /// The number of pairs resampled together, which bounds the memory for their sums.
    private static let chunk = 256

    /// - Parameter pairs: one or more series for each correlation. Several series are pooled, and resampling draws all
    ///   points of a prompt together.
    /// - Returns: one estimate for each pair, with a nil value if a quantity varies by no more than rounding.
    static func estimates(_ pairs: [[Series]], seed: UInt64, workers: Workers) -> [Estimate] {
        stride(from: 0, to: pairs.count, by: chunk).flatMap { start in
            let part = pairs[start..<min(start + chunk, pairs.count)].map(Centred.init)
            let sums = ResampledSums(part.flatMap(\.columns), seed: seed, workers: workers)
            return part.enumerated().map { index, pair in
                let first = index * Centred.width
                return sums.estimate { pair.correlation(Array($0[first..<first + Centred.width])) }
            }
        }
    }

    static func estimate(_ x: [Double], _ y: [Double], seed: UInt64, workers: Workers) -> Estimate {
        estimates([[(x, y)]], seed: seed, workers: workers)[0]
    }

    /// The mean of several pairs' correlations, with its interval: each resample gives every pair the same prompts. Pairs
    /// in which a quantity varies by no more than rounding are left out; the value is nil if there are no others.
    static func meanEstimate(_ pairs: [Series], seed: UInt64, workers: Workers) -> Estimate {
        let pairs = pairs.map { Centred([$0]) }.filter { pair in
            pair.correlation(pair.columns.map { $0.reduce(0, +) }).isFinite
        }
        guard !pairs.isEmpty else { return Estimate() }
        return ResampledSums(pairs.flatMap(\.columns), seed: seed, workers: workers).estimate { sums in
            pairs.indices.map { pair in
                pairs[pair].correlation(Array(sums[pair * Centred.width..<(pair + 1) * Centred.width]))
            }.mean
        }
    }

    /// Pearson's correlation of two lists without an interval; nil if either varies by no more than rounding.
    static func value(_ x: [Double], _ y: [Double]) -> Double? {
        let pair = Centred([(x, y)])
        let value = pair.correlation(pair.columns.map { $0.reduce(0, +) })
        return value.isFinite ? value : nil
    }

    /// Spearman's rank correlation of two lists, such as the figures of the same heads. Its interval is Pearson's of the
    /// ranks in the whole lists, resampled over their items. The value is nil if there is none for an item.
    static func rankEstimate(_ x: [Double], _ y: [Double], seed: UInt64, workers: Workers) -> Estimate {
        guard x.count == y.count, !x.isEmpty, (x + y).allSatisfy(\.isFinite) else { return Estimate() }
        return estimate(ranks(x), ranks(y), seed: seed, workers: workers)
    }

    /// The place of each value among all, from 1; equal values share the mean of their places.
    static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            let end = order[start...].firstIndex { values[$0] != values[order[start]] } ?? order.count
            for place in start..<end { ranks[order[place]] = Double(start + 1 + end) / 2 }
            start = end
        }
        return ranks
    }

    /// A pair of quantities minus their means, so that sums of squares lose no digits.
    private struct Centred {
        static let width = 5
        /// Sums of x, y, x², y² and x·y for each prompt.
        let columns: [[Double]]
        private let points: Double
        /// An upper bound on the sum of squared rounding errors.
        private let noiseX, noiseY: Double

        init(_ series: [Series]) {
            let (x, y) = (series.map(\.x), series.map(\.y))
            let points = Double(x.joined().count)
            self.points = points
            let (meanX, meanY) = (x.joined().reduce(0, +) / points, y.joined().reduce(0, +) / points)
            func sums(_ term: (Double, Double) -> Double) -> [Double] {
                x[0].indices.map { prompt in
                    series.indices.reduce(0) { $0 + term(x[$1][prompt] - meanX, y[$1][prompt] - meanY) }
                }
            }
            columns = [sums { x, _ in x }, sums { _, y in y }, sums { x, _ in x * x }, sums { _, y in y * y }, sums(*)]
            func noise(_ values: [[Double]]) -> Double {
                // The values were computed in single precision.
                let rounding = 1e-7 * (values.joined().map(abs).max() ?? 0)
                return points * rounding * rounding
            }
            noiseX = noise(x)
            noiseY = noise(y)
        }

        func correlation(_ sums: [Double]) -> Double {
            let (x, y) = (sums[2] - sums[0] * sums[0] / points, sums[3] - sums[1] * sums[1] / points)
            guard x > noiseX, y > noiseY else { return .nan }
            return (sums[4] - sums[0] * sums[1] / points) / (x * y).squareRoot()
        }
    }
}
