import Foundation

/// A report being put together: what all kinds of them do alike.
protocol ReportParts {
    var charts: [ReportChart] { get set }
    var tables: [(name: String, csv: String)] { get set }
    /// What could not be read.
    var problems: [String] { get set }
}

extension ReportParts {
    // MARK: Pictures, tables and numbers

    mutating func add(_ name: String, _ svg: String) -> String {
        charts.append(ReportChart(name: name, svg: svg))
        return svg
    }

    mutating func addTable(_ name: String, _ header: [String], _ rows: [[String]]) {
        let lines = ([header] + rows).map { $0.map(Self.csvField).joined(separator: ",") + "\n" }
        tables.append((name, lines.joined()))
    }

    private static func csvField(_ text: String) -> String {
        guard text.contains(where: { ",\"".contains($0) || $0.isNewline }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }

    static func full(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }

    static func interval(_ bounds: [Double]?, scale: Double = 1, decimals: Int) -> String {
        bounds.map { "[\((scale * $0[0]).fixed(decimals)), \((scale * $0[1]).fixed(decimals))]" } ?? ""
    }

    /// The note at the top about each thing that is missing.
    var gaps: String { problems.map { HTMLPage.paragraph("Missing: \($0)", style: "note") }.joined() }

    // MARK: Training

    /// The steps that a run wrote down, without a last line that a killed process left unfinished. What cannot be read
    /// becomes a problem.
    mutating func readMetrics(of run: RunFolder) -> [StepMetrics] {
        let file = run.metricsFile
        do {
            let lines = try InputFile.read(file, limit: .max)
                .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
            return try lines.enumerated().map { index, line in
                try InputFile.decode(StepMetrics.self, from: line, path: "\(file.path): line \(index + 1)")
            }
        } catch {
            problems.append("\(error)")
            return []
        }
    }

    /// The losses of a run's steps. Single steps are noise; a hundred means show the course.
    static func losses(_ metrics: [StepMetrics], name: String, colour: Int) -> LineChart.Series {
        let group = max(1, metrics.count / 100)
        let points = stride(from: 0, to: metrics.count, by: group).map { start in
            let part = metrics[start..<min(start + group, metrics.count)]
            return LineChart.Point(
                x: Double(part.last!.step), y: part.reduce(0) { $0 + $1.loss } / Double(part.count), name: name
            )
        }
        return LineChart.Series(name: name, points: points, colour: colour, isDashed: colour > 6)
    }

    // MARK: How to repeat it

    static func repetition(_ facts: [[String]], files: String = "") -> HTMLPage.Section {
        HTMLPage.Section(
            title: "How to repeat it",
            body: HTMLPage.paragraph(
                "The same seeds and number of threads give the same bytes on the same machine; elsewhere the same figures to "
                    + "rounding."
            ) + HTMLPage.table(["", ""], facts) + files
        )
    }

    static func version(_ environment: EnvironmentRecord) -> [String] {
        ["version", "ioi \(environment.version), \(environment.threads) threads, \(environment.blas)"]
    }
}
