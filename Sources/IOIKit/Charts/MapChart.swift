/// A map of layers and heads: the deeper the colour, the farther from zero. Pointing at a cell, or reaching it with the
/// keyboard, shows its figure with the interval.
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

    /// - Parameters:
    ///   - columns: nil for `0`, `1`, …
    ///   - scale: nil for the largest absolute value.
    ///   - intervals: the intervals of the values.
    ///   - values: the values. [rows][columns]
    ///   - unit: the unit of the values.
    ///   - title: the title of the chart.
    ///   - decimals: the number of decimals shown.
    public init(
        title: String,
        values: [[Double?]],
        intervals: [[[Double]?]] = [],
        columns: [String]? = nil,
        scale: Double? = nil,
        unit: String = " %",
        decimals: Int = 1
    ) {
        self.title = title
        self.values = values
        self.intervals = intervals.map { $0.map(\.informativeBounds) }
        self.columns = columns ?? (0..<(values.first?.count ?? 0)).map(String.init)
        self.scale = scale ?? Self.scale(of: [values])
        self.unit = unit
        self.decimals = decimals
    }

    /// A scale for several maps.
    public static func scale(of maps: [[[Double?]]]) -> Double {
        let greatest = maps.joined().joined().compactMap { $0 }.filter(\.isFinite).map(abs).max() ?? 0
        return greatest > 0 ? greatest : 1
    }

    private static let cell = (width: 46.0, height: 26.0)
    private static let left = 58.0
    private static let edge = 16.0

    public var svg: String {
        let (cell, left) = (Self.cell, Self.left)
        let width = max(left + Double(columns.count) * cell.width + Self.edge, 300)
        var y = 30.0
        var body = [SVG.label(title, Self.edge, y - 8, "heading")]
        y += 16
        for (column, name) in columns.enumerated() {
            body.append(SVG.label(name, left + (Double(column) + 0.5) * cell.width, y, "tick"))
        }
        y += 6
        let bottom = y + Double(values.count) * cell.height + 20
        for (layer, row) in values.enumerated() {
            body.append(SVG.label("\(layer)", left - 10, y + cell.height * 0.66, "end"))
            for (column, value) in row.enumerated() {
                let x = left + Double(column) * cell.width
                let name = row.count == 1 ? "layer \(layer)" : "\(layer).\(columns[column])"
                guard let value, value.isFinite else {
                    body.append(SVG.label("·", x + cell.width / 2, y + cell.height * 0.66, "tick"))
                    continue
                }
                let colour = MapColour(share: value / scale)
                let interval = intervals.isEmpty ? nil : intervals[layer][column]
                let bounds = interval.map { "  [\($0[0].fixed(decimals)), \($0[1].fixed(decimals))]" } ?? ""
                body.append(
                    SVG.telling(
                        "\(name): \(value.fixed(decimals))\(unit)\(bounds)",
                        [
                            SVG.rectangle(x, y, cell.width, cell.height, "cell", fill: colour.css),
                            "<g class=\"figure\">"
                                + SVG.label(
                                    value.fixed(abs(value) < 99.95 ? decimals : 0), x + cell.width / 2,
                                    y + cell.height * 0.66,
                                    "middle \(colour.isDark ? "on-dark" : "on-light")"
                                ) + "</g>",
                        ],
                        x: left, y: bottom
                    )
                )
            }
            y += cell.height
        }
        return SVG.document(title: title, width: width, height: bottom + 12, style: SVG.style, body: body)
    }
}

/// A colour from blue (negative) through white (zero) to red (positive), which the colour-blind can tell apart.
struct MapColour {
    private let red, green, blue: Double

    /// - Parameter share: from -1 to 1.
    init(share: Double) {
        let share = min(max(share, -1), 1)
        // The ends and the middle tones of ColorBrewer's RdBu.
        let stops: [(Double, Double, Double)] =
            share < 0
            ? [(247, 247, 247), (103, 169, 207), (33, 102, 172)] : [(247, 247, 247), (239, 138, 98), (178, 24, 43)]
        let place = abs(share) * 2
        let (from, to) = place < 1 ? (stops[0], stops[1]) : (stops[1], stops[2])
        let part = place < 1 ? place : place - 1
        red = from.0 + part * (to.0 - from.0)
        green = from.1 + part * (to.1 - from.1)
        blue = from.2 + part * (to.2 - from.2)
    }

    var css: String { "rgb(\(Int(red.rounded())),\(Int(green.rounded())),\(Int(blue.rounded())))" }

    /// Whether white text is easier to read on it than black.
    var isDark: Bool { 0.299 * red + 0.587 * green + 0.114 * blue < 140 }
}
