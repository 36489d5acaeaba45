import Foundation

/// A map of layers and heads: the deeper the colour, the farther from zero. Pointing at a cell shows its figure with the
/// interval.
public struct MapChart: Sendable {
    public let title: String
    /// `[layer][column]`; nil if undefined.
    public let values: [[Double?]]
    /// In the same shape; empty for none, and nil for one without width, as that of a single prompt is.
    public let intervals: [[[Double]?]]
    /// The column names.
    public let columns: [String]
    /// The value of the deepest colour. Maps on one scale can be compared by colour.
    public let scale: Double
    /// The unit after each figure.
    public let unit: String
    /// The decimals of each figure.
    public let decimals: Int
    /// Whether cells tell their figures when they are pointed at.
    public let hasTips: Bool
    /// The names of the axes; empty for none.
    public let xLabel, yLabel: String

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
    ///   - hasTips: whether cells tell their figures when they are pointed at.
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
        hasTips: Bool = true
    ) {
        self.title = title
        self.values = values
        self.intervals = intervals.map { $0.map(\.informativeBounds) }
        self.columns = columns ?? (0..<(values.first?.count ?? 0)).map(String.init)
        self.scale = scale ?? Self.scale(of: [values])
        self.unit = unit
        self.decimals = decimals
        self.xLabel = xLabel ?? (columns == nil ? "head" : "")
        self.yLabel = yLabel
        self.hasTips = hasTips
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
        return (max(46, names), 26)
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
        let base = cell.height / 2 + 4
        var cells: [String] = []
        for (layer, row) in values.enumerated() {
            body.append(SVG.label("\(layer)", left - 10, y + base, "end"))
            for (column, value) in row.enumerated() {
                let x = left + Double(column) * cell.width
                guard let value, value.isFinite else {
                    cells.append(SVG.label("·", x + cell.width / 2, y + base, "tick"))
                    continue
                }
                let name = row.count == 1 ? "layer \(layer)" : "\(layer).\(columns[column])"
                let interval = intervals.isEmpty ? nil : intervals[layer][column]
                let bounds = interval.map { "  [\($0[0].fixed(decimals)), \($0[1].fixed(decimals))]" } ?? ""
                let colour = MapColour(share: value / scale)
                let elements = [
                    SVG.cell(x, y, cell.width, cell.height, colour),
                    SVG.label(
                        value.fixed(abs(value) < 99.95 ? decimals : 0), x + cell.width / 2, y + base,
                        colour.isDark ? "on-dark" : nil),
                ]
                cells.append(
                    hasTips
                        ? SVG.mark("\(name): \(value.fixed(decimals))\(unit)\(bounds)", elements) : elements.joined())
            }
            y += cell.height
        }
        body += ["<g class=\"cells\">"] + cells + ["</g>"]
        let columnsWidth = Double(columns.count) * cell.width
        body.append(SVG.rectangle(left, top, columnsWidth, Double(values.count) * cell.height, "frame"))
        func text(_ value: Double) -> String { value.fixed(decimals) + (value == 0 ? "" : unit) }
        body += MapColour.bar(x: left, y: y + 14, texts: [-scale, 0, scale].map(text))
        return SVG.document(title: title, width: width, height: y + 48, style: SVG.style, body: body)
    }
}

/// A colour from blue (negative) over that of the paper (zero) to red (positive), which the colour-blind can tell apart.
struct MapColour {
    /// From -1 to 1.
    private let share: Double

    private let isDiverging: Bool

    /// - Parameter isDiverging: whether there are negative shares; if not, all are blue.
    init(share: Double, isDiverging: Bool = true) {
        self.share = min(max(share, -1), 1)
        self.isDiverging = isDiverging
    }

    /// The ends of ColorBrewer's RdBu, or another blue.
    private var end: (red: Double, green: Double, blue: Double) {
        isDiverging ? share < 0 ? (33, 102, 172) : (178, 24, 43) : (10, 91, 196)
    }

    /// A bar of all colours.
    ///
    /// - Parameter texts: below its left end, its middle and its right end.
    static func bar(x: Double, y: Double, texts: [String]) -> [String] {
        let (count, step) = (21, 10.0)
        let cells = (0..<count).map { index in
            let colour = MapColour(share: Double(index) / Double(count - 1) * 2 - 1)
            return SVG.cell(x + Double(index) * step, y, step, 10, colour)
        }
        return cells + [
            SVG.rectangle(x, y, barLength, 10, "frame"), SVG.label(texts[0], x - 20, y + 25),
            SVG.label(texts[1], x + barLength / 2, y + 25, "middle"),
            SVG.label(texts[2], x + barLength + 20, y + 25, "end"),
        ]
    }

    static let barLength = 210.0

    /// The style that fills with the colour: ``css``.
    var style: String { isDiverging ? share < 0 ? "below" : "above" : "share" }

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
