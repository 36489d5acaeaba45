import Foundation

/// A type of files with bounds that the types of its fields do not state. They are checked whenever it is read.
package protocol CheckedRecord {
    /// - Throws: ``IOIError`` that names the field, what was found and what was expected.
    func check() throws
}

extension InputFile {
    /// Decodes a JSON file.
    ///
    /// - Parameter decoder: what the decoded types share, if anything.
    /// - Throws: ``IOIError`` naming the file and the field, what was found and what was expected.
    package static func decode<Value: Decodable>(
        _ type: Value.Type,
        from url: URL,
        _ decoder: JSONDecoder = JSONDecoder()
    ) throws -> Value {
        try decode(type, from: read(url), path: url.path, decoder)
    }

    /// - Parameters:
    ///   - path: names the text in errors.
    ///   - decoder: what the decoded types share, if anything.
    package static func decode<Value: Decodable>(
        _ type: Value.Type,
        from json: Data,
        path: String,
        _ decoder: JSONDecoder = JSONDecoder()
    ) throws -> Value {
        do {
            try JSONScanner.check(json)
            let value = try decoder.decode(type, from: json)
            do {
                try (value as? any CheckedRecord)?.check()
            } catch let error as IOIError {
                // A file with an invalid field is no wrong use of the program.
                throw IOIError("\(error)")
            }
            return value
        } catch let error as DecodingError {
            throw IOIError("\(path): \(describe(error, in: json))")
        } catch let error as IOIError {
            // Thrown by a type that validates its values.
            throw IOIError("\(path): \(error)", kind: error.kind)
        }
    }

    private static func describe(_ error: DecodingError, in json: Data) -> String {
        switch error {
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            return describe(context.codingPath, in: json) + "expected \(name(of: type))"
        case .keyNotFound(let key, let context):
            return describe(context.codingPath + [key], in: json) + "expected a value"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            return describe(context.codingPath, in: json) + context.debugDescription
        default:
            return fault(in: json)
        }
    }

    /// The name of a field and the value found there.
    private static func describe(_ path: [any CodingKey], in json: Data) -> String {
        var value = try? JSONSerialization.jsonObject(with: json, options: .fragmentsAllowed)
        var name = ""
        for key in path {
            if let index = key.intValue {
                value = (value as? [Any])?.dropFirst(index).first
                name += "[\(index)]"
            } else {
                value = (value as? [String: Any])?[key.stringValue]
                name += (name.isEmpty ? "" : ".") + key.stringValue
            }
        }
        let text = value.flatMap {
            try? JSONSerialization.data(withJSONObject: $0, options: [.fragmentsAllowed, .withoutEscapingSlashes])
        }
        let found = text.map { String(decoding: $0, as: UTF8.self).shortened } ?? "nothing"
        return (path.isEmpty ? "" : "\(name.quoted.dropFirst().dropLast()): ") + "found \(found), "
    }

    private static func name(of type: Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is [Any].Type: "an array"
        case is [String: Any].Type: "an object"
        default: "a number"
        }
    }

    /// Where the text stops being valid JSON, which `JSONDecoder` does not report on Linux.
    private static func fault(in json: Data) -> String {
        do {
            _ = try JSONSerialization.jsonObject(with: json, options: .fragmentsAllowed)
            // The decoder does not say where.
            return "found a number that is not whole or too large, expected a whole one in its place"
        } catch {
            let problem = (error as NSError).userInfo[NSDebugDescriptionErrorKey] as? String
            return "not sound JSON: \(problem ?? error.localizedDescription)"
        }
    }
}

/// A non-negative integer in JSON.
///
/// Decoding 12.5 as an `Int` would throw an error that names no field.
package struct WholeNumber: Codable {
    package let value: Int

    package init(_ value: Int) {
        self.value = value
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // Every integer up to 2^53 is exact as a `Double`.
        let number = try container.decode(Double.self)
        guard let value = Int(exactly: number), 0...(1 << 53) ~= value else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected an integer, 0 or more")
        }
        self.value = value
    }

    package func encode(to encoder: any Encoder) throws {
        try value.encode(to: encoder)
    }
}

extension Array where Element: Hashable {
    /// The first element that occurs earlier in the list.
    package func firstRepeated() -> Element? {
        var seen: Set<Element> = []
        return first { !seen.insert($0).inserted }
    }
}
