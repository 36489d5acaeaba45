import Foundation
import Testing

/// A change of a JSON file, and a part of the error that it has to give.
package struct JSONMutation: Sendable, CustomTestStringConvertible {
    /// Keys and numbers of entries, such as `settings.epochs` or `claims.0.rule`.
    package let field: String
    /// JSON; nil to remove the field.
    package let value: String?
    package let message: String

    package init(_ field: String, _ value: String?, _ message: String) {
        (self.field, self.value, self.message) = (field, value, message)
    }

    package var testDescription: String { "\(field) = \(value ?? "nothing")" }

    /// The file with the change.
    package func applied(to json: Data) throws -> Data {
        let new = try value.map { try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed) }
        func change(_ value: Any, _ path: ArraySlice<String>) throws -> Any? {
            guard let key = path.first else { return new }
            if var fields = value as? [String: Any] {
                fields[key] = try change(fields[key] as Any, path.dropFirst())
                return fields
            }
            var entries = try #require(value as? [Any])
            let index = try #require(Int(key))
            if index == entries.count { entries.append(0) }
            if let entry = try change(entries[index], path.dropFirst()) {
                entries[index] = entry
            } else {
                entries.remove(at: index)
            }
            return entries
        }
        let whole = try JSONSerialization.jsonObject(with: json)
        let changed = try change(whole, field.split(separator: ".").map(String.init)[...])
        return try JSONSerialization.data(withJSONObject: #require(changed))
    }

    /// Runs a test with the change in a file, which has its contents again afterwards.
    package func apply(to file: URL, _ body: () throws -> Void) throws {
        let before = try Data(contentsOf: file)
        defer { try? before.write(to: file) }
        try applied(to: before).write(to: file)
        try body()
    }
}
