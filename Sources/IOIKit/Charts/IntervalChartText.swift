/// Draws an ``IntervalChart`` as text.
struct IntervalChartText {
    /// The element that a cell of the plot is part of.
    private enum Part: String {
        case nothing = ""
        case band = "90"
        case reference = "35"
        case mark = "36"
        /// Outside the plot.
        case heading = "1"
    }

    /// A line of the plot, filled from back to front.
    private struct Cells {
        private(set) var characters: [Character]
        private(set) var parts: [Part]

        init(_ count: Int) {
            characters = Array(repeating: " ", count: count)
            parts = Array(repeating: .nothing, count: count)
        }

        mutating func set(_ column: Int, _ character: Character, _ part: Part) {
            characters[column] = character
            parts[column] = part
        }
    }

    /// If labels leave fewer columns for the plot, they get lines of their own.
    private static let readableWidth = 24
    private static let leastWidth = 10

    private let chart: IntervalChart
    private let axis: ChartAxis
    private let plotWidth: Int
    /// The columns before the plot.
    private let indent: Int
    private let isStacked: Bool
    /// The widths of the longest value and the longest bounds.
    private let valueWidth, boundsWidth: Int
    private let ticks: [ChartAxis.Tick]

    init(_ chart: IntervalChart, width: Int) {
        self.chart = chart
        axis = chart.axis
        let rows = chart.rows
        valueWidth = rows.map { chart.valueText($0).count }.max() ?? 0
        boundsWidth = rows.map { chart.boundsText($0).count }.max() ?? 0
        let noteWidth = rows.map(\.note.count).max() ?? 0
        let figures = [valueWidth, boundsWidth, noteWidth].filter { $0 > 0 }.map { $0 + 2 }.reduce(0, +)
        let labelWidth = (rows.map(\.label.count).max() ?? 0) + 2
        isStacked = width - figures - labelWidth < Self.readableWidth
        indent = isStacked ? 2 : labelWidth
        plotWidth = max(width - figures - indent, Self.leastWidth)
        // As many ticks as leave a space between their labels.
        var count = max(plotWidth / 6, 1)
        while count > 1, (axis.ticks(atMost: count).map { $0.label.count + 2 }.max() ?? 0) * count > plotWidth {
            count -= 1
        }
        ticks = axis.ticks(atMost: count)
    }

    func text(isColoured: Bool) -> String {
        func paint(_ text: String, _ part: Part) -> String {
            isColoured && part != .nothing ? "\u{1B}[\(part.rawValue)m\(text)\u{1B}[0m" : text
        }
        func draw(_ cells: Cells) -> String {
            var text = ""
            var start = 0
            for end in 1...plotWidth where end == plotWidth || cells.parts[end] != cells.parts[start] {
                text += paint(String(cells.characters[start..<end]), cells.parts[start])
                start = end
            }
            return text
        }
        let margin = String(repeating: " ", count: indent)
        var lines = [paint(chart.title, .heading)]
        if !chart.subtitle.isEmpty { lines.append(chart.subtitle) }
        lines += [legend, ""]
        lines += referenceLines.map { margin + paint($0, .reference) }
        for group in chart.groups {
            if let heading = group.heading { lines.append(paint(heading, .heading)) }
            for row in group.rows {
                if isStacked { lines.append(row.label) }
                let label = isStacked ? margin : row.label.aligned(left: indent)
                lines.append(label + draw(cells(row)) + figures(row))
            }
        }
        lines += [margin + rule, margin + tickLabels, margin + chart.axisLabel]
        return lines.map(\.trimmingTrailingSpaces).joined(separator: "\n")
    }

    private var legend: String {
        let rows = chart.rows
        var entries = ["● value"]
        if rows.contains(where: { $0.interval != nil }) { entries.append("─ \(chart.intervalLabel)") }
        if rows.contains(where: { $0.band != nil }) { entries.append("░ \(chart.bandLabel)") }
        if rows.contains(where: { $0.value.isFinite && !axis.isInside($0.value) }) {
            entries.append("◀ ▶ beyond the axis")
        }
        return entries.joined(separator: "   ")
    }

    /// The labels of the reference lines, on several lines if they would touch.
    private var referenceLines: [String] {
        let places = chart.references.map { reference in
            let start = column(axis.share(reference.value)) - reference.label.count / 2
            return max(min(start, plotWidth - reference.label.count), 0)
        }
        let reaches = zip(places, chart.references).map { Double($0)...Double($0 + $1.label.count) }
        let lines = ChartAxis.lines(reaches)
        return (0..<(lines.max() ?? -1) + 1).reversed().map { line in
            let shown = lines.indices.filter { lines[$0] == line }.sorted { places[$0] < places[$1] }
            return shown.reduce("") { $0.aligned(left: places[$1]) + chart.references[$1].label }
        }
    }

    private func cells(_ row: IntervalChart.Row) -> Cells {
        var cells = Cells(plotWidth)
        let last = plotWidth - 1
        if let band = row.band.map(axis.stretch) {
            for column in column(band.lower)...column(band.upper) { cells.set(column, "░", .band) }
            if band.isCutBelow { cells.set(0, "‹", .band) }
            if band.isCutAbove { cells.set(last, "›", .band) }
        }
        for reference in chart.references { cells.set(column(axis.share(reference.value)), "│", .reference) }
        if let interval = row.interval.map(axis.stretch) {
            for column in column(interval.lower)...column(interval.upper) {
                cells.set(column, cells.characters[column] == "│" ? "┼" : "─", .mark)
            }
            if interval.isCutBelow { cells.set(0, "←", .mark) }
            if interval.isCutAbove { cells.set(last, "→", .mark) }
        }
        guard row.value.isFinite else { return cells }
        switch axis.place(row.value) {
        case .inside(let share): cells.set(column(share), "●", .mark)
        case .below: cells.set(0, "◀", .mark)
        case .above: cells.set(last, "▶", .mark)
        }
        return cells
    }

    private func figures(_ row: IntervalChart.Row) -> String {
        var text = "  " + chart.valueText(row).aligned(right: valueWidth)
        if boundsWidth > 0 { text += " " + chart.boundsText(row).aligned(left: boundsWidth) }
        return row.note.isEmpty ? text : text + "  " + row.note
    }

    private var rule: String {
        var characters = [Character](repeating: "─", count: plotWidth)
        for tick in ticks { characters[column(axis.share(tick.value))] = "┬" }
        return String(characters)
    }

    private var tickLabels: String {
        ticks.reduce("") { line, tick in
            let centred = column(axis.share(tick.value)) - tick.label.count / 2
            return line.aligned(left: max(min(centred, plotWidth - tick.label.count), 0)) + tick.label
        }
    }

    private func column(_ share: Double) -> Int { Int((share * Double(plotWidth - 1)).rounded()) }
}
