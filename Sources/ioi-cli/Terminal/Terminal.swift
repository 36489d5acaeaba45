import Foundation
import IOIKit

/// The terminal. Results go to standard output, everything else to standard error.
enum Terminal {
    /// Whether standard error is a terminal, in which a line can be redrawn.
    static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether results are coloured: standard output is a terminal with colours and the environment variable `NO_COLOR`
    /// (no-color.org) is not set.
    static var isColoured: Bool {
        let environment = ProcessInfo.processInfo.environment
        return isatty(STDOUT_FILENO) == 1 && (environment["NO_COLOR"] ?? "").isEmpty
            && !["", "dumb"].contains(environment["TERM"] ?? "")
    }

    /// The width of the terminal on standard output; 80 if it is unknown.
    static var outputWidth: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    static func say(_ line: String) {
        FileHandle.standardError.write(Data("\(line)\n".utf8))
    }

    /// Names a model in use, where it is, and any note about it.
    static func say(_ location: ModelLocation, as role: String) {
        say("\(role) \(location.name) at \(location.folder.path)\(location.note.map { " (\($0))" } ?? "")")
    }

    static func complain(_ problem: String) {
        say("ioi: \(problem)")
    }
}
