/// A type whose made-up value is not found by decoding made-up fields: text with a form of its own, or checks.
protocol Sampled {
    static var sample: Self { get }
}

extension JSONValue {
    /// The form of a type's JSON: what a made-up value encodes to that has every optional field, one entry in every list,
    /// and the key ``anyKey`` in every dictionary.
    ///
    /// It is found by decoding, from fields that are there whatever their names, so that it cannot differ from the type.
    ///
    /// - Throws: what the type throws if it refuses the made-up fields; then it has to be ``Sampled``.
    static func form<Value: Codable>(of type: Value.Type) throws -> JSONValue {
        try JSONValue(Samples().decode(type))
    }

    /// In the form of a dictionary.
    static let anyKey = "*"
}

/// Decodes a made-up value: every key is there, every list has one entry, every number is 1.
private struct SampleDecoder: Decoder {
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(SampleFields())
    }

    func unkeyedContainer() -> any UnkeyedDecodingContainer { Samples() }
    func singleValueContainer() -> any SingleValueDecodingContainer { Samples() }
}

/// A list of one entry, or a value.
private final class Samples: UnkeyedDecodingContainer, SingleValueDecodingContainer {
    private(set) var currentIndex = 0

    var codingPath: [any CodingKey] { [] }
    var count: Int? { 1 }
    var isAtEnd: Bool { currentIndex == 1 }

    private func take<Value>(_ value: Value) -> Value {
        currentIndex = 1
        return value
    }

    func decodeNil() -> Bool { false }
    func decode(_: Bool.Type) -> Bool { take(true) }
    func decode(_: String.Type) -> String { take(JSONValue.anyKey) }
    func decode(_: Double.Type) -> Double { take(1) }
    func decode(_: Float.Type) -> Float { take(1) }
    func decode(_: Int.Type) -> Int { take(1) }
    func decode(_: Int8.Type) -> Int8 { take(1) }
    func decode(_: Int16.Type) -> Int16 { take(1) }
    func decode(_: Int32.Type) -> Int32 { take(1) }
    func decode(_: Int64.Type) -> Int64 { take(1) }
    func decode(_: UInt.Type) -> UInt { take(1) }
    func decode(_: UInt8.Type) -> UInt8 { take(1) }
    func decode(_: UInt16.Type) -> UInt16 { take(1) }
    func decode(_: UInt32.Type) -> UInt32 { take(1) }
    func decode(_: UInt64.Type) -> UInt64 { take(1) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        func first<Case: CaseIterable>(_ type: Case.Type) -> Any? { type.allCases.first }
        let known = (type as? any Sampled.Type)?.sample ?? (type as? any CaseIterable.Type).flatMap { first($0) }
        guard let known else { return take(try Value(from: SampleDecoder())) }
        return take(known as! Value)
    }

    func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        take(KeyedDecodingContainer(SampleFields()))
    }

    func nestedUnkeyedContainer() -> any UnkeyedDecodingContainer { take(Samples()) }
    func superDecoder() -> any Decoder { take(SampleDecoder()) }
}

private struct SampleFields<Key: CodingKey>: KeyedDecodingContainerProtocol {
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { Key(stringValue: JSONValue.anyKey).map { [$0] } ?? [] }

    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) -> Bool { false }
    func decode(_ type: Bool.Type, forKey key: Key) -> Bool { Samples().decode(type) }
    func decode(_ type: String.Type, forKey key: Key) -> String { Samples().decode(type) }
    func decode(_ type: Double.Type, forKey key: Key) -> Double { Samples().decode(type) }
    func decode(_ type: Float.Type, forKey key: Key) -> Float { Samples().decode(type) }
    func decode(_ type: Int.Type, forKey key: Key) -> Int { Samples().decode(type) }
    func decode(_ type: Int8.Type, forKey key: Key) -> Int8 { Samples().decode(type) }
    func decode(_ type: Int16.Type, forKey key: Key) -> Int16 { Samples().decode(type) }
    func decode(_ type: Int32.Type, forKey key: Key) -> Int32 { Samples().decode(type) }
    func decode(_ type: Int64.Type, forKey key: Key) -> Int64 { Samples().decode(type) }
    func decode(_ type: UInt.Type, forKey key: Key) -> UInt { Samples().decode(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) -> UInt8 { Samples().decode(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) -> UInt16 { Samples().decode(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) -> UInt32 { Samples().decode(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) -> UInt64 { Samples().decode(type) }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try Samples().decode(type) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key)
        -> KeyedDecodingContainer<Nested>
    {
        KeyedDecodingContainer(SampleFields<Nested>())
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedDecodingContainer { Samples() }
    func superDecoder() -> any Decoder { SampleDecoder() }
    func superDecoder(forKey key: Key) -> any Decoder { SampleDecoder() }
}

// MARK: Types with a form of their own

extension Head: Sampled {
    static var sample: Head { Head(0, 0) }
}

extension Node: Sampled {
    static var sample: Node { .head(.sample) }
}

extension PositionSelection: Sampled {
    static var sample: PositionSelection { .all }
}

extension Receiver: Sampled {
    static var sample: Receiver { .logits }
}

extension Interval: Sampled {
    static var sample: Interval { Interval(bounds: [1, 1]) }
}

extension RatioNote: Sampled {
    static var sample: RatioNote { .meaningless }
}

extension HeadClassification.Evidence.Name: Sampled {
    static var sample: HeadClassification.Evidence.Name { .copying }
}

extension PatchMap: Sampled {
    /// A map of heads on the scale of the gap.
    static var sample: PatchMap {
        var measures = PatchMeasures(original: [1], patched: [[2]])
        measures.donor = [2]
        return PatchMap(
            PatchEffects(
                measures, gap: CounterfactualGap(prompts: [2], counterfactuals: [1]), seed: 0,
                workers: Workers(count: 1)),
            measures, columns: .heads, layers: 1, width: 1, perPrompt: false
        )
    }
}

extension PlanModel: Sampled {
    static var sample: PlanModel { .base }
}

extension Plan.Measure: Sampled {
    static var sample: Plan.Measure { .init(.eval) }
}

extension Plan.StageRecipe: Sampled {
    static var sample: Plan.StageRecipe { .other }
}

extension FigurePath: Sampled {
    static var sample: FigurePath { FigurePath("base/eval/loss")! }
}

extension Claim.Rule.Relation: Sampled {
    static var sample: Claim.Rule.Relation { .times }
}

extension PublishedFigure: Sampled {
    static var sample: PublishedFigure {
        var figure = PublishedFigure(value: 1, map: [[1]], text: "*", source: "*")
        figure.unit = "*"
        return figure
    }
}

extension Dictionary: Sampled where Key: CaseIterable, Value: Decodable {
    // With all keys: the cases name what may be there.
    static var sample: [Key: Value] {
        guard let value = try? Samples().decode(Value.self) else { return [:] }
        return Dictionary(Key.allCases.map { ($0, value) }) { first, _ in first }
    }
}
