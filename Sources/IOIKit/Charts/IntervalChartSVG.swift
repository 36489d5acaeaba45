/// Draws an ``IntervalChart`` as SVG.
struct IntervalChartSVG {
    private static let leastWidth = 900.0
    private static let leastPlotWidth = 320.0
    private static let edge = 20.0
    private static let lineHeight = 17.0
    private static let rowHeight = 22.0
    private static let headingHeight = 30.0
    private static let bandHeight = 12.0
    /// The length of the point of a mark that is cut off.
    private static let arrow = 9.0
    private static let fontSize = 12.0
    private static let titleSize = 17.0
    /// A chart with more rows also has tick labels above the plot.
    private static let rowsInSight = 20

    private let chart: IntervalChart
    private let axis: ChartAxis
    private let width: Double
    /// The ends of the plot.
    private let left, right: Double
    /// The right end of the values, and the left ends of their bounds and notes.
    private let values, bounds, notes: Double

    init(_ chart: IntervalChart) {
        self.chart = chart
        axis = chart.axis
        let rows = chart.rows
        func longest(_ text: (IntervalChart.Row) -> String) -> Double { rows.map { SVG.width(text($0)) }.max() ?? 0 }
        let figures = [longest(chart.valueText), longest(chart.boundsText), longest(\.note)]
        left = Self.edge + longest(\.label) + 16
        let beside = figures.filter { $0 > 0 }.map { $0 + 10 }.reduce(Self.edge, +)
        width = max(Self.leastWidth, left + Self.leastPlotWidth + beside)
        right = width - beside
        values = right + 10 + figures[0]
        bounds = values + (figures[1] > 0 ? 10 : 0)
        notes = bounds + figures[1] + 10
    }

    var document: String {
        var body: [String] = []
        var y = 8.0
        func addLines(_ text: String, _ style: String, size: Double) {
            guard !text.isEmpty else { return }
            let room = Int((width - 2 * Self.edge) / SVG.width(" ", size: size))
            for line in text.split(separator: " ").map(String.init).lines(width: room) {
                y += size + 6
                body.append(SVG.label(line, Self.edge, y, style))
            }
        }
        addLines(chart.title, "title", size: Self.titleSize)
        addLines(chart.subtitle, "quiet", size: Self.fontSize)
        y += Self.lineHeight + 8
        body += legend(y)

        y += 8
        let (labels, labelLines) = referenceLabels(bottom: y)
        body += labels
        y += Double(labelLines) * Self.lineHeight
        let ticks = axis.ticks(atMost: max(Int((right - left) / 60), 2))
        if chart.rows.count > Self.rowsInSight {
            y += Self.lineHeight
            body += ticks.map { SVG.label($0.label, x($0.value), y, "tick") }
        }
        y += 6

        let top = y
        var rows: [String] = []
        for group in chart.groups {
            if let heading = group.heading {
                y += Self.headingHeight
                rows.append(SVG.label(heading, Self.edge, y - 8, "heading"))
            }
            for row in group.rows {
                rows.append(draw(row, y + Self.rowHeight / 2))
                y += Self.rowHeight
            }
        }
        y += 4
        body += ticks.map { SVG.line(x($0.value), top, x($0.value), y, "grid") }
        body.append(SVG.line(left, y, right, y, "axis"))
        body += chart.references.map { SVG.line(x($0.value), top - 4, x($0.value), y, "reference") }
        body += rows
        y += Self.lineHeight
        body += ticks.map { SVG.label($0.label, x($0.value), y, "tick") }
        y += Self.lineHeight + 3
        body.append(SVG.label(chart.axisLabel, (left + right) / 2, y, "tick"))
        y += 14

        return SVG.document(title: chart.title, width: width, height: y, style: SVG.style, body: body)
    }

    private func legend(_ y: Double) -> [String] {
        let rows = chart.rows
        var (elements, x) = ([String](), Self.edge)
        func add(_ text: String, _ marks: (_ x: Double, _ y: Double) -> [String]) {
            elements += marks(x, y - 4) + [SVG.label(text, x + 30, y, "quiet")]
            x += 30 + SVG.width(text) + 16
        }
        add("value") { [SVG.dot($0 + 12, $1)] }
        if rows.contains(where: { $0.interval != nil }) {
            add(chart.intervalLabel) { [SVG.path([($0, $1), ($0 + 24, $1)], "whisker")] }
        }
        if rows.contains(where: { $0.band != nil }) {
            let height = Self.bandHeight / 2
            add(chart.bandLabel) { x, y in
                let corners = [(x, y - height), (x + 24, y - height), (x + 24, y + height), (x, y + height)]
                return [SVG.polygon(corners, "band")]
            }
        }
        if rows.contains(where: { $0.value.isFinite && !axis.isInside($0.value) }) {
            add("beyond the axis") { [arrowhead($0 + 16, $1, pointing: 1)] }
        }
        return elements
    }

