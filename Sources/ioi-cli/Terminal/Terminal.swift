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
        StandardStream.say("\(line.visible)\n")
    }

    /// Names a model in use, where it is, and any note about it.
    static func say(_ location: ModelLocation, as role: String) {
        say("\(role) \(location.name) at \(location.folder.path)\(location.note.map { " (\($0))" } ?? "")")
    }

    static func complain(_ problem: String) {
        say("ioi: \(problem)".shortened(to: 400))
    }
}

/// A line on standard error that shows the progress of long work and the time left. It is silent unless standard error is
/// a terminal.
final class ProgressLine {
    private let title: String
    private let total: Int
    private let begun: Int
    private let started = ContinuousClock.now
    private var shown: ContinuousClock.Instant?
    private let isVisible: Bool

    /// - Parameter done: what an earlier process did; the estimate of the time left ignores it.
    init(_ title: String, total: Int, done: Int = 0, isQuiet: Bool) {
        self.title = title
        self.total = total
        begun = done
        isVisible = !isQuiet && Terminal.isInteractive
    }

    deinit { clear() }

    func show(_ done: Int, note: String = "") {
        let now = ContinuousClock.now
        guard isVisible, done > begun, shown.map({ now - $0 > .milliseconds(100) }) ?? true || done == total
        else { return }
        shown = now
        let left = (now - started) / .seconds(1) / Double(done - begun) * Double(total - done)
        let width = 24
        let filled = min(width, width * done / max(total, 1))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        write("\r\u{1B}[K\(title) \(bar) \(done)/\(total)\(note.isEmpty ? "" : "  \(note)")  \(duration(left)) left")
    }

    /// Erases the line, so that others can be written.
    func clear() {
        guard shown != nil else { return }
        shown = nil
        write("\r\u{1B}[K")
    }

    private func write(_ text: String) { StandardStream.say(text) }
}

/// "42 s", "3 min 05 s" or "2 h 10 min".
func duration(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(String(format: "%02d", whole % 60)) s" }
    return "\(whole / 3600) h \(String(format: "%02d", whole / 60 % 60)) min"
}
