/// A value with its 95 % percentile bootstrap interval (Efron 1979), resampled over prompts unless stated otherwise.
public struct Estimate: Equatable, Sendable {
    /// nil if not finite, such as a ratio to zero.
    public let value: Double?
    /// The lower and upper bounds as files hold them; nil if any resample is not finite. Both are the value if it is that of
    /// a single prompt, or if all prompts have it.
    public let recordedBounds: [Double]?
    /// The standard deviation of the averaged values, for a mean.
    public let std: Double?
    /// Whether the value is a ratio to something close to zero; nil if it is not a ratio.
    public let isMeaningless: Bool?

    public init(value: Double?, ci95: [Double]? = nil, std: Double? = nil, isMeaningless: Bool? = nil) {
        self.value = value
        recordedBounds = ci95
        self.std = std
        self.isMeaningless = isMeaningless
    }

    init() { self.init(value: nil) }

    /// The mean of values, with their standard deviation.
    init(meanOf values: [Double], seed: UInt64) {
        let mean = values.mean
        let interval = Bootstrap.interval(ofMean: values, seed: seed)
        self.init(value: mean, ci95: interval.map { [$0.lowerBound, $0.upperBound] }, std: values.standardDeviation)
    }

    /// The value, or NaN.
    public var mean: Double { value ?? .nan }
    /// The lower and upper bounds; nil if any resample is not finite, or if none differs from another: then they say nothing
    /// about other prompts.
    public var ci95: [Double]? { recordedBounds.informativeBounds }
    /// The bounds as files hold them, or two NaNs.
    public var bounds: [Double] { recordedBounds ?? [.nan, .nan] }
}

extension Estimate: Codable {
    enum CodingKeys: String, CodingKey {
        case value, mean, ci95, std
        case isMeaningless = "meaningless"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        value =
            try container.decodeIfPresent(Double.self, forKey: .mean)
            ?? container.decodeIfPresent(Double.self, forKey: .value)
        recordedBounds = try container.decodeIfPresent(Interval.self, forKey: .ci95)?.bounds
        std = try container.decodeIfPresent(Double.self, forKey: .std)
        isMeaningless = try container.decodeIfPresent(Bool.self, forKey: .isMeaningless)
    }

    // An estimate with a standard deviation is a mean, and its value is written as `mean`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(value, forKey: std == nil ? .value : .mean)
        try container.encodeIfPresent(recordedBounds, forKey: .ci95)
        try container.encodeIfPresent(std, forKey: .std)
        try container.encodeIfPresent(isMeaningless, forKey: .isMeaningless)
    }
}

/// An interval in a file: two numbers, the lower bound first.
struct Interval: Decodable {
    let bounds: [Double]

    init(bounds: [Double]) { self.bounds = bounds }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        bounds = try container.decode([Double].self)
        guard bounds.count == 2, bounds[0] <= bounds[1] else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "expected two numbers, the lower bound and the upper")
        }
    }
}

extension Field {
    /// An estimate written as two fields, null if not finite.
    ///
    /// - Parameter interval: the name of the interval's field, by default `NAME_ci95`.
    static func estimate(_ name: FieldName, interval: FieldName? = nil, _ path: Path<Estimate>) -> Field {
        let interval = interval ?? FieldName(name.stringValue + "_ci95")
        return Field { root, encoder in
            try root[keyPath: path].write(name, interval, encoder)
        } read: { root, decoder in
            root[keyPath: path] = try Estimate(name, interval, decoder)
        }
    }

    /// An optional estimate written as two fields, both null if it is nil.
    static func nullableEstimate(_ name: FieldName, interval: FieldName? = nil, _ path: Path<Estimate?>) -> Field {
        let interval = interval ?? FieldName(name.stringValue + "_ci95")
        return Field { root, encoder in
            try (root[keyPath: path] ?? Estimate()).write(name, interval, encoder)
        } read: { root, decoder in
            let estimate = try Estimate(name, interval, decoder)
            root[keyPath: path] = estimate == Estimate() ? nil : estimate
        }
    }
}

extension Estimate {
    init(_ name: FieldName, _ interval: FieldName, _ decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: FieldName.self)
        self.init(
            value: try container.decodeIfPresent(Double.self, forKey: name),
            ci95: try container.decodeIfPresent(Interval.self, forKey: interval)?.bounds
        )
    }

    func write(_ name: FieldName, _ interval: FieldName, _ encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: FieldName.self)
        try container.encode(value, forKey: name)
        try container.encode(recordedBounds, forKey: interval)
    }
}

extension [Double]? {
    /// The bounds of an interval unless they are equal.
    package var informativeBounds: [Double]? { self.flatMap { $0[0] < $0[1] ? $0 : nil } }
}

extension [Double] {
    /// NaN if the array is empty.
    var mean: Double { reduce(0, +) / Double(count) }

    /// The sample standard deviation, with n − 1 in the denominator; 0 for fewer than two values.
    var standardDeviation: Double {
        guard count > 1 else { return 0 }
        let mean = mean
        let squares = reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(count - 1)).squareRoot()
    }
}
