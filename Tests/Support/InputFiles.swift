import Foundation
import GPT2Kit
import Testing

/// Runs a test with a file of the given content, which is gone afterwards.
package func withFile<Result>(
    _ content: String,
    named name: String = "input",
    _ body: (URL) throws -> Result
) throws -> Result {
    try withFile(Data(content.utf8), named: name, body)
}

package func withFile<Result>(_ content: Data, named name: String = "input", _ body: (URL) throws -> Result) throws
    -> Result
{
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ioi-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent(name)
    try content.write(to: file)
    return try body(file)
}

/// The error of an operation, which has to be one line and to contain all of the given parts.
package func expectError<Result>(
    containing parts: String...,
    sourceLocation: SourceLocation = #_sourceLocation,
    from operation: () throws -> Result
) {
    do {
        _ = try operation()
        Issue.record("no error, expected one that says \(parts)", sourceLocation: sourceLocation)
    } catch let error as IOIError {
        #expect(!error.description.contains("\n"), sourceLocation: sourceLocation)
        for part in parts where !error.description.contains(part) {
            Issue.record("\"\(error)\" does not contain \"\(part)\"", sourceLocation: sourceLocation)
        }
    } catch {
        Issue.record("another kind of error: \(error)", sourceLocation: sourceLocation)
    }
}
