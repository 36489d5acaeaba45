import Foundation

/// The hidden name that an output has until it is whole: `.NAME.partial-PID`, in the folder of the output.
package enum PartialName {
    private static let marker = ".partial-"

    /// Makes the partial file or folder of an output and tells where it is.
    /// - Parameter make: makes it at a path, or fails as `open(2)` and `mkdir(2)` do: a negative number, and
    ///   `errno`.
    static func create(for target: URL, _ make: (String) -> Int32) throws -> (url: URL, result: Int32) {
        let folder = target.deletingLastPathComponent()
        let name = "." + target.lastPathComponent + marker + String(getpid())
        // A name is taken where another thread writes the same output, or a dead process had this number.
        for attempt in 0..<1000 {
            let url = folder.appendingPathComponent(attempt == 0 ? name : "\(name)-\(attempt)")
            let result = make(url.path)
            if result >= 0 { return (url, result) }
            guard errno == EEXIST else { break }
        }
        throw outputError(target.path, errno)
    }

    /// The process that a partial name belongs to; nil where it is no partial name.
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

    /// Makes the renaming of an entry of a folder survive a power cut.
    static func flush(_ url: URL) throws {
        let descriptor = systemOpen(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw outputError(url.path, errno) }
        defer { close(descriptor) }
        // Some file systems cannot flush a folder and say EINVAL: there is nothing more to do there.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw outputError(url.path, errno) }
    }
}
