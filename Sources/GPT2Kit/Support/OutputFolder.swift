import Foundation

/// Folders to be filled when work is done, tried before.
package enum OutputFolder {
    /// Makes a folder and its parents, unless it exists.
    ///
    /// - Returns: whether this call made the folder.
    /// - Throws: ``IOIError`` of kind `usage` if it is not a folder, or cannot be made.
    @discardableResult
    package static func make(_ url: URL) throws -> Bool {
        guard !isFolder(url) else { return false }
        if mkdir(url.path, 0o777) == 0 { return true }
        var code = errno
        let parent = url.deletingLastPathComponent()
        if code == ENOENT, parent.path != url.path {
            try make(parent)
            if mkdir(url.path, 0o777) == 0 { return true }
            code = errno
        }
        // Another process may have been faster.
        guard code == EEXIST, isFolder(url) else {
            let reason = code == EEXIST ? "found a file, expected a folder" : "cannot be made: \(systemError(code))"
            throw IOIError.usage("\(url.path): \(reason)")
        }
        return false
    }

    /// Makes a folder for files of any name, and sees that files can be made in it.
    ///
    /// - Throws: ``IOIError`` of kind `usage` if they cannot.
    package static func open(_ path: String) throws -> URL {
        guard !path.isEmpty else { throw IOIError.usage("found an empty name, expected a folder") }
        let url = URL(fileURLWithPath: path)
        try make(url)
        do {
            let (partial, _) = try PartialName.create(for: url.appendingPathComponent("x")) { mkdir($0, 0o777) }
            rmdir(partial.path)
        } catch let error as IOIError {
            throw IOIError.usage(error.problem)
        }
        return url
    }

    /// The place of a folder that does not exist yet, in a folder that does: it is made if need be.
    ///
    /// - Throws: ``IOIError``, of kind `usage` but for a folder that exists.
    package static func new(_ path: String) throws -> URL {
        guard !path.isEmpty else { throw IOIError.usage("found an empty name, expected a new folder") }
        let url = URL(fileURLWithPath: path)
        var status = stat()
        guard lstat(url.path, &status) != 0 else {
            throw IOIError("\(url.path): exists already, expected the name of a new folder")
        }
        _ = try open(url.deletingLastPathComponent().path)
        return url
    }

    private static func isFolder(_ url: URL) -> Bool {
        var status = stat()
        return stat(url.path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
