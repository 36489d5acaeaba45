import Foundation

/// The results of a ``Verification`` for continuous integration: a test suite for each results file, a test case for each
/// group of figures.
public struct JUnitReport {
    public let xml: Data

    public init(_ results: VerificationResults) {
        let groups = results.files.flatMap(\.groups)
        var lines = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<testsuites name=\"ioi verify\" \(Self.counts(groups)) \(Self.time(results.files.map(\.seconds)))>",
        ]
        for file in results.files {
            lines.append(
                "  <testsuite name=\"\(file.file.xml)\" \(Self.counts(file.groups)) \(Self.time([file.seconds]))>"
            )
            for group in file.groups { lines += Self.lines(group, file) }
            if !file.notes.isEmpty {
                lines.append("    <system-out>\(file.notes.joined(separator: "\n").xml)</system-out>")
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

    private static func lines(_ group: FigureComparison.Group, _ file: VerificationResults.File) -> [String] {
        let start = "    <testcase classname=\"\(file.command.xml)\" name=\"\(group.name.xml)\""
        guard let first = group.moved.first else { return [start + "/>"] }
        let message = group.compared == 1 ? first.text : "\(group.moved.count) of \(group.compared) figures moved"
        return [
            start + ">",
            "      <failure type=\"moved\" message=\"\(message.xml)\">"
                + group.moved.map(\.text).joined(separator: "\n").xml + "</failure>",
            "    </testcase>",
        ]
    }
}

extension FigureComparison.Move {
    /// One line with the path and both values.
    public var text: String {
        let values = "\(path): recorded \(recorded?.description ?? "nothing"), found \(found?.description ?? "nothing")"
        guard let difference else { return values }
        return values + String(format: ", difference %.3g, tolerance %.3g", difference, tolerance)
    }
}
