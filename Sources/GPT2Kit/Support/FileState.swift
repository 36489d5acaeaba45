import Foundation

/// What the system says of a file. It changes when the file is written or replaced.
struct FileState: Codable, Equatable {
    let size, device, inode: Int64
    /// Of the last modification and the last change of contents or description, in ns since 1970. The second changes
    /// even if the first is set back afterwards.
    let modified, changed: Int64

    private init(_ status: stat) {
        func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec) }
        size = Int64(status.st_size)
        device = Int64(truncatingIfNeeded: status.st_dev)
        inode = Int64(truncatingIfNeeded: status.st_ino)
        #if os(Linux)
            (modified, changed) = (nanoseconds(status.st_mtim), nanoseconds(status.st_ctim))
        #else
            (modified, changed) = (nanoseconds(status.st_mtimespec), nanoseconds(status.st_ctimespec))
        #endif
    }

    /// nil if it is not open; `errno` says why.
    init?(of descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    /// nil if there is none; `errno` says why. Links are followed.
    init?(at url: URL) {
        var status = stat()
        guard stat(url.path, &status) == 0 else { return nil }
        self.init(status)
    }

    func isSameFile(as other: FileState?) -> Bool { device == other?.device && inode == other?.inode }

    /// Whether the contents are the same as far as the system tells, wherever the file is now: moving or removing it
    /// changes only its description.
    func hasSameContents(as other: FileState) -> Bool {
        isSameFile(as: other) && size == other.size && modified == other.modified
    }

    /// Whether the file could be written again without a change of its times, which the system may keep coarsely.
    func isFresh(at date: Date) -> Bool {
        max(modified, changed) > Int64(date.timeIntervalSince1970 * 1e9) - 2_000_000_000
    }
}
