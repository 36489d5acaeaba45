import Foundation

/// A file to be written when long work is done. It is tried before the work, and while this exists no other process can
/// claim the same file.
package final class OutputFile: Sendable {
    package let url: URL
    /// Whether it is this process's standard output, by whatever name.
    package let isStandardOutput: Bool
    /// Whether a new file will take its place, as opposed to a device or pipe, which is written to as it is.
    package let isReplaced: Bool
    /// nil for a file that is not replaced.
    private let lock: FileLock?

    /// Makes its folder if there is none; an existing file is not touched.
    ///
    /// - Throws: ``IOIError``, of kind `usage` unless another process has claimed the file.
    package init(_ path: String) throws {
        guard !path.isEmpty else { throw IOIError.usage("found an empty name, expected a file") }
        url = URL(fileURLWithPath: path)
        var (status, output) = (stat(), stat())
        let exists = stat(path, &status) == 0
        let kind = status.st_mode & S_IFMT
        if exists ? kind == S_IFDIR : path.hasSuffix("/") {
            throw IOIError.usage("\(path): cannot be written: found a folder, expected a file")
        }
        if exists, access(path, W_OK) != 0 { throw Self.refusal(path, errno) }
        isReplaced = !exists || kind == S_IFREG
        isStandardOutput =
            exists && fstat(STDOUT_FILENO, &output) == 0 && output.st_dev == status.st_dev
            && output.st_ino == status.st_ino
        guard isReplaced, !isStandardOutput else {
            lock = nil
            return
        }
        let target = exists ? url.resolvingSymlinksInPath() : url
        let folder = target.deletingLastPathComponent()
        try OutputFolder.make(folder)
        // The name that it will have while it is written, which is longer.
        do {
            let (partial, descriptor) = try PartialName.create(for: target) { path in
                systemOpen(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            }
            close(descriptor)
            unlink(partial.path)
        } catch let error as IOIError {
            throw IOIError.usage(error.problem)
        }
        guard let lock = try FileLock(folder.appendingPathComponent(".\(target.lastPathComponent).lock")) else {
            throw IOIError("\(path): another process is about to write it")
        }
        self.lock = lock
    }

    deinit { lock?.removeFile() }

    /// Writes it as ``AtomicFile`` does.
    package func write(_ data: Data) throws { try AtomicFile.write(data, to: url) }

    private static func refusal(_ path: String, _ code: Int32) -> IOIError {
        .usage(outputError(path, code).problem)
    }
}
