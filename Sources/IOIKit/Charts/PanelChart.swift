/// Maps side by side, with names on both axes. Maps on one scale share a colour bar and can be compared by colour.
public struct PanelChart: Chart, Sendable {
    /// One map.
    public struct Panel: Sendable {
        public let title: String
        /// [rows][columns]; nil is left empty.
        public let values: [[Double?]]
        /// In the same shape; nil for none.
        public let intervals: [[[Double]?]]?

        public init(title: String, values: [[Double?]], intervals: [[[Double]?]]? = nil) {
            (self.title, self.values, self.intervals) = (title, values, intervals)
        }
    }

    /// What the colours stand for.
    public struct Scale: Equatable, Sendable {
        /// The value of the deepest colour.
        public let limit: Double
        /// Whether there are negative values, which have a colour of their own.
        public let isDiverging: Bool
        /// What is measured.
        public let label: String

        public init(limit: Double, isDiverging: Bool = false, label: String) {
            (self.limit, self.isDiverging, self.label) = (limit > 0 ? limit : 1, isDiverging, label)
        }
    }

    /// Maps on one scale.
    public struct Band: Sendable {
        public let panels: [Panel]
        public let scale: Scale

        public init(_ panels: [Panel], scale: Scale) { (self.panels, self.scale) = (panels, scale) }
    }

    /// Empty for a chart that stands below a title of its own.
    public let title: String
    /// Below the title; empty for none.
    public let subtitle: String
    /// The names of the rows and columns of all maps.
    public let rows, columns: [String]
    /// What rows and columns are.
    public let rowLabel, columnLabel: String
    public let bands: [Band]
    /// The decimals of figures in tooltips.
    public let decimals: Int
    /// The greatest side of a cell. [pixels]
    public let cell: Double

    /// - Parameters:
    ///   - title: the title of the chart.
    ///   - subtitle: the line below it.
    ///   - rows: the names of the rows.
    ///   - columns: the names of the columns.
    ///   - rowLabel: what rows are.
    ///   - columnLabel: what columns are.
    ///   - bands: the maps, all of one shape.
    ///   - decimals: of the figures in tooltips.
    ///   - cell: the greatest side of a cell, in pixels.
    public init(
        title: String,
        subtitle: String = "",
        rows: [String],
        columns: [String],
        rowLabel: String,
        columnLabel: String,
        bands: [Band],
        decimals: Int = 3,
        cell: Double = 28
    ) {
        (self.title, self.subtitle, self.rows, self.columns) = (title, subtitle, rows, columns)
        (self.rowLabel, self.columnLabel, self.bands) = (rowLabel, columnLabel, bands)
        (self.decimals, self.cell) = (decimals, cell)
    }

    /// The width that panels fill before the next one begins a new line. [pixels]
    private static let room = 1340.0
    private static let edge = 16.0
    private static let font = 10.0

    private var side: Double { min(max((420 / Double(max(rows.count, columns.count, 1))).rounded(.down), 3), cell) }
    private var hasFigures: Bool { side >= 17 }
    /// One label for so many rows or columns, so that labels do not overlap.
    private var step: Int { max(Int((11 / side).rounded(.up)), 1) }
    private var rowWidth: Double { 30 + Self.longest(rows) }
    private var columnHeight: Double { 18 + (isUpright ? 14 : Self.longest(columns)) }
    /// Whether column names are written upright: all are short.
    private var isUpright: Bool { Self.longest(columns) + 4 <= side * Double(step) }

    /// Room for a map, for its title and for the label of its colour bar.
    private var panelWidth: Double {
        let titles = bands.flatMap { $0.panels.map { 1.15 * SVG.width($0.title, size: 13) } }
        let labels = bands.map { 1.15 * SVG.width($0.scale.label, size: Self.font) }
        return max(rowWidth + Double(columns.count) * side, (titles + labels).max() ?? 0)
    }

    private static func longest(_ names: [String]) -> Double {
        names.map { SVG.width(short($0), size: font) }.max() ?? 0
    }

    /// A name without the leading space of a token, and without its middle if it is long.
    private static func short(_ name: String) -> String { name.trimmedToken.shortened(to: 16) }

