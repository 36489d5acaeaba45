import Foundation

/// Makes folders so that a crash at any moment leaves either no folder or the whole one.
public enum AtomicFolder {
    /// Makes a folder: fills a hidden one beside it, flushes all its files to the disk, then renames it.
    /// - Parameters:
    ///   - url: the folder to make; its parent has to exist, itself it must not.
    ///   - fill: writes the files into the folder it is given.
    /// - Throws: `IOIError` naming the folder, or what `fill` throws; then nothing is left.
    public static func create(at url: URL, _ fill: (URL) throws -> Void) throws {
        try refuseExisting(url)
        let (partial, _) = try PartialName.create(for: url) { path in mkdir(path, 0o777) }
        do {
            try fill(partial)
            try flushContents(of: partial)
            // Renaming would silently replace an empty folder made in the meantime.
            try refuseExisting(url)
            guard rename(partial.path, url.path) == 0 else { throw outputError(url.path, errno) }
        } catch {
            try? FileManager.default.removeItem(at: partial)
            throw error
        }
        try PartialName.flush(url.deletingLastPathComponent())
    }

    private static func refuseExisting(_ url: URL) throws {
        var status = stat()
        if lstat(url.path, &status) == 0 {
            throw IOIError("\(url.path): exists already, expected the name of a new folder")
        }
    }

    private static func flushContents(of folder: URL) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let entry = folder.appendingPathComponent(name)
            var status = stat()
            guard lstat(entry.path, &status) == 0 else { throw outputError(entry.path, errno) }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: try flushContents(of: entry)
            case S_IFREG: try PartialName.flush(entry)
            default: continue
            }
        }
        try PartialName.flush(folder)
    }
}
