/// A type whose JSON is a table of fields, described once for writing and reading.
///
/// It is for JSON whose shape the properties do not have: an interval under a key of its own, a null that has to be
/// written, the fields of a part among those of the whole. Everything else is plain `Codable`.
protocol FieldCoded: Codable, Sendable {
    /// What reading starts from: each field then sets its property.
    init()

    static var fields: [Field<Self>] { get }
}

extension FieldCoded {
    public init(from decoder: any Decoder) throws {
        self.init()
        for field in Self.fields { try field.read(&self, decoder) }
    }

    public func encode(to encoder: any Encoder) throws {
        // An object even where no field is written.
        _ = encoder.container(keyedBy: FieldName.self)
        for field in Self.fields { try field.write(self, encoder) }
    }
}

/// The name of a field in JSON.
struct FieldName: CodingKey, ExpressibleByStringLiteral {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringLiteral value: String) { stringValue = value }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
}

/// One field of a ``FieldCoded`` type, or several that belong to one property.
struct Field<Root>: Sendable {
    typealias Path<Value> = WritableKeyPath<Root, Value> & Sendable

    let write: @Sendable (Root, any Encoder) throws -> Void
    let read: @Sendable (inout Root, any Decoder) throws -> Void

    init(
        write: @escaping @Sendable (Root, any Encoder) throws -> Void,
        read: @escaping @Sendable (inout Root, any Decoder) throws -> Void
    ) {
        self.write = write
        self.read = read
    }

    private init(
        write: @escaping @Sendable (Root, inout KeyedEncodingContainer<FieldName>) throws -> Void,
        read: @escaping @Sendable (inout Root, KeyedDecodingContainer<FieldName>) throws -> Void
    ) {
        self.init { root, encoder in
            var container = encoder.container(keyedBy: FieldName.self)
            try write(root, &container)
        } read: { root, decoder in
            try read(&root, decoder.container(keyedBy: FieldName.self))
        }
    }

    /// A field that always stands there.
    static func value<Value: Codable & Sendable>(_ name: FieldName, _ path: Path<Value>) -> Field {
        Field {
            try $1.encode($0[keyPath: path], forKey: name)
        } read: {
            $0[keyPath: path] = try $1.decode(Value.self, forKey: name)
        }
    }

    /// A field that is null where there is no value.
    static func nullable<Value: Codable & Sendable>(_ name: FieldName, _ path: Path<Value?>) -> Field {
        Field {
            try $1.encode($0[keyPath: path], forKey: name)
        } read: {
            $0[keyPath: path] = try $1.decodeIfPresent(Value.self, forKey: name)
        }
    }

    /// A field that is left out where there is no value.
    static func optional<Value: Codable & Sendable>(_ name: FieldName, _ path: Path<Value?>) -> Field {
        Field {
            try $1.encodeIfPresent($0[keyPath: path], forKey: name)
        } read: {
            $0[keyPath: path] = try $1.decodeIfPresent(Value.self, forKey: name)
        }
    }

    /// A list that is left out where it is empty.
    static func list<Value: Codable & Sendable>(_ name: FieldName, _ path: Path<[Value]>) -> Field {
        Field {
            let values = $0[keyPath: path]
            if !values.isEmpty { try $1.encode(values, forKey: name) }
        } read: {
            $0[keyPath: path] = try $1.decodeIfPresent([Value].self, forKey: name) ?? []
        }
    }

    /// A field that follows from others, and is not read.
    static func computed<Value: Encodable & SendableMetatype>(
        _ name: FieldName,
        _ value: @escaping @Sendable (Root) -> Value
    ) -> Field {
        Field {
            try $1.encode(value($0), forKey: name)
        } read: { _, _ in
        }
    }

    /// A part whose fields stand among those of the whole.
    static func inline<Part: Codable & Sendable>(_ path: Path<Part>) -> Field {
        Field {
            try $0[keyPath: path].encode(to: $1)
        } read: {
            $0[keyPath: path] = try Part(from: $1)
        }
    }

    /// A part whose fields stand among those of the whole, where there is one.
    ///
    /// - Parameter name: a field that every such part has.
    static func inline<Part: Codable & Sendable>(where name: FieldName, _ path: Path<Part?>) -> Field {
        Field {
            try $0[keyPath: path]?.encode(to: $1)
        } read: {
            let container = try $1.container(keyedBy: FieldName.self)
            $0[keyPath: path] = container.contains(name) ? try Part(from: $1) : nil
        }
    }
}
