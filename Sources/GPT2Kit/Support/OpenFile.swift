import Foundation

/// A regular file that stays open, so that all that is read of it is of one file, whatever its path leads to later.
package final class OpenFile: Sendable {
    package let url: URL
    /// In bytes, when it was opened.
    let size: Int
    let descriptor: Int32
    /// As it was when it was opened.
    let state: FileState

    /// - Throws: ``IOIError`` if it is no file, or cannot be read.
    package init(_ url: URL) throws {
        (descriptor, size) = try InputFile.open(url)
        guard let state = FileState(of: descriptor) else {
            let code = errno
            close(descriptor)
            throw IOIError("\(url.path): cannot be read: \(systemError(code))")
        }
        self.url = url
        self.state = state
    }

    deinit { close(descriptor) }

    /// SHA-256 of its contents as they are now.
    func sha256() throws -> String { try Digest.sha256(of: descriptor, path: url.path) }
}
