import Foundation

/// Remembers the SHA-256 of large files from process to process, so that half a gigabyte of weights is read only once.
///
/// A hash is known by the file's path and holds as long as the system's description of the file is the same to the
/// nanosecond. Where nothing can be remembered, every hash is computed.
package struct HashStore: Sendable {
    private struct Entry: Codable {
        let state: FileState
        let sha256: String

        var isSound: Bool { sha256.utf8.count == 64 && sha256.allSatisfy(\.isHexDigit) }
    }

    /// nil to remember nothing.
    let file: URL?
    /// Smaller files are hashed as fast as they are looked up. In bytes.
    private let least: Int
    private let now: @Sendable () -> Date

    package init(file: URL?, least: Int = 16_000_000, now: @escaping @Sendable () -> Date = { Date() }) {
        self.file = file
        self.least = least
        self.now = now
    }

    /// The user's: `hashes.json` in `$IOI_CACHE`, or in `ioi` in `$XDG_CACHE_HOME` or `~/.cache`.
    package static func users(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        home: URL = FileManager.default.homeDirectoryForCurrentUser
    ) -> HashStore {
        func folder(_ name: String) -> URL? {
            environment[name].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0, isDirectory: true) }
        }
        let caches = folder("XDG_CACHE_HOME") ?? home.appendingPathComponent(".cache", isDirectory: true)
        let own = folder("IOI_CACHE") ?? caches.appendingPathComponent("ioi", isDirectory: true)
        return HashStore(file: own.appendingPathComponent("hashes.json"))
    }

    /// The SHA-256 of a file, remembered or computed.
    ///
    /// - Throws: ``IOIError`` if the file cannot be read.
    package func sha256(of target: URL) throws -> String { try sha256(of: OpenFile(target)) }

    /// The SHA-256 of an open file, remembered or computed.
    func sha256(of target: OpenFile) throws -> String {
        let date = now()
        guard let file, target.size >= least, let state = FileState(of: target.descriptor) else {
            return try target.sha256()
        }
        let key = target.url.resolvingSymlinksInPath().path
        if let known = entries(in: file)[key], known.state == state, known.isSound { return known.sha256 }
        let found = try target.sha256()
        if !state.isFresh(at: date), FileState(of: target.descriptor) == state {
            remember(Entry(state: state, sha256: found), of: key, in: file)
        }
        return found
    }

    /// Empty if the file is missing or is not what this writes.
    private func entries(in file: URL) -> [String: Entry] {
        (try? InputFile.decode([String: Entry].self, from: file)) ?? [:]
    }

    /// If processes write at the same time, the last one wins; the hashes of the others are computed again.
    private func remember(_ entry: Entry, of key: String, in file: URL) {
        var entries = entries(in: file).filter { FileManager.default.fileExists(atPath: $0.key) }
        entries[key] = entry
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let folder = file.deletingLastPathComponent()
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        if let data = try? encoder.encode(entries) { try? AtomicFile.write(data, to: file) }
    }
}
