/// A map of layers and heads too small for figures, to be compared with others on one scale. Pointing at a cell shows its
/// figure with the interval.
public struct SmallMap: Chart {
    public let title: String
    /// `[layer][head]`; nil if undefined.
    public let values: [[Double?]]
    /// In the same shape; empty for none.
    public let intervals: [[[Double]?]]
    /// The value of the deepest colour.
    public let scale: Double
    /// The unit after each figure.
    public let unit: String
    /// The decimals of each figure.
    public let decimals: Int

    /// - Parameters:
    ///   - title: a word or two above the map.
    ///   - values: the values. [layers][heads]
    ///   - intervals: the intervals of the values.
    ///   - scale: the value of the deepest colour.
    ///   - unit: the unit of the values.
    ///   - decimals: the number of decimals shown.
    public init(
        title: String,
        values: [[Double?]],
        intervals: [[[Double]?]] = [],
        scale: Double,
        unit: String = " %",
        decimals: Int = 1
    ) {
        (self.title, self.values, self.intervals) = (title, values, intervals)
        (self.scale, self.unit, self.decimals) = (scale, unit, decimals)
    }

    private static let (left, top) = (18.0, 30.0)
    private var columns: Int { values.map(\.count).max() ?? 0 }
    /// The side of a cell. [pixels]
    private var cell: Double { columns <= 8 ? 13.0 : columns <= 12 ? 10.0 : columns <= 16 ? 8.0 : 5.0 }
    /// Whether the map is too wide to be beside another in a narrow panel.
    var isWide: Bool { columns > 16 }
    /// Of the picture. [pixels]
    var width: Double {
        max(Self.left + Double(columns) * cell, Self.left + 1.2 * SVG.width(title)) + 4
    }

    public var svg: String {
        let (columns, cell, left, top) = (columns, cell, Self.left, Self.top)
        let (right, bottom) = (left + Double(columns) * cell, top + Double(values.count) * cell)
        // Every fourth layer and head has its number.
        func isNamed(_ index: Int) -> Bool { index.isMultiple(of: columns <= 8 ? 2 : 4) }
        var body = [SVG.label(title, left, 12, "heading")]
        body += (0..<columns).filter(isNamed).map {
            SVG.label("\($0)", left + (Double($0) + 0.5) * cell, top - 4, "small middle")
        }
        let least = MapColour.faintest(in: values, scale: scale)
        var cells: [String] = []
        if least > 0 {
            let limit = (scale * least).fixed(decimals + 1) + unit
            cells.append(SVG.faintCells(left, top, right - left, bottom - top, limit))
        }
        for (layer, row) in values.enumerated() {
            let y = top + Double(layer) * cell
            if isNamed(layer) { body.append(SVG.label("\(layer)", left - 4, y + cell / 2 + 3.5, "small end")) }
            for (head, value) in row.enumerated() {
                let x = left + Double(head) * cell
                guard let value, value.isFinite, abs(value / scale) >= least else { continue }
                let colour = MapColour(share: value / scale)
                let interval = intervals.isEmpty ? nil : intervals[layer][head]
                let bounds = interval.map { " [\($0[0].fixed(decimals)), \($0[1].fixed(decimals))]" } ?? ""
                cells.append(
                    SVG.cell(
                        x, y, cell, cell, colour, style: "",
                        words: "\(layer).\(head): \(value.fixed(decimals))\(unit)\(bounds)"))
            }
        }
        body += ["<g class=\"marks\">"] + cells + ["</g>"]
        body.append(SVG.rectangle(left, top, right - left, bottom - top, "frame"))
        return SVG.document(
            title: title, width: width, height: bottom + 4, style: SVG.style, body: body)
    }
}
