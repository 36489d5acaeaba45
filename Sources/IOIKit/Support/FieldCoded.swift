/// A type whose JSON is a list of fields, defined once for encoding and decoding.
///
/// It serves JSON whose shape differs from the properties: an interval in a separate field, an explicit null, or a
/// nested value with its fields inlined. Other types use plain `Codable`.
protocol FieldCoded: Codable, Sendable {
    /// The initial value for decoding, before each field sets its property.
    init()

    static var fields: [Field<Self>] { get }
}

extension FieldCoded {
    public init(from decoder: any Decoder) throws {
        self.init()
        for field in Self.fields { try field.read(&self, decoder) }
    }

    public func encode(to encoder: any Encoder) throws {
        // Encodes an empty object if no field is written.
        _ = encoder.container(keyedBy: FieldName.self)
        for field in Self.fields { try field.write(self, encoder) }
    }
}

struct FieldName: CodingKey, ExpressibleByStringLiteral {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringLiteral value: String) { stringValue = value }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
}

/// One or more JSON fields of a ``FieldCoded`` type for one property.
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

    /// A required field.
    static func value<Value: Codable & Sendable>(_ name: FieldName, _ path: Path<Value>) -> Field {
        Field {
            try $1.encode($0[keyPath: path], forKey: name)
        } read: {
            $0[keyPath: path] = try $1.decode(Value.self, forKey: name)
        }
    }

    /// A field that files of earlier versions lack.
    ///
    /// - Parameter value: what its absence means.
    static func value<Value: Codable & Sendable>(
        _ name: FieldName,
        _ path: Path<Value>,
        default value: Value
    ) -> Field {
        Field {
            try $1.encode($0[keyPath: path], forKey: name)
        } read: {
            $0[keyPath: path] = try $1.decodeIfPresent(Value.self, forKey: name) ?? value
        }
    }

    /// A field that is omitted for one value.
    static func unless<Value: Codable & Equatable & Sendable>(
        _ value: Value,
        _ name: FieldName,
        _ path: Path<Value>
    ) -> Field {
        Field {
            if $0[keyPath: path] != value { try $1.encode($0[keyPath: path], forKey: name) }
        } read: {
            $0[keyPath: path] = try $1.decodeIfPresent(Value.self, forKey: name) ?? value
        }
    }

    /// A field that is null for nil.
    static func nullable<Value: Codable & Sendable>(_ name: FieldName, _ path: Path<Value?>) -> Field {
        Field {
            try $1.encode($0[keyPath: path], forKey: name)
        } read: {
            $0[keyPath: path] = try $1.decodeIfPresent(Value.self, forKey: name)
        }
    }

    /// A field that is omitted for nil.
    static func optional<Value: Codable & Sendable>(_ name: FieldName, _ path: Path<Value?>) -> Field {
        Field {
            try $1.encodeIfPresent($0[keyPath: path], forKey: name)
        } read: {
            $0[keyPath: path] = try $1.decodeIfPresent(Value.self, forKey: name)
        }
    }

    /// A list that is omitted if empty.
    static func list<Value: Codable & Sendable>(_ name: FieldName, _ path: Path<[Value]>) -> Field {
        Field {
            let values = $0[keyPath: path]
            if !values.isEmpty { try $1.encode(values, forKey: name) }
        } read: {
            $0[keyPath: path] = try $1.decodeIfPresent([Value].self, forKey: name) ?? []
        }
    }

    /// A field that is derived from others and ignored in decoding.
    static func computed<Value: Encodable & SendableMetatype>(
        _ name: FieldName,
        _ value: @escaping @Sendable (Root) -> Value
    ) -> Field {
        Field {
            try $1.encode(value($0), forKey: name)
        } read: { _, _ in
        }
    }

    /// A nested value whose fields are inlined.
    static func inline<Part: Codable & Sendable>(_ path: Path<Part>) -> Field {
        Field {
            try $0[keyPath: path].encode(to: $1)
        } read: {
            $0[keyPath: path] = try $1.singleValueContainer().decode(Part.self)
        }
    }

    /// An optional nested value whose fields are inlined.
    ///
    /// - Parameter name: a field that is present whenever the value is.
    static func inline<Part: Codable & Sendable>(where name: FieldName, _ path: Path<Part?>) -> Field {
        Field {
            try $0[keyPath: path]?.encode(to: $1)
        } read: {
            let container = try $1.container(keyedBy: FieldName.self)
            $0[keyPath: path] = container.contains(name) ? try Part(from: $1) : nil
        }
    }
}
