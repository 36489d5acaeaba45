import Foundation

/// What `ioi verify` found, as continuous integration shows it: a test suite for each results file, a test case for each
/// figure, or for those that belong together.
public struct JUnitReport {
    public let xml: Data

    public init(_ results: VerifyResults) {
        let groups = results.files.flatMap(\.groups)
        var lines = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<testsuites name=\"ioi verify\" \(Self.counts(groups)) \(Self.time(results.files.map(\.seconds)))>",
        ]
        for file in results.files {
            lines.append(
                "  <testsuite name=\"\(Self.escaped(file.file))\" \(Self.counts(file.groups)) \(Self.time([file.seconds]))>"
            )
            for group in file.groups { lines += Self.lines(group, file) }
            if !file.notes.isEmpty {
                lines.append("    <system-out>\(Self.escaped(file.notes.joined(separator: "\n")))</system-out>")
            }
            lines.append("  </testsuite>")
        }
        lines.append("</testsuites>\n")
        xml = Data(lines.joined(separator: "\n").utf8)
    }

    private static func counts(_ groups: [FigureComparison.Group]) -> String {
        "tests=\"\(groups.count)\" failures=\"\(groups.count { !$0.moved.isEmpty })\" errors=\"0\""
    }

    private static func time(_ seconds: [Double]) -> String {
        "time=\"\(String(format: "%.3f", seconds.reduce(0, +)))\""
    }

    private static func lines(_ group: FigureComparison.Group, _ file: VerifyResults.File) -> [String] {
        let start = "    <testcase classname=\"\(escaped(file.command))\" name=\"\(escaped(group.name))\""
        guard let first = group.moved.first else { return [start + "/>"] }
        let message = group.compared == 1 ? first.text : "\(group.moved.count) of \(group.compared) figures moved"
        return [
            start + ">",
            "      <failure type=\"moved\" message=\"\(escaped(message))\">"
                + escaped(group.moved.map(\.text).joined(separator: "\n")) + "</failure>",
            "    </testcase>",
        ]
    }

    /// Text as XML 1.0 takes it, in elements and attributes.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n", "\r", "\t": result += "&#\(scalar.value);"
            // No XML may hold these, escaped or not.
            case "\0"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension FigureComparison.Move {
    /// In a line: where, what was recorded, what was found.
    public var text: String {
        let values = "\(path): recorded \(recorded?.description ?? "nothing"), found \(found?.description ?? "nothing")"
        guard let difference else { return values }
        return values + String(format: ", difference %.3g, tolerance %.3g", difference, tolerance)
    }
}
