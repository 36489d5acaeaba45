/// A type that JSON holds as the text that people write for it: a head, a position, a receiver.
package protocol TextCoded: LosslessStringConvertible, Codable, Sendable {
    /// How it is written, for a person who wrote something else.
    static var form: String { get }
}

extension TextCoded {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected \(Self.form)")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
