/// A paired permutation test of two models measured on the same prompts.
///
/// If the models do not differ, their values on a prompt could as well be each other's. The p-value is the share of such
/// exchanges, prompt by prompt, that move a statistic at least as far from zero as it is (two-sided). For a mean this is
/// the sign-flip test of the differences. All exchanges are tried where they are few; otherwise some are drawn, and the
/// p-value counts the measured values as one of them (Phipson & Smyth 2010), so that it is never 0.
public struct PairedPermutation: Sendable {
    /// The number of exchanges, at most ``most``.
    public let count: Int
    /// Whether these are all there are.
    public let isExact: Bool
    private let prompts: Int
    private let seed: UInt64

    /// The number of exchanges that are drawn at least, and at most.
    public static let least = 10_000, most = 100_000

    /// - Parameters:
    ///   - prompts: how many were measured.
    ///   - family: the number of tests that are corrected together. A p-value has to be able to fall below 0.05 / family.
    ///   - seed: the seed of the exchanges.
    public init(prompts: Int, family: Int, seed: UInt64) {
        (self.prompts, self.seed) = (prompts, seed)
        let wanted = min(max(Self.least, 40 * family), Self.most)
        isExact = prompts < 16 && 1 << prompts <= wanted
        count = isExact ? 1 << prompts : wanted
    }

    /// The p-values of several statistics.
    ///
    /// - Parameters:
    ///   - base: values of one model. [columns][prompts]
    ///   - other: values of the other. [columns][prompts]
    ///   - statistics: how many there are.
    ///   - workers: the threads that compute.
    ///   - statistic: a number from the sums over prompts of the first model's columns and of the other's, which changes
    ///     its sign if they trade places.
    /// - Returns: [statistics]; 1 where a statistic is not finite.
    public func pValues(
        _ base: [[Double]],
        _ other: [[Double]],
        statistics: Int,
        workers: Workers,
        statistic: @Sendable (_ index: Int, _ base: [Double], _ other: [Double]) -> Double
    ) -> [Double] {
        let (first, second) = (base.map { $0.reduce(0, +) }, other.map { $0.reduce(0, +) })
        // Prompt-major, so that an exchange adds contiguous memory.
        let changes = (0..<prompts).map { prompt in base.indices.map { other[$0][prompt] - base[$0][prompt] } }
        // Sums in another order differ by rounding, and must still count as equal.
        let observed = (0..<statistics).map { abs(statistic($0, first, second)) * (1 - 1e-10) }
        let block = 256
        let blocks = (count + block - 1) / block
        var reached = [[Int]](repeating: [Int](repeating: 0, count: statistics), count: blocks)
        reached.withUnsafeMutableBufferPointer { reached in
            nonisolated(unsafe) let reached = reached
            workers.share(blocks) { shares in
                for index in shares {
                    var generator = SeededGenerator(seed, "permutation", index)
                    for exchange in index * block..<min((index + 1) * block, count) {
                        var (a, b) = (first, second)
                        var bits: UInt64 = 0
                        for prompt in 0..<prompts {
                            if isExact {
                                bits = UInt64(exchange >> prompt)
                            } else {
                                bits = prompt % 64 == 0 ? generator.next() : bits >> 1
                            }
                            guard bits & 1 == 1 else { continue }
                            for column in a.indices { a[column] += changes[prompt][column] }
                        }
                        for column in a.indices { b[column] += first[column] - a[column] }
                        for number in 0..<statistics where abs(statistic(number, a, b)) >= observed[number] {
                            reached[index][number] += 1
                        }
                    }
                }
            }
        }
        return (0..<statistics).map { number in
            guard observed[number].isFinite else { return 1 }
            let times = reached.reduce(0) { $0 + $1[number] }
            return isExact ? Double(times) / Double(count) : Double(times + 1) / Double(count + 1)
        }
    }

    /// The p-values of differences of means, one for each column.
    ///
    /// - Parameters:
    ///   - base: values of one model. [columns][prompts]
    ///   - other: values of the other. [columns][prompts]
    ///   - workers: the threads that compute.
    public func pValues(ofMeans base: [[Double]], _ other: [[Double]], workers: Workers) -> [Double] {
        pValues(base, other, statistics: base.count, workers: workers) { $2[$0] - $1[$0] }
    }
}