    public var svg: String {
        let panelHeight = 24 + columnHeight + Double(rows.count) * side
        let gap = 28.0
        let fitting = max(Int((Self.room + gap) / (panelWidth + gap)), 1)
        // All bands in one line, if that fits.
        let all = bands.reduce(0) { $0 + $1.panels.count }
        let isOneLine = bands.count > 1 && all <= fitting
        let most = isOneLine ? all : bands.map { min($0.panels.count, fitting) }.max() ?? 1
        let titleWidth = max(SVG.width(title, size: 13), SVG.width(subtitle))
        let width = 2 * Self.edge + max(Double(most) * (panelWidth + gap) - gap, titleWidth, 330)
        var body = title.isEmpty ? [] : [SVG.label(title, Self.edge, 22, "heading")]
        var y = title.isEmpty ? 4.0 : 34.0
        if !subtitle.isEmpty {
            body.append(SVG.label(subtitle, Self.edge, 41, "quiet"))
            y = 54
        }
        guard !isOneLine else {
            var x = Self.edge
            for (index, band) in bands.enumerated() {
                for panel in band.panels {
                    body += draw(panel, band.scale, x: x, y: y)
                    x += panelWidth + gap
                }
                let isLast = !bands.indices.contains(index + 1) || bands[index + 1].scale != band.scale
                let start = x - Double(band.panels.count) * (panelWidth + gap)
                if isLast { body += bar(band.scale, x: start, y: y + panelHeight + 14) }
            }
            return document(body, width: width, height: y + panelHeight + 58)
        }
        for (index, band) in bands.enumerated() {
            for start in stride(from: 0, to: band.panels.count, by: fitting) {
                for (place, panel) in band.panels[start..<min(start + fitting, band.panels.count)].enumerated() {
                    body += draw(panel, band.scale, x: Self.edge + Double(place) * (panelWidth + gap), y: y)
                }
                y += panelHeight + 14
            }
            // Bands on one scale have their bar below the last of them.
            if bands.indices.contains(index + 1), bands[index + 1].scale == band.scale { continue }
            body += bar(band.scale, x: Self.edge, y: y)
            y += 44
        }
        return document(body, width: width, height: y)
    }

    private func document(_ body: [String], width: Double, height: Double) -> String {
        let note = hasFigures ? [SVG.label("figures in cells: hundredths", Self.edge, height + 8, "small quiet")] : []
        return SVG.document(
            title: title.isEmpty ? bands.first?.panels.first?.title ?? "" : title, width: width,
            height: height + (hasFigures ? 16 : 0),
            style: SVG.style, body: body + note)
    }

    private func draw(_ panel: Panel, _ scale: Scale, x: Double, y: Double) -> [String] {
        let (left, top) = (x + rowWidth, y + 24 + columnHeight)
        let (width, height) = (Double(columns.count) * side, Double(rows.count) * side)
        var body = [
            SVG.label(panel.title, x, y + 12, "heading"),
            SVG.label(columnLabel, left, y + 30, "small quiet"),
            Self.turned(rowLabel, x + 8, top + height, "small quiet"),
        ]
        for (index, name) in columns.enumerated() where index.isMultiple(of: step) {
            let middle = left + (Double(index) + 0.5) * side
            body.append(
                isUpright
                    ? SVG.label(Self.short(name), middle, top - 5, "small tick")
                    : Self.turned(Self.short(name), middle + 3.5, top - 4, "small"))
        }
        for (index, name) in rows.enumerated() where index.isMultiple(of: step) {
            body.append(
                SVG.label(Self.short(name), left - 4, top + (Double(index) + 0.5) * side + 3.5, "small end"))
        }
        body += side < 7 ? specks(panel, scale, x: left, y: top) : cells(panel, scale, x: left, y: top)
        body.append(SVG.rectangle(left, top, width, height, "frame"))
        return body
    }

    private func cells(_ panel: Panel, _ scale: Scale, x: Double, y: Double) -> [String] {
        panel.values.enumerated().flatMap { row, values in
            values.enumerated().compactMap { column, value in
                guard let value, value.isFinite else { return nil }
                let words =
                    columnLabel == "head"
                    ? "\(rows[row]).\(columns[column])" : "\(rows[row]) → \(columns[column])"
                return cell(
                    value, panel.intervals?[row][column], scale, words: words,
                    x: x + Double(column) * side, y: y + Double(row) * side)
            }
        }
    }

