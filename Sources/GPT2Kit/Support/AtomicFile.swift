import Foundation

/// Writes files atomically: after a crash, either the old file or the complete new one is there.
public enum AtomicFile {
    /// Writes to a hidden file in the same folder, flushes it to disk and renames it.
    ///
    /// Symbolic links are followed, and an existing file keeps its permissions. Devices and pipes (`/dev/stdout`)
    /// are written to directly.
    /// - Parameters:
    ///   - url: the file to write.
    ///   - expectedSize: its length in bytes, if known, for the error message of a full disk.
    ///   - body: writes the contents.
    /// - Throws: ``IOIError`` naming the file, or whatever `body` throws. The partial file is then removed and an
    ///   existing file is unchanged.
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

    /// Writes `data` as ``write(to:expectedSize:_:)`` does.
    public static func write(_ data: Data, to url: URL) throws {
        try write(to: url, expectedSize: data.count) { writer in try writer.write(data) }
    }

    /// Removes partial files and folders left behind by killed processes.
    ///
    /// Those of running processes, including this one, stay unless `all` is set. Set it where nothing else can be
    /// writing to the folder: process ids are reused (in a container, soon).
    /// - Returns: the files and folders removed.
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

/// The hidden name of an unfinished output: `.NAME.partial-PID`, in the same folder.
package enum PartialName {
    private static let marker = ".partial-"

    /// Creates the partial file or folder for an output.
    /// - Parameter make: creates it at a path; on failure returns a negative number and sets `errno`, as `open(2)`
    ///   and `mkdir(2)` do.
    static func create(for target: URL, _ make: (String) -> Int32) throws -> (url: URL, result: Int32) {
        let folder = target.deletingLastPathComponent()
        let name = "." + target.lastPathComponent + marker + String(getpid())
        // The name is taken if another thread writes the same output, or a dead process had this id.
        for attempt in 0..<1000 {
            let url = folder.appendingPathComponent(attempt == 0 ? name : "\(name)-\(attempt)")
            let result = make(url.path)
            if result >= 0 { return (url, result) }
            guard errno == EEXIST else { break }
        }
        throw outputError(target.path, errno)
    }

    /// The process that a partial name belongs to; nil for any other name.
    package static func process(of name: String) -> pid_t? {
        guard name.hasPrefix("."), let found = name.range(of: marker, options: .backwards) else { return nil }
        guard found.lowerBound > name.index(after: name.startIndex) else { return nil }
        let numbers = name[found.upperBound...].split(separator: "-", omittingEmptySubsequences: false)
        guard numbers.count <= 2, numbers.allSatisfy({ UInt32($0) != nil }) else { return nil }
        return pid_t(numbers[0])
    }

    static func isAlive(_ process: pid_t) -> Bool {
        kill(process, 0) == 0 || errno == EPERM
    }

    /// Flushes a file or folder to disk, so that a rename in the folder survives a power cut.
    static func flush(_ url: URL) throws {
        let descriptor = systemOpen(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw outputError(url.path, errno) }
        defer { close(descriptor) }
        // Some file systems cannot flush a folder and return EINVAL.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw outputError(url.path, errno) }
    }
}
