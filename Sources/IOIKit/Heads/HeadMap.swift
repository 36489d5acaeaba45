/// An estimate for each head of a model.
public struct HeadMap: Encodable, Equatable, Sendable {
    /// [layer][head]; nil if not finite.
    public let value: [[Double?]]
    /// The lower and upper bounds. [layer][head]
    public let ci95: [[[Double]?]]

    /// - Parameters:
    ///   - estimates: in layer-major order.
    ///   - heads: the number of heads per layer.
    init(_ estimates: [Estimate], heads: Int) {
        value = estimates.map(\.value).rows(of: heads)
        ci95 = estimates.map(\.recordedBounds).rows(of: heads)
    }

    /// The means over prompts.
    ///
    /// - Parameter columns: values with heads in layer-major order. [heads][prompts]
    init(means columns: [[Double]], heads: Int, seed: UInt64, workers: Workers) {
        let sums = ResampledSums(columns, seed: seed, workers: workers)
        self.init(columns.indices.map { column in sums.estimate { $0[column] / sums.count } }, heads: heads)
    }

    public subscript(head: Head) -> Estimate {
        Estimate(value: value[head.layer][head.index], ci95: ci95[head.layer][head.index])
    }
}

extension HeadMap: Decodable {
    private enum CodingKeys: CodingKey { case value, ci95 }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        value = try container.decodeMap(of: Double?.self, forKey: .value)
        ci95 = try container.decodeMap(of: Interval?.self, forKey: .ci95).map { $0.map { $0?.bounds } }
        guard ci95.map(\.count) == value.map(\.count) else {
            throw DecodingError.dataCorruptedError(
                forKey: .ci95, in: container, debugDescription: "expected as many as value has")
        }
    }
}

extension Array {
    /// Splits the array into rows of `width`.
    func rows(of width: Int) -> [[Element]] {
        stride(from: 0, to: count, by: width).map { Array(self[$0..<Swift.min($0 + width, count)]) }
    }
}