    /// - Returns: the labels of the reference lines above the plot, on several lines if they would touch, and the number
    ///   of lines.
    private func referenceLabels(bottom: Double) -> (elements: [String], lines: Int) {
        let centres = chart.references.map { reference in
            let half = SVG.width(reference.label) / 2
            return max(min(x(reference.value), width - Self.edge - half), Self.edge + half)
        }
        let lines = ChartAxis.lines(
            zip(centres, chart.references).map { centre, reference in
                let half = SVG.width(reference.label) / 2 + 4
                return centre - half...centre + half
            }
        )
        let count = (lines.max() ?? -1) + 1
        let elements = chart.references.indices.map { index in
            let y = bottom + Double(count - lines[index]) * Self.lineHeight
            return SVG.label(chart.references[index].label, centres[index], y, "reference-label")
        }
        return (elements, count)
    }

    /// A row centred on `y`. Its text also shows when the pointer rests on it.
    private func draw(_ row: IntervalChart.Row, _ y: Double) -> String {
        let words = [row.label, chart.valueText(row), chart.boundsText(row), row.note].filter { !$0.isEmpty }
        var elements = ["<g><title>\(words.joined(separator: "  ").xml)</title>"]
        elements.append(SVG.line(left, y, right, y, "guide"))
        let text = y + 4
        elements.append(SVG.label(row.label, Self.edge, text))
        if let band = row.band.map(axis.stretch) { elements.append(draw(band, y)) }
        if let interval = row.interval.map(axis.stretch) { elements += draw(whisker: interval, of: row.value, y) }
        if row.value.isFinite {
            switch axis.place(row.value) {
            case .inside: elements.append(SVG.dot(x(row.value), y))
            case .below: elements.append(arrowhead(left, y, pointing: -1))
            case .above: elements.append(arrowhead(right, y, pointing: 1))
            }
        }
        elements.append(SVG.label(chart.valueText(row), values, text, "value"))
        if row.interval != nil { elements.append(SVG.label(chart.boundsText(row), bounds, text, "bounds")) }
        if !row.note.isEmpty { elements.append(SVG.label(row.note, notes, text, "quiet")) }
        return elements.joined() + "</g>"
    }

    /// A bar with a point at each end that is cut off, or only the point if it lies beyond the axis.
    private func draw(_ band: ChartAxis.Stretch, _ y: Double) -> String {
        let (from, to) = (x(share: band.lower), x(share: band.upper))
        var start = from + (band.isCutBelow ? Self.arrow : 0)
        var end = to - (band.isCutAbove ? Self.arrow : 0)
        if band.isCutBelow { end = max(end, start) } else { start = min(start, end) }
        let (top, bottom) = (y - Self.bandHeight / 2, y + Self.bandHeight / 2)
        var corners = [(start, top), (end, top)]
        if band.isCutAbove { corners.append((to, y)) }
        corners += [(end, bottom), (start, bottom)]
        if band.isCutBelow { corners.append((from, y)) }
        return SVG.polygon(corners, "band")
    }

    /// A line with an arrowhead at each end that is cut off, except where the value is cut off too and has an arrow.
    private func draw(whisker: ChartAxis.Stretch, of value: Double, _ y: Double) -> [String] {
        let (from, to) = (x(share: whisker.lower), x(share: whisker.upper))
        func head(_ x: Double, pointing sign: Double) -> String {
            SVG.path([(x - sign * 5, y - 4), (x, y), (x - sign * 5, y + 4)], "whisker")
        }
        var elements = [SVG.path([(from, y), (to, y)], "whisker")]
        if whisker.isCutBelow, axis.place(value) != .below { elements.append(head(from, pointing: -1)) }
        if whisker.isCutAbove, axis.place(value) != .above { elements.append(head(to, pointing: 1)) }
        return elements
    }

    /// A triangle with its point at `x`.
    private func arrowhead(_ x: Double, _ y: Double, pointing sign: Double) -> String {
        SVG.polygon([(x, y), (x - sign * Self.arrow, y - 5), (x - sign * Self.arrow, y + 5)], "dot")
    }

    private func x(_ value: Double) -> Double { x(share: axis.share(value)) }

    private func x(share: Double) -> Double { left + share * (right - left) }
}
