import Foundation

/// A map of layers and heads: the deeper the colour, the farther from zero. Pointing at a cell, or reaching it with the
/// keyboard, shows its figure with the interval.
public struct MapChart: Sendable {
    public let title: String
    /// `[layer][column]`; nil if undefined.
    public let values: [[Double?]]
    /// In the same shape; empty for none.
    public let intervals: [[[Double]?]]
    /// The column names.
    public let columns: [String]
    /// The value of the deepest colour. Maps on one scale can be compared by colour.
    public let scale: Double
    /// The unit after each figure.
    public let unit: String
    /// The decimals of each figure.
    public let decimals: Int
    /// The names of the axes; empty for none.
    public let xLabel, yLabel: String
    /// Whether cells are small and without figures, which their tooltips still tell.
    public let isCompact: Bool

    /// - Parameters:
    ///   - columns: nil for `0`, `1`, …
    ///   - scale: nil for the largest absolute value.
    ///   - intervals: the intervals of the values.
    ///   - values: the values. [rows][columns]
    ///   - unit: the unit of the values.
    ///   - title: the title of the chart.
    ///   - decimals: the number of decimals shown.
    ///   - xLabel: what the columns are; nil for heads if they have no names, else nothing.
    ///   - yLabel: what the rows are.
    ///   - isCompact: whether cells are small and without figures.
    public init(
        title: String,
        values: [[Double?]],
        intervals: [[[Double]?]] = [],
        columns: [String]? = nil,
        scale: Double? = nil,
        unit: String = " %",
        decimals: Int = 1,
        xLabel: String? = nil,
        yLabel: String = "layer",
        isCompact: Bool = false
    ) {
        self.title = title
        self.values = values
        self.intervals = intervals
        self.columns = columns ?? (0..<(values.first?.count ?? 0)).map(String.init)
        self.scale = scale ?? Self.scale(of: [values])
        self.unit = unit
        self.decimals = decimals
        self.xLabel = xLabel ?? (columns == nil ? "head" : "")
        self.yLabel = yLabel
        self.isCompact = isCompact
    }

    /// A scale for several maps.
    public static func scale(of maps: [[[Double?]]]) -> Double {
        let greatest = maps.joined().joined().compactMap { $0 }.filter(\.isFinite).map(abs).max() ?? 0
        return greatest > 0 ? greatest : 1
    }

    private static let left = 58.0
    private static let edge = 16.0

    /// The size of a cell, which its column's name fits.
    private var cell: (width: Double, height: Double) {
        let names = columns.map { SVG.width($0) + 8 }.max() ?? 0
        return isCompact ? (max(16, names), 14) : (max(46, names), 26)
    }

    public var svg: String {
        let (cell, left) = (cell, Self.left)
        let width = max(left + Double(columns.count) * cell.width + Self.edge, 300)
        let heading = SVG.lines(title, Self.edge, 22, "heading", width: width - 2 * Self.edge)
        var body = heading.elements
        var y = 30 + heading.height
        if !xLabel.isEmpty {
            y += 16
            body.append(SVG.label(xLabel, left + Double(columns.count) * cell.width / 2, y, "tick"))
        }
        y += 16
        for (column, name) in columns.enumerated() {
            body.append(SVG.label(name, left + (Double(column) + 0.5) * cell.width, y, "tick"))
        }
        body.append(SVG.label(yLabel, left - 10, y, "end"))
        y += 6
        let top = y
        let tip = top + Double(values.count) * cell.height + 66
        let base = cell.height / 2 + 4
        for (layer, row) in values.enumerated() {
            body.append(SVG.label("\(layer)", left - 10, y + base, "end"))
            for (column, value) in row.enumerated() {
                let x = left + Double(column) * cell.width
                guard let value, value.isFinite else {
                    body.append(SVG.label("·", x + cell.width / 2, y + base, "tick"))
                    continue
                }
                let name = row.count == 1 ? "layer \(layer)" : "\(layer).\(columns[column])"
                let interval = intervals.isEmpty ? nil : intervals[layer][column]
                let bounds = interval.map { "  [\($0[0].fixed(decimals)), \($0[1].fixed(decimals))]" } ?? ""
                let colour = MapColour(share: value / scale)
                var elements = [
                    SVG.rectangle(x, y, cell.width, cell.height, "cell", fill: colour.css, opacity: colour.opacity)
                ]
                if !isCompact {
                    let figure = SVG.label(
                        value.fixed(abs(value) < 99.95 ? decimals : 0), x + cell.width / 2, y + base,
                        "middle \(colour.isDark ? "on-dark" : "on-light")")
                    elements.append("<g class=\"figure\">\(figure)</g>")
                }
                body.append(
                    SVG.telling("\(name): \(value.fixed(decimals))\(unit)\(bounds)", elements, x: Self.edge, y: tip))
            }
            y += cell.height
        }
        let columnsWidth = Double(columns.count) * cell.width
        body.append(SVG.rectangle(left, top, columnsWidth, Double(values.count) * cell.height, "frame"))
        body += colourBar(y + 14)
        return SVG.document(title: title, width: width, height: tip + 12, style: SVG.style, body: body)
    }

    /// What the colours mean.
    private func colourBar(_ y: Double) -> [String] {
        let (count, step) = (21, 10.0)
        let cells = (0..<count).map { index in
            let colour = MapColour(share: Double(index) / Double(count - 1) * 2 - 1)
            let x = Self.left + Double(index) * step
            return SVG.rectangle(x, y, step, 10, "ramp", fill: colour.css, opacity: colour.opacity)
        }
        let length = Double(count) * step
        func text(_ value: Double) -> String { value.fixed(decimals) + (value == 0 ? "" : unit) }
        return cells + [
            SVG.rectangle(Self.left, y, length, 10, "frame"),
            SVG.label(text(-scale), Self.left - 20, y + 25),
            SVG.label(text(0), Self.left + length / 2, y + 25, "middle"),
            SVG.label(text(scale), Self.left + length + 20, y + 25, "end"),
        ]
    }
}

/// A colour from blue (negative) over that of the paper (zero) to red (positive), which the colour-blind can tell apart.
struct MapColour {
    /// From -1 to 1.
    private let share: Double

    init(share: Double) { self.share = min(max(share, -1), 1) }

    /// The ends of ColorBrewer's RdBu.
    private var end: (red: Double, green: Double, blue: Double) { share < 0 ? (33, 102, 172) : (178, 24, 43) }

    var css: String { "rgb(\(Int(end.red)),\(Int(end.green)),\(Int(end.blue)))" }

    /// How much of the paper it covers.
    var opacity: Double { abs(share) }

    /// Whether white text is easier to read on it than black, on white paper (WCAG 2). On dark paper white always is.
    var isDark: Bool {
        let parts = [end.red, end.green, end.blue].map { part in
            let level = (255 + opacity * (part - 255)) / 255
            return level <= 0.04045 ? level / 12.92 : pow((level + 0.055) / 1.055, 2.4)
        }
        let luminance = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
        return 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05
    }
}
