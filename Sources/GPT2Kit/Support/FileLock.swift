import Foundation

/// A lock that one process holds; the system releases it however the process ends.
///
/// Over NFS the system asks the server. On a file system that has no locks there is no protection.
package final class FileLock: Sendable {
    private let file: URL
    private let descriptor: Int32

    /// Takes the lock, making its file if there is none.
    ///
    /// - Returns: nil if it is held.
    /// - Throws: ``IOIError`` naming the file if it cannot be made.
    package init?(_ file: URL) throws {
        while true {
            let descriptor = systemOpen(file.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { throw outputError(file.path, errno) }
            if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
                close(descriptor)
                return nil
            }
            // Whoever held it may have removed the file after it was opened here.
            if FileState(of: descriptor)?.isSameFile(as: FileState(at: file)) == true {
                (self.file, self.descriptor) = (file, descriptor)
                return
            }
            close(descriptor)
        }
    }

    deinit { close(descriptor) }

    /// Removes the file, so that only other processes that have it open can still wait for this lock.
    package func removeFile() { unlink(file.path) }
}
