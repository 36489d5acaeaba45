import Foundation

/// A map of layers and heads: the deeper the colour, the farther from zero. Pointing at a cell shows its figure with the
/// interval. A map of many heads has small cells without figures, and one of many cells lists the strongest below.
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
    /// With more columns than these, figures in cells would make a map wider than a page.
    private static let columnsWithFigures = 16

    /// Whether the cells are large enough for figures.
    private var hasFigures: Bool {
        columns.count <= Self.columnsWithFigures || columns.contains { $0.count > 2 }
    }

    /// The size of a cell, which its column's name fits.
    private var cell: (width: Double, height: Double) {
        guard hasFigures else { return (20, 15) }
        let names = columns.map { SVG.width($0) + 8 }.max() ?? 0
        return (max(46, names), 26)
    }

    /// Rows and columns have a name each, or every so many if cells are small.
    private var step: Int { hasFigures ? 1 : 5 }

    public var svg: String {
        let (cell, left) = (cell, Self.left)
        let columnsWidth = Double(columns.count) * cell.width
        let width = max(left + columnsWidth + Self.edge, 300)
        let heading = SVG.lines(title, Self.edge, 22, "heading", width: width - 2 * Self.edge)
        var body = heading.elements
        var y = 30 + heading.height
        if !xLabel.isEmpty {
            y += 16
            body.append(SVG.label(xLabel, left + columnsWidth / 2, y, "tick"))
        }
        y += 16
        for (column, name) in columns.enumerated() where column.isMultiple(of: step) {
            body.append(SVG.label(name, left + (Double(column) + 0.5) * cell.width, y, "tick"))
        }
        body.append(SVG.label(yLabel, left - 10, y, "end"))
        y += 6
        let top = y
        let base = cell.height / 2 + 4
        let height = Double(values.count) * cell.height
        let least = hasFigures ? 0 : MapColour.faintest(in: values, scale: scale)
        var cells: [String] = []
        if least > 0, hasTips {
            cells.append(
                SVG.faintCells(left, top, columnsWidth, height, (scale * least).fixed(decimals + 1) + unit))
        }
        for (layer, row) in values.enumerated() {
            if layer.isMultiple(of: step) { body.append(SVG.label("\(layer)", left - 10, y + base, "end")) }
            for (column, value) in row.enumerated() {
                let x = left + Double(column) * cell.width
                guard let value, value.isFinite else {
                    cells.append(SVG.label("·", x + cell.width / 2, y + base, "tick"))
                    continue
                }
                guard abs(value / scale) >= least else { continue }
                cells.append(draw(value, layer, column, x, y, cell, base))
            }
            y += cell.height
        }
        body += ["<g class=\"cells\(hasFigures || !hasTips ? "" : " marks")\">"] + cells + ["</g>"]
        if !hasFigures {
            // Names are read off along these.
            body += stride(from: step, to: values.count, by: step).map {
                let y = top + Double($0) * cell.height
                return SVG.line(left, y, left + columnsWidth, y, "guide")
            }
            body += stride(from: step, to: columns.count, by: step).map {
                let x = left + Double($0) * cell.width
                return SVG.line(x, top, x, top + height, "guide")
            }
        }
        body.append(SVG.rectangle(left, top, columnsWidth, height, "frame"))
        func text(_ value: Double) -> String { value.fixed(decimals) + (value == 0 ? "" : unit) }
        body += MapColour.bar(x: left, y: y + 14, texts: [-scale, 0, scale].map(text))
        y += 48
        let list = strongest
        if !list.isEmpty {
            y += 12
            body.append(SVG.label("strongest\(intervals.isEmpty ? "" : ", with 95 % intervals")", left, y, "heading"))
            let perColumn = (list.count + 1) / 2
            for (index, line) in list.enumerated() {
                let (column, row) = index.quotientAndRemainder(dividingBy: perColumn)
                let x = left + Double(column) * (width - left - Self.edge) / 2
                let line = [
                    SVG.label(line.name, x, y + 18 * Double(row + 1)),
                    SVG.label(line.text, x + 44, y + 18 * Double(row + 1)),
                ]
                body += line
            }
            y += 18 * Double(perColumn) + 12
        }
        return SVG.document(title: title, width: width, height: y, style: SVG.style, body: body)
    }

    /// A cell, which tells its figure.
    private func draw(
        _ value: Double, _ layer: Int, _ column: Int, _ x: Double, _ y: Double,
        _ cell: (width: Double, height: Double), _ base: Double
    ) -> String {
        let colour = MapColour(share: value / scale)
        let words = hasTips ? "\(name(layer, column)): \(figure(value, layer, column))" : nil
        guard hasFigures else { return SVG.cell(x, y, cell.width, cell.height, colour, words: words) }
        let elements = [
            SVG.cell(x, y, cell.width, cell.height, colour),
            SVG.label(
                value.fixed(abs(value) < 99.95 ? decimals : 0), x + cell.width / 2, y + base,
                colour.isDark ? "on-dark" : nil),
        ]
        return words.map { SVG.mark($0, elements) } ?? elements.joined()
    }

    private func name(_ layer: Int, _ column: Int) -> String {
        values[layer].count == 1 ? "layer \(layer)" : "\(layer).\(columns[column])"
    }

    /// A cell's figure with its interval.
    private func figure(_ value: Double, _ layer: Int, _ column: Int) -> String {
        let bounds = (intervals.isEmpty ? nil : intervals[layer][column]).map {
            "  [\($0[0].fixed(decimals)), \($0[1].fixed(decimals))]"
        }
        return value.fixed(decimals) + unit + (bounds ?? "")
    }

    /// The ten cells farthest from zero; empty for a map that can be taken in without.
    private var strongest: [(name: String, text: String)] {
        let map = Heatmap(title: "", columns: .named(columns), values: values)
        guard map.isLarge else { return [] }
        return map.order.prefix(10).map { layer, column, value in
            (name(layer, column), figure(value, layer, column))
        }
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

    /// The share of the deepest colour below which cells of a map are left out; 0 for a map of few cells.
    static func faintest(in values: [[Double?]], scale: Double) -> Double {
        // Fewer faint cells than these take hardly more room than what stands for them.
        values.joined().count { abs(($0 ?? scale) / scale) < 0.02 } > 200 ? 0.02 : 0
    }

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