    /// Many small cells: those of about one colour as one shape, without figures and tooltips.
    private func specks(_ panel: Panel, _ scale: Scale, x: Double, y: Double) -> [String] {
        let levels = 64
        var shapes: [Int: String] = [:]
        for (row, values) in panel.values.enumerated() {
            for (column, value) in values.enumerated() {
                guard let value, value.isFinite else { continue }
                let level = Int((max(min(value / scale.limit, 1), -1) * Double(levels)).rounded())
                guard level != 0 else { continue }
                let (left, top) = (SVG.number(x + Double(column) * side), SVG.number(y + Double(row) * side))
                shapes[level, default: ""] += "M\(left) \(top)h\(Int(side))v\(Int(side))h-\(Int(side))z"
            }
        }
        return shapes.sorted { $0.key < $1.key }.map { level, path in
            let opacity = (Double(abs(level)) / Double(levels)).fixed(3)
            return "<path class=\"\(style(scale, Double(level)))\" fill-opacity=\"\(opacity)\" d=\"\(path)\"/>"
        }
    }

    private func style(_ scale: Scale, _ value: Double) -> String {
        scale.isDiverging ? (value < 0 ? "below" : "above") : "share"
    }

    private func cell(
        _ value: Double, _ interval: [Double]?, _ scale: Scale, words: String, x: Double, y: Double
    ) -> String {
        let share = min(abs(value) / scale.limit, 1)
        let bounds = interval.map { "  [\($0[0].fixed(decimals)), \($0[1].fixed(decimals))]" } ?? ""
        let text = "\(words): \(value.fixed(decimals, isSigned: scale.isDiverging))\(bounds)".xml
        // Too faint to be seen.
        guard share >= 0.004 else { return "" }
        let square =
            "<rect class=\"\(style(scale, value))\" x=\"\(SVG.number(x))\" y=\"\(SVG.number(y))\" width=\"\(SVG.number(side))\" "
            + "height=\"\(SVG.number(side))\" fill-opacity=\"\(share.fixed(3))\"><title>\(text)</title></rect>"
        let colour = MapColour(share: value < 0 ? -share : share, isDiverging: scale.isDiverging)
        // Hundredths, as the colour bar says.
        let figure = (100 * value).fixed(0, isSigned: scale.isDiverging)
        guard hasFigures, figure != "0" else { return square }
        return square
            + SVG.label(
                figure, x + side / 2, y + side / 2 + 3.5, "small middle \(colour.isDark ? "on-dark" : "on-light")")
    }

    /// The colour bar.
    private func bar(_ scale: Scale, x: Double, y: Double) -> [String] {
        let (width, height, steps) = (160.0, 10.0, 32)
        let part = width / Double(steps)
        var body = [SVG.label(scale.label, x, y + 8, "small quiet")]
        for step in 0..<steps {
            let share = (Double(step) + 0.5) / Double(steps)
            let value = scale.isDiverging ? 2 * share - 1 : share
            body.append(
                "<rect class=\"\(style(scale, value))\" "
                    + "x=\"\(SVG.number(x + Double(step) * part))\" y=\"\(SVG.number(y + 14))\" "
                    + "width=\"\(SVG.number(part))\" height=\"\(SVG.number(height))\" "
                    + "fill-opacity=\"\(abs(value).fixed(3))\"/>")
        }
        body.append(SVG.rectangle(x, y + 14, width, height, "frame"))
        let limit = Self.text(scale.limit)
        let ends = scale.isDiverging ? ["−\(limit)", "0", "+\(limit)"] : ["0", limit]
        for (index, end) in ends.enumerated() {
            let place = x + width * Double(index) / Double(ends.count - 1)
            let style = index == 0 ? "" : index == ends.count - 1 ? "end" : "middle"
            body.append(SVG.label(end, place, y + 35, "small \(style)"))
        }
        return body
    }

    /// A number with as many decimals as it needs, three at most.
    private static func text(_ value: Double) -> String {
        (0...3).map { value.fixed($0) }.first { Double($0) == value } ?? value.fixed(3)
    }

    /// Text that is read from below.
    private static func turned(_ text: String, _ x: Double, _ y: Double, _ style: String) -> String {
        "<text class=\"\(style)\" transform=\"translate(\(SVG.number(x)) \(SVG.number(y))) rotate(-90)\">\(text.xml)</text>"
    }
}
