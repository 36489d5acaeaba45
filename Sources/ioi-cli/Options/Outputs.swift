import Foundation
import IOIKit

/// The files that flags ask for, each tried before the work.
final class Outputs {
    private var files: [String: OutputFile] = [:]
    /// Called when the file of a flag is written, while it is still claimed.
    var whenWritten: (_ flag: String) -> Void = { _ in }
    /// The first file that could not be written in the end.
    private(set) var failure: IOIError?

    /// No files.
    static var none: Outputs { Outputs() }

    private init() {}

    /// - Parameter paths: what the flags were given.
    /// - Throws: `IOIError` that names the flag if its file cannot be written, or two flags name one file.
    init(_ paths: [(flag: String, path: String?)]) throws {
        for (flag, path) in paths {
            guard let path else { continue }
            let url = URL(fileURLWithPath: path).standardizedFileURL
            if let other = files.first(where: { $0.value.isReplaced && $0.value.url.standardizedFileURL == url }) {
                throw IOIError.usage("\(flag): \(path): is the file of \(other.key) too, expected another")
            }
            files[flag] = try Self.named(flag) { try OutputFile(path) }
        }
    }

    subscript(_ flag: String) -> OutputFile? { files[flag] }

    /// Writes the file of a flag, if it was given. A failure is kept, so that the other results are not lost to it.
    ///
    /// - Returns: whether nothing is in the way of what comes next.
    @discardableResult
    func write(_ flag: String, _ contents: () throws -> Data) rethrows -> Bool {
        guard let file = files[flag] else { return true }
        let data = try contents()
        // Its claim ends even if what is printed in its place ends the program.
        defer { files[flag] = nil }
        do {
            if file.isStandardOutput { print(data) } else { try file.write(data) }
            whenWritten(flag)
            return true
        } catch {
            failure = failure ?? error as? IOIError ?? IOIError("\(error)")
            return false
        }
    }

    /// - Throws: ``failure``, if there is one.
    func finish() throws {
        if let failure { throw failure }
    }

    /// Puts a flag before the errors of `body`.
    static func named<Value>(_ flag: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as IOIError {
            throw IOIError("\(flag): \(error)", kind: error.kind)
        }
    }
}
