/// A figure for each head of a model, with 95 % bootstrap intervals over prompts.
public struct HeadMap: Codable, Equatable, Sendable {
    /// [layer][head]; nil where it is not finite.
    public let value: [[Double?]]
    /// [layer][head], the lower and the upper bound.
    public let ci95: [[[Double]?]]

    /// - Parameters:
    ///   - figures: of all heads, layer by layer.
    ///   - heads: of a layer.
    init(_ figures: [Estimate], heads: Int) {
        value = figures.map(\.value).rows(of: heads)
        ci95 = figures.map(\.ci95).rows(of: heads)
    }

    /// The means of columns.
    ///
    /// - Parameter columns: of all heads, layer by layer. [heads][prompts]
    init(means columns: [[Double]], heads: Int, seed: UInt64, workers: Workers) {
        let sums = ResampledSums(columns, seed: seed, workers: workers)
        self.init(columns.indices.map { column in sums.figure { $0[column] / sums.count } }, heads: heads)
    }

    public subscript(head: Head) -> Estimate {
        Estimate(value: value[head.layer][head.index], ci95: ci95[head.layer][head.index])
    }
}

extension Array {
    /// Cut into rows of `width`.
    func rows(of width: Int) -> [[Element]] {
        stride(from: 0, to: count, by: width).map { Array(self[$0..<Swift.min($0 + width, count)]) }
    }
}
