import Foundation

/// Writes files so that a crash at any moment leaves either the old file or the whole new one.
public enum AtomicFile {
    /// Writes a file: to a hidden name in the same folder, flushed to the disk, then renamed.
    ///
    /// A link is followed, and an existing file keeps its permissions. What is no regular file
    /// (`/dev/stdout`, a pipe) is written to as it is.
    /// - Parameters:
    ///   - url: the file to write.
    ///   - expectedSize: its length in bytes where that is known, for the error of a full disk.
    ///   - body: writes the contents.
    /// - Throws: `IOIError` naming the file, or what `body` throws; then no part of the new file is left and
    ///   an old one is unchanged.
    public static func write(
        to url: URL,
        expectedSize: Int? = nil,
        _ body: (inout FileWriter) throws -> Void
    ) throws {
        var status = stat()
        var target = url
        var permissions: mode_t?
        if stat(url.path, &status) == 0 {
            let kind = status.st_mode & S_IFMT
            guard kind != S_IFDIR else {
                throw IOIError("\(url.path): cannot be written: found a folder, expected a file")
            }
            guard access(url.path, W_OK) == 0 else { throw outputError(url.path, errno) }
            guard kind == S_IFREG else { return try writeInPlace(url, expectedSize, body) }
            permissions = status.st_mode & 0o7777
            target = url.resolvingSymlinksInPath()
        }

        let (partial, descriptor) = try PartialName.create(for: target) { path in
            systemOpen(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        }
        do {
            do {
                defer { close(descriptor) }
                if let permissions { fchmod(descriptor, permissions) }
                try fill(descriptor, path: url.path, expectedSize, body)
                guard fsync(descriptor) == 0 else {
                    throw outputError(url.path, errno, expectedSize: expectedSize)
                }
            }
            guard rename(partial.path, target.path) == 0 else { throw outputError(url.path, errno) }
        } catch {
            unlink(partial.path)
            throw error
        }
        try PartialName.flush(target.deletingLastPathComponent())
    }

    /// Writes a file whose contents are at hand; see `write(to:expectedSize:_:)`.
    public static func write(_ data: Data, to url: URL) throws {
        try write(to: url, expectedSize: data.count) { writer in try writer.write(data) }
    }

    /// Removes the partial files and folders that killed processes left in a folder.
    ///
    /// Those of processes that still run stay, this one's included, unless `all` is set: set it where nothing
    /// else can be writing to the folder, as process numbers come again (in a container, soon).
    /// - Returns: what was removed.
    @discardableResult
    public static func removeLeftovers(in folder: URL, all: Bool = false) -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().compactMap { name in
            guard let process = PartialName.process(of: name), all || !PartialName.isAlive(process) else {
                return nil
            }
            let url = folder.appendingPathComponent(name)
            return (try? FileManager.default.removeItem(at: url)).map { url }
        }
    }

    private static func writeInPlace(
        _ url: URL,
        _ expectedSize: Int?,
        _ body: (inout FileWriter) throws -> Void
    ) throws {
        let descriptor = systemOpen(url.path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw outputError(url.path, errno) }
        defer { close(descriptor) }
        try fill(descriptor, path: url.path, expectedSize, body)
    }

    private static func fill(
        _ descriptor: Int32,
        path: String,
        _ expectedSize: Int?,
        _ body: (inout FileWriter) throws -> Void
    ) throws {
        var writer = FileWriter(descriptor: descriptor, path: path, expectedSize: expectedSize)
        try body(&writer)
        try writer.flush()
    }
}
