import Foundation
import IOIKit

/// The progress of long work and the time left, on standard error: a line that is redrawn in a terminal, and a line now
/// and then in a log or a terminal that cannot erase.
final class ProgressLine {
    private let title: String
    private let total: Int
    private let begun: Int
    private let started = ContinuousClock.now
    private let isQuiet: Bool
    private let isRedrawn: Bool
    /// When a line was last written, and for how much.
    private var shown: (time: ContinuousClock.Instant, done: Int)?

    /// - Parameter done: what an earlier process did; the estimate of the time left ignores it.
    init(_ title: String, total: Int, done: Int = 0, isQuiet: Bool) {
        self.title = title.visible
        self.total = total
        begun = done
        self.isQuiet = isQuiet
        isRedrawn = Terminal.isRedrawable
    }

    deinit { clear() }

    func show(_ done: Int, note: String = "") {
        let now = ContinuousClock.now
        guard !isQuiet, done > begun, isDue(done, now) else { return }
        shown = (now, done)
        let left = (now - started) / .seconds(1) / Double(done - begun) * Double(total - done)
        let text = ProgressText(title: title, done: done, total: total, note: note, left: "\(left.duration) left")
        // The last column stays free: some terminals go to the next line as soon as it is taken.
        StandardStream.say(isRedrawn ? "\r\u{1B}[K" + text.line(width: Terminal.errorWidth - 1) : text.plain + "\n")
    }

    private func isDue(_ done: Int, _ now: ContinuousClock.Instant) -> Bool {
        if isRedrawn { return shown.map { now - $0.time > .milliseconds(100) } ?? true || done == total }
        guard let shown else { return now - started > .seconds(10) }
        return now - shown.time > .seconds(30) && 10 * (done - shown.done) >= total
    }

    /// Erases the line, so that others can be written.
    func clear() {
        guard isRedrawn, shown != nil else { return }
        shown = nil
        StandardStream.say("\r\u{1B}[K")
    }
}

/// What a ``ProgressLine`` says.
struct ProgressText {
    let title: String
    let done, total: Int
    let note: String
    /// The time left, in words.
    let left: String

    /// For a log.
    var plain: String {
        let start = "\(title) \(done)/\(total) \(100 * done / max(total, 1)) %"
        return ([start] + (note.isEmpty ? [] : [note]) + [left]).joined(separator: ", ")
    }

    /// For a terminal: the bar shrinks first, then the note goes, then the bar, then the end of the title, then the time.
    func line(width: Int) -> String {
        let count = "\(done)/\(total)"
        let forms: [(bar: Int, parts: [String])] = [
            (24, [count, note, left]), (12, [count, note, left]), (6, [count, note, left]), (6, [count, left]),
            (0, [count, left]),
        ]
        for (bar, parts) in forms {
            let line = [title, Self.bar(bar, done, total), parts.filter { !$0.isEmpty }.joined(separator: "  ")]
                .filter { !$0.isEmpty }.joined(separator: " ")
            if line.count <= width { return line }
        }
        for end in [" \(count)  \(left)", " \(count)"] where width - end.count >= min(title.count, 4) {
            return title.cut(to: width - end.count) + end
        }
        return count.cut(to: width)
    }

    private static func bar(_ width: Int, _ done: Int, _ total: Int) -> String {
        let filled = min(width, width * done / max(total, 1))
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    }
}

extension String {
    /// At most `width` characters, the last an ellipsis if any are left out.
    fileprivate func cut(to width: Int) -> String {
        count <= width ? self : prefix(max(width - 1, 0)) + (width > 0 ? "…" : "")
    }
}
