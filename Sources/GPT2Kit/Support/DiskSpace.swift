import Foundation

/// The room on a disk.
package enum DiskSpace {
    /// - Parameters:
    ///   - bytes: what is to be written.
    ///   - url: the file or folder to write, in a folder that exists.
    /// - Throws: ``IOIError`` of kind `usage` if the disk has less room.
    package static func check(_ bytes: Double, for url: URL) throws {
        var status = statvfs()
        guard statvfs(url.deletingLastPathComponent().path, &status) == 0 else { return }
        let free = Double(status.f_bavail) * Double(status.f_frsize)
        guard bytes > free else { return }
        throw IOIError.usage("\(url.path): takes \(size(bytes)), more than the \(size(free)) that are free on the disk")
    }

    /// Such as "12.5 MB".
    package static func size(_ bytes: Double) -> String {
        switch bytes {
        case 1e12...: "\((bytes / 1e12).fixed(1)) TB"
        case 1e9...: "\((bytes / 1e9).fixed(1)) GB"
        case 1e6...: "\((bytes / 1e6).fixed(1)) MB"
        default: "\((bytes / 1e3).fixed(1)) kB"
        }
    }
}
