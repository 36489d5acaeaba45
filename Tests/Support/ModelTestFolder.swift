import Foundation
import GPT2Kit

/// A folder for one test, removed with the object.
package final class ModelTestFolder {
    package let url: URL

    package init() throws {
        url = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
            .appendingPathComponent("ioi-model-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    package func file(_ name: String) -> URL { url.appendingPathComponent(name) }

    /// Writes a file, with the folders it lies in.
    @discardableResult
    package func put(_ name: String, _ contents: String = "") throws -> URL {
        try put(name, Data(contents.utf8))
    }

    @discardableResult
    package func put(_ name: String, _ contents: Data) throws -> URL {
        let target = file(name)
        try FileManager.default.createDirectory(
            at: target.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try contents.write(to: target)
        return target
    }

    /// What lies in the folder, hidden files included.
    package var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }
    }
}

/// The error of a call that has to fail with an `IOIError` of one line.
package func ioiError(_ call: () throws -> Void) -> IOIError? {
    do {
        try call()
        return nil
    } catch {
        return (error as? IOIError).flatMap { $0.description.contains("\n") ? nil : $0 }
    }
}
