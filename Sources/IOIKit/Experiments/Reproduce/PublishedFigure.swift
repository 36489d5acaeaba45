/// A figure that others published for GPT-2 small: a number to compare the measured one with, a map of heads, or only words.
public struct PublishedFigure: Equatable, Sendable {
    /// In the unit of results files: shares from 0 to 1, effects in per cent.
    public var value: Double?
    /// A figure of each head. [layers][heads]
    public var map: [[Double]]?
    /// How people write it; nil for the value as it is.
    public var text: String?
    /// Where it was published.
    public var source: String?
    /// Written after the value, such as `nats`.
    public var unit: String?

    public init(value: Double? = nil, map: [[Double]]? = nil, text: String? = nil, source: String? = nil) {
        self.value = value
        self.map = map
        self.text = text
        self.source = source
    }

    /// The figure for people.
    ///
    /// - Parameter format: that of the measured figure.
    func text(_ format: FigureFormat) -> String {
        if let text { return text }
        guard let value else { return map.map { "a map of \($0.count) × \($0[0].count) heads" } ?? "" }
        return format.text(value) + (unit.map { " \($0)" } ?? "")
    }

    /// - Throws: `IOIError` that names the field.
    func validate() throws {
        guard value != nil || map != nil || text != nil else {
            throw IOIError.invalid("published", "found neither, expected value, map or text")
        }
        guard let map else { return }
        guard value == nil else { throw IOIError.invalid("published", "found value and map, expected one of them") }
        guard let width = map.first?.count, width > 0, map.allSatisfy({ $0.count == width }) else {
            throw IOIError.invalid("published.map", "found rows of \(map.map(\.count)), expected rows of equal length")
        }
    }
}

extension PublishedFigure: Codable {
    private enum CodingKeys: String, CodingKey {
        case value, map, text, source, unit
    }

    // Words alone are written as a string.
    public init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            self.init(text: text)
            return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            value: try container.decodeIfPresent(Double.self, forKey: .value),
            map: try container.decodeIfPresent([[Double]].self, forKey: .map),
            text: try container.decodeIfPresent(String.self, forKey: .text),
            source: try container.decodeIfPresent(String.self, forKey: .source)
        )
        unit = try container.decodeIfPresent(String.self, forKey: .unit)
    }

    public func encode(to encoder: any Encoder) throws {
        if let text, self == PublishedFigure(text: text) {
            var container = encoder.singleValueContainer()
            try container.encode(text)
            return
        }
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(value, forKey: .value)
        try container.encodeIfPresent(map, forKey: .map)
        try container.encodeIfPresent(text, forKey: .text)
        try container.encodeIfPresent(source, forKey: .source)
        try container.encodeIfPresent(unit, forKey: .unit)
    }
}
