import Foundation

/// What goes to people beside the results: standard error.
enum Terminal {
    /// Whether standard error is a terminal, where a line can be drawn over.
    static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

    static func say(_ line: String) {
        FileHandle.standardError.write(Data("\(line)\n".utf8))
    }

    static func complain(_ problem: String) {
        say("ioi: \(problem)")
    }
}
