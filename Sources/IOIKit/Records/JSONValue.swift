import Foundation

/// What a JSON file holds, whatever that is.
public enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// What `value` is written as.
    init(_ value: some Encodable) throws {
        self = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value))
    }

    /// Whether a field of this name stands in it, or in an object in it.
    func holds(_ name: String) -> Bool {
        guard case .object(let fields) = self else { return false }
        return fields[name] != nil || fields.values.contains { $0.holds(name) }
    }
}

extension JSONValue: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // By what is most frequent in results, because each attempt that fails takes time.
        if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let array = try? container.decode([JSONValue].self) {
            self = .array(array)
        } else if let object = try? container.decode([String: JSONValue].self) {
            self = .object(object)
        } else if let string = try? container.decode(String.self) {
            self = .string(string)
        } else if container.decodeNil() {
            self = .null
        } else if let bool = try? container.decode(Bool.self) {
            self = .bool(bool)
        } else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected a number in range")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let values): try container.encode(values)
        case .object(let fields): try container.encode(fields)
        }
    }
}

extension JSONValue: CustomStringConvertible {
    /// For people: numbers by nine digits, long values in short.
    public var description: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number(let value): String(format: "%.9g", value)
        case .string(let value): value.quoted
        case .array(let values): values.count == 1 ? "a list of 1 value" : "a list of \(values.count) values"
        case .object(let fields): fields.count == 1 ? "an object of 1 field" : "an object of \(fields.count) fields"
        }
    }
}
