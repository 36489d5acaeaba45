import Foundation
import IOIKit

/// What the program is run in: standard output holds results, standard error what people are told beside them.
enum Terminal {
    /// Whether standard error is a terminal, where a line can be drawn over.
    static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether results may hold colours: standard output is a terminal that knows them, and the user does not ask for
    /// none by the environment variable `NO_COLOR` (no-color.org).
    static var isColoured: Bool {
        let environment = ProcessInfo.processInfo.environment
        return isatty(STDOUT_FILENO) == 1 && (environment["NO_COLOR"] ?? "").isEmpty
            && !["", "dumb"].contains(environment["TERM"] ?? "")
    }

    /// The characters in a line of the terminal on standard output; 80 where there is none, or it does not tell.
    static var outputWidth: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    static func say(_ line: String) {
        FileHandle.standardError.write(Data("\(line)\n".utf8))
    }

    /// Names a model in use, where it lies, and what it wants said of it.
    static func say(_ location: ModelLocation, as role: String) {
        say("\(role) \(location.name) at \(location.folder.path)\(location.note.map { " (\($0))" } ?? "")")
    }

    static func complain(_ problem: String) {
        say("ioi: \(problem)")
    }
}
