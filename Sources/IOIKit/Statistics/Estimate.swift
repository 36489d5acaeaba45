/// A figure and its 95 % percentile bootstrap interval (Efron 1979).
///
/// It is resampled over prompts; where a type resamples over something else, that type says so.
public struct Estimate: Equatable, Sendable {
    /// nil where it is not finite, such as a share of nothing.
    public let value: Double?
    /// The lower and the upper bound; nil where some resample gives no finite value.
    public let ci95: [Double]?
    /// Of a mean: the standard deviation of what it is the mean of.
    public let std: Double?
    /// Whether the figure is a share of nearly nothing, which means nothing; nil where it is no share.
    public let isMeaningless: Bool?

    public init(value: Double?, ci95: [Double]? = nil, std: Double? = nil, isMeaningless: Bool? = nil) {
        self.value = value
        self.ci95 = ci95
        self.std = std
        self.isMeaningless = isMeaningless
    }

    /// What nothing is known of.
    init() { self.init(value: nil) }

    /// The mean of values, with their standard deviation.
    ///
    /// - Parameter seed: what the interval is drawn from.
    init(meanOf values: [Double], seed: UInt64) {
        let mean = values.mean
        // Not a range, which cannot hold the NaN of no values.
        let bounds = Bootstrap.interval(ofMean: values, seed: seed).map { [$0.lowerBound, $0.upperBound] }
        self.init(value: mean, ci95: bounds ?? [mean, mean], std: values.standardDeviation)
    }

    /// The value of a mean; not a number where there is none.
    public var mean: Double { value ?? .nan }
    /// The interval; not numbers where there is none.
    public var bounds: [Double] { ci95 ?? [.nan, .nan] }
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
        ci95 = try container.decodeIfPresent([Double].self, forKey: .ci95)
        std = try container.decodeIfPresent(Double.self, forKey: .std)
        isMeaningless = try container.decodeIfPresent(Bool.self, forKey: .isMeaningless)
    }

    // With a standard deviation it is a mean, and is called that.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(value, forKey: std == nil ? .value : .mean)
        try container.encodeIfPresent(ci95, forKey: .ci95)
        try container.encodeIfPresent(std, forKey: .std)
        try container.encodeIfPresent(isMeaningless, forKey: .isMeaningless)
    }
}

extension Field {
    /// An estimate, its interval under a name of its own; null where it is not finite.
    ///
    /// - Parameter interval: `NAME_ci95` where it is nil.
    static func estimate(_ name: FieldName, interval: FieldName? = nil, _ path: Path<Estimate>) -> Field {
        let interval = interval ?? FieldName(name.stringValue + "_ci95")
        return Field { root, encoder in
            try root[keyPath: path].write(name, interval, encoder)
        } read: { root, decoder in
            root[keyPath: path] = try Estimate(name, interval, decoder)
        }
    }

    /// The same of an estimate that there may not be: both fields are null then.
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
            ci95: try container.decodeIfPresent([Double].self, forKey: interval)
        )
    }

    func write(_ name: FieldName, _ interval: FieldName, _ encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: FieldName.self)
        try container.encode(value, forKey: name)
        try container.encode(ci95, forKey: interval)
    }
}
