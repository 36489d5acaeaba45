import Foundation
import Synchronization

/// The SHA-256 of one file, computed at most once in a process, on another thread if it was begun.
package final class FileHash: Sendable {
    private let file: URL
    private let store: HashStore
    private let result = Mutex<Result<String, any Error>?>(nil)

    package init(of file: URL, store: HashStore = .users()) {
        self.file = file
        self.store = store
    }

    /// Computes it on another thread, unless it is known. Without one it is computed when it is needed.
    package func begin() {
        _ = BackgroundThread.start { _ = try? self.value() }
    }

    /// Waits for it, or computes it.
    ///
    /// - Throws: ``IOIError`` if the file cannot be read.
    package func value() throws -> String {
        // Whoever comes while it is computed waits for the lock.
        try result.withLock { known in
            let result = known ?? Result { try store.sha256(of: file) }
            known = result
            return try result.get()
        }
    }
}
