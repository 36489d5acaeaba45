import ArgumentParser
import Foundation
import IOIKit

/// When results are coloured.
enum ColourChoice: String, CaseIterable, ExpressibleByArgument {
    case auto, always, never
}

/// The terminal. Results go to standard output, everything else to standard error.
enum Terminal {
    /// What `--color` asks for. Set once, when the command line is read and there are no other threads.
    nonisolated(unsafe) static var colour = ColourChoice.auto

    /// Whether results are coloured. Left to itself, they are if standard output is a terminal with colours and the
    /// environment variable `NO_COLOR` (no-color.org) is not set.
    static var isColoured: Bool {
        switch colour {
        case .always: true
        case .never: false
        case .auto:
            isatty(STDOUT_FILENO) == 1 && obeysEscapes
                && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty
        }
    }

    /// Whether standard error is a terminal in which a line can be redrawn.
    static var isRedrawable: Bool { isatty(STDERR_FILENO) == 1 && obeysEscapes }

    /// Whether the terminal that the environment names obeys escape sequences.
    private static var obeysEscapes: Bool {
        !["", "dumb"].contains(ProcessInfo.processInfo.environment["TERM"] ?? "")
    }

    /// The width of the terminal on standard output; nil if there is none, or it does not say.
    static var width: Int? { width(of: STDOUT_FILENO) }

    /// The same; 80 if it is unknown.
    static var outputWidth: Int { width ?? 80 }

    /// The width of the terminal on standard error, which changes with its window; 80 if it is unknown.
    static var errorWidth: Int { width(of: STDERR_FILENO) ?? 80 }

    private static func width(of descriptor: Int32) -> Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    static func say(_ line: String) {
        StandardStream.say("\(line.visible)\n")
    }

    /// Names a model in use, where it is, the run that stood for it, and any note about it.
    static func say(_ location: ModelLocation, as role: String) {
        let run = location.run.map { ", the newest checkpoint of \($0.lastPathComponent)" } ?? ""
        say("\(role) \(location.name) at \(location.folder.path)\(run)\(location.note.map { " (\($0))" } ?? "")")
    }

    static func complain(_ problem: String) {
        say("ioi: \(problem)".shortened(to: 400))
    }
}
