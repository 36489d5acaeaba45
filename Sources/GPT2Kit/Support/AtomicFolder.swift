import CSystem
import Foundation

/// Creates folders atomically: after a crash, either no folder or the complete one is there.
public enum AtomicFolder {
    /// Fills a hidden folder next to `url`, flushes its files to disk and renames it.
    /// - Parameters:
    ///   - url: the folder to create. Its parent must exist; the folder itself must not.
    ///   - fill: writes the files into the folder it is given.
    /// - Throws: ``IOIError`` naming the folder, or whatever `fill` throws. Nothing is left behind then.
    public static func create(at url: URL, _ fill: (URL) throws -> Void) throws {
        try refuseExisting(url)
        let (partial, _) = try PartialName.create(for: url) { path in mkdir(path, 0o777) }
        do {
            try fill(partial)
            try flushContents(of: partial)
            // A plain renaming would replace an empty folder created in the meantime.
            if files_rename_new(partial.path, url.path) != 0 {
                let code = errno
                try refuseExisting(url)
                guard code == ENOTSUP else { throw outputError(url.path, code) }
                guard rename(partial.path, url.path) == 0 else { throw outputError(url.path, errno) }
            }
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
