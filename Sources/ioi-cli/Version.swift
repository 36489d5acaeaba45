import IOIKit

/// What `--version` prints.
enum Version {
    /// The libraries that the program can compute with, as results files name them. Looking for them takes a moment.
    static var backends: [String] {
        Backend.allCases.filter(\.isAvailable).map(\.library) + [Ranks.library].compactMap { $0 }
    }

    /// The version alone on the first line, for scripts.
    static var text: String {
        ([ioiVersion, "commit \(builtCommit ?? "unknown")"] + backends).joined(separator: "\n")
    }
}
