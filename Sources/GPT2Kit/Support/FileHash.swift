import Foundation
import Synchronization

/// The SHA-256 of an open file, computed at most once in a process, on another thread if it was begun.
package final class FileHash: Sendable {
    private struct Known {
        let sha256: String
        /// The file when it was last seen to have this hash.
        var state: FileState
    }

    private let file: OpenFile
    private let store: HashStore
    private let known = Mutex<Known?>(nil)

    package init(of file: OpenFile, store: HashStore = .users()) {
        self.file = file
        self.store = store
    }

    /// Computes it on another thread, unless it is known. Without one it is computed when it is needed.
    package func begin() {
        _ = BackgroundThread.start { _ = try? self.value() }
    }

    /// Waits for it, or computes it.
    ///
    /// - Throws: ``IOIError`` if the file cannot be read, or was written to since it was opened.
    package func value() throws -> String {
        // Whoever comes while it is computed waits for the lock.
        try known.withLock { known in
            var found = try known ?? Known(sha256: store.sha256(of: file), state: file.state)
            if let now = FileState(of: file.descriptor), !now.hasSameContents(as: found.state) {
                // It may only have been touched.
                guard known != nil, try file.sha256() == found.sha256 else {
                    throw IOIError(
                        "\(file.url.path): was written to while it was in use, expected a file that stays as it is"
                    )
                }
                found.state = now
            }
            known = found
            return found.sha256
        }
    }
}
