import Foundation

/// The fields of a JSON object in a file, each of which may be missing; one that is there and of another type
/// is an error that names file and field.
struct JSONFields {
    /// The file, and the line where it has one, for messages.
    private let place: String
    /// Where the object stands in the document: empty, or with a dot at its end.
    private let path: String
    private let members: [String: StrictJSON]

    /// - Throws: ``IOIError`` for what is not JSON, or not an object.
    init(parsing data: Data, place: String) throws {
        do {
            try self.init(StrictJSON(parsing: data), place: place, path: "")
        } catch let failure as StrictJSON.Failure {
            throw IOIError("\(place): not valid JSON: \(failure)")
        }
    }

    private init(_ value: StrictJSON, place: String, path: String) throws {
        guard case .object(let members) = value else {
            let field = path.isEmpty ? "" : "field \"\(path.dropLast())\": "
            throw IOIError("\(place): \(field)found \(value.summary), expected an object")
        }
        self.place = place
        self.path = path
        self.members = members
    }

    func string(_ key: String) throws -> String? {
        try value(key).map { try string($0, at: key) }
    }

    func integer(_ key: String) throws -> Int? {
        try value(key).map { try integer($0, at: key) }
    }

    func object(_ key: String) throws -> JSONFields? {
        try value(key).map { try object($0, at: key) }
    }

    func strings(_ key: String) throws -> [String]? {
        try list(key)?.enumerated().map { try string($1, at: key, $0) }
    }

    func integers(_ key: String) throws -> [Int]? {
        try list(key)?.enumerated().map { try integer($1, at: key, $0) }
    }

    func objects(_ key: String) throws -> [JSONFields]? {
        try list(key)?.enumerated().map { try object($1, at: key, $0) }
    }

    /// The value of a field that has to be there.
    func require<Value>(_ value: Value?, _ key: String) throws -> Value {
        guard let value else { throw IOIError("\(place): field \"\(path)\(key)\" is missing") }
        return value
    }

    /// A field's value; `null` is as good as none.
    private func value(_ key: String) -> StrictJSON? {
        switch members[key] {
        case nil, .null: nil
        case .some(let value): value
        }
    }

    private func list(_ key: String) throws -> [StrictJSON]? {
        switch members[key] {
        case nil, .null: nil
        case .array(let elements): elements
        case .some(let value): throw mismatch(value, "a list", at: key, nil)
        }
    }

    private func string(_ value: StrictJSON, at key: String, _ index: Int? = nil) throws -> String {
        guard case .string(let text) = value else { throw mismatch(value, "a string", at: key, index) }
        return text
    }

    private func integer(_ value: StrictJSON, at key: String, _ index: Int? = nil) throws -> Int {
        guard let integer = value.integer else { throw mismatch(value, "a whole number", at: key, index) }
        return integer
    }

    private func object(_ value: StrictJSON, at key: String, _ index: Int? = nil) throws -> JSONFields {
        try JSONFields(value, place: place, path: fieldName(key, index) + ".")
    }

    private func mismatch(_ value: StrictJSON, _ expected: String, at key: String, _ index: Int?) -> IOIError
    {
        IOIError("\(place): field \"\(fieldName(key, index))\": found \(value.summary), expected \(expected)")
    }

    private func fieldName(_ key: String, _ index: Int?) -> String {
        path + key + (index.map { "[\($0)]" } ?? "")
    }
}
