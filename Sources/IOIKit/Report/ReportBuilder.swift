import Foundation

/// Collects the charts, tables and problems of a report while its sections are written.
protocol ReportBuilder {
    typealias Section = HTMLPage.Section

    var charts: [ReportChart] { get set }
    var tables: [(name: String, csv: String)] { get set }
    /// Files that could not be read.
    var problems: [String] { get set }
}

extension ReportBuilder {
    /// Keeps a chart.
    ///
    /// - Returns: the chart, to put in a section.
    mutating func add(_ name: String, _ svg: String) -> String {
        charts.append(ReportChart(name: Self.fileName(name), svg: svg))
        return svg
    }

    mutating func addTable(_ name: String, _ header: [String], _ rows: [[String]]) {
        let lines = ([header] + rows).map { $0.map(\.csvField).joined(separator: ",") + "\n" }
        tables.append((Self.fileName(name), lines.joined()))
    }

    /// A name as that of a file in a folder: names of stages and claims are others' words.
    private static func fileName(_ name: String) -> String {
        let plain = String(
            String.UnicodeScalarView(
                name.unicodeScalars.map { $0 == "/" || $0.properties.generalCategory == .control ? "-" : $0 })
        )
        return plain.hasPrefix(".") ? "-" + plain : plain
    }

    /// A number in full precision; empty for nil.
    static func full(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }

    /// The value and the bounds of its interval, in full precision.
    static func full(_ estimate: Estimate?) -> [String] {
        [estimate?.value, estimate?.recordedBounds?[0], estimate?.recordedBounds?[1]].map(full)
    }

    /// A note for each file that is missing or cannot be read.
    var problemNotes: String { problems.map { HTMLPage.paragraph("Missing: \($0)", style: "note") }.joined() }

    // MARK: Parts of both kinds of report

    /// The steps of a run.
    ///
    /// - Parameter steps: how many it has; nil if that is not known.
    mutating func readMetrics(of run: RunFolder, steps: Int? = nil) -> [StepMetrics] {
        do {
            let metrics = try run.metrics()
            if let steps, let last = metrics.last, last.step > steps {
                throw IOIError(
                    "\(run.metricsFile.path): found step \(last.step), expected at most \(steps), all of the run")
            }
            return metrics
        } catch {
            problems.append("\(error)")
            return []
        }
    }

    /// The loss over a run, as at most about a hundred means: single steps are too noisy to read.
    static func losses(_ metrics: [StepMetrics], name: String, colour: Int, isDashed: Bool = false)
        -> LineChart.Series
    {
        let group = max(1, metrics.count / 100)
        let points = stride(from: 0, to: metrics.count, by: group).map { start in
            let part = metrics[start..<min(start + group, metrics.count)]
            return LineChart.Point(
                x: Double(part.last!.step), y: part.reduce(0) { $0 + $1.loss } / Double(part.count), name: name
            )
        }
        return LineChart.Series(name: name, points: points, colour: colour, isDashed: isDashed)
    }

    static func repetition(_ facts: [[String]], files: String = "") -> Section {
        Section(
            title: "How to repeat it",
            body: HTMLPage.paragraph(
                "With the same seeds and number of threads, the same machine writes the same bytes. Other machines give the "
                    + "same figures up to rounding."
            ) + HTMLTable("What the figures come from", ["", ""], facts).html + files
        )
    }

    /// The day on which a file was written; nil if the file does not tell.
    static func date(of file: URL) -> String? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: file.path)
        return (attributes?[.modificationDate] as? Date).map {
            $0.formatted(.iso8601.year().month().day().dateSeparator(.dash))
        }
    }

    static func threads(_ count: Int) -> String { count == 1 ? "1 thread" : "\(count) threads" }

    static func version(_ environment: EnvironmentRecord) -> [String] {
        let precision = environment.precision == .fp32 ? "" : ", products in \(environment.precision.rawValue)"
        return [
            "version", "ioi \(environment.version), \(threads(environment.threads)), \(environment.blas)\(precision)",
        ]
    }
}
