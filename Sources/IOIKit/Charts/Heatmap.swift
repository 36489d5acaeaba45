/// A map of percentages for a terminal, a row for each layer.
public struct Heatmap: Equatable, Sendable {
    /// What the columns of a map are.
    public enum Columns: Equatable, Sendable {
        /// The heads of a layer, from 0.
        case heads
        /// Things with a name, such as positions.
        case named([String])
        /// A single column, which needs no name: a map of MLPs.
        case single
    }

    /// What the map shows, for the line above it.
    public let title: String
    public let columns: Columns
    /// Percent, `[layer][column]`; nil where there is no finite number.
    public let values: [[Double?]]

    /// - Parameter values: percent, `[layer][column]`; nil and numbers that are not finite are drawn as "·".
    public init(title: String, columns: Columns, values: [[Double?]]) {
        self.title = title
        self.columns = columns
        self.values = values.map { row in row.map { $0.flatMap { $0.isFinite ? $0 : nil } } }
    }

    /// The map in lines of at most `width` characters; the title and the legend may be longer.
    ///
    /// Where the columns do not fit, the values lose their decimals; where that is not enough, groups of columns stand
    /// one below the other.
    ///
    /// - Parameter isColoured: draws the values on backgrounds from blue (negative) over white to red (positive), by
    ///   the ANSI escape sequences for 256 colours.
    public func text(width: Int, isColoured: Bool) -> String {
        let layout = HeatmapLayout(self, width: width)
        var blocks = layout.groups.map { group in
            var lines = columns == .single ? [] : [layout.header(group)]
            lines += values.indices.map { layer in
                layout.line(layer, group) { cell, column in
                    guard isColoured else { return cell }
                    guard let value = self[layer, column] else { return DivergingColours.reset + cell }
                    return DivergingColours.paint(cell, DivergingColours.background(value / scale))
                } + (isColoured ? DivergingColours.reset : "")
            }
            return lines.map(\.trimmingTrailingSpaces).joined(separator: "\n")
        }
        blocks[0] = title + "\n" + blocks[0]
        if let legend = legend(of: layout, isColoured: isColoured) { blocks[blocks.count - 1] += "\n" + legend }
        return blocks.joined(separator: "\n\n")
    }

    /// The cells that are farthest from zero, a line each, such as `9.9  +12.3 %  [11.0, 13.5]`.
    ///
    /// - Parameters:
    ///   - count: how many, where the map has as many.
    ///   - ci95: the values' intervals, in the same form; a cell without one has none in its line.
    public func strongest(_ count: Int, ci95: [[ClosedRange<Double>?]] = []) -> [String] {
        let cells = values.indices.flatMap { layer in
            values[layer].indices.compactMap { column in
                self[layer, column].map { (layer: layer, column: column, value: $0) }
            }
        }
        // Equal values stay in the map's order.
        let order = cells.indices.sorted { (-abs(cells[$0].value), $0) < (-abs(cells[$1].value), $1) }
        let lines = order.prefix(max(count, 0)).map { index in
            let (layer, column, value) = cells[index]
            let intervals = ci95.indices.contains(layer) ? ci95[layer] : []
            let bounds = (intervals.indices.contains(column) ? intervals[column] : nil).map { interval in
                "  [\(text(of: interval.lowerBound)), \(text(of: interval.upperBound))]"
            }
            return (name: name(layer, column), value: text(of: value, isSigned: true), bounds: bounds ?? "")
        }
        let nameWidth = lines.map(\.name.count).max() ?? 0
        let valueWidth = lines.map(\.value.count).max() ?? 0
        return lines.map { line in
            line.name.aligned(left: nameWidth) + "  "
                + line.value.aligned(right: valueWidth) + " %" + line.bounds
        }
    }

    /// nil beyond the end of a row that is shorter than the others, too.
    subscript(layer: Int, column: Int) -> Double? {
        values[layer].indices.contains(column) ? values[layer][column] : nil
    }

    /// A value as the map shows it.
    /// - Parameter decimals: ``decimals`` where it is nil.
    func text(of value: Double, decimals: Int? = nil, isSigned: Bool = false) -> String {
        value.fixed(decimals ?? self.decimals, isSigned: isSigned)
    }

    /// The value of the strongest colour. A map of less than a hundredth of a percent is rounding, and is not to look
    /// like an effect.
    private var scale: Double {
        max(values.joined().compactMap { $0.map(abs) }.max() ?? 0, 0.01)
    }

    /// As many as show about three figures of the largest value.
    private var decimals: Int {
        switch scale {
        case 1000...: 0
        case 1...: 1
        case 0.1...: 2
        default: 3
        }
    }

    private func name(_ layer: Int, _ column: Int) -> String {
        switch columns {
        case .heads: Head(layer, column).description
        case .named(let names): "\(layer)@" + (names.indices.contains(column) ? names[column] : "\(column)")
        case .single: "layer \(layer)"
        }
    }

    private func legend(of layout: HeatmapLayout, isColoured: Bool) -> String? {
        let dot = layout.isWhole ? nil : "\(HeatmapLayout.undefined) not defined"
        guard isColoured else { return dot }
        let ramp = DivergingColours.backgrounds.map { DivergingColours.paint("  ", $0) }.joined()
        let bar = "\(text(of: -scale)) \(ramp)\(DivergingColours.reset) \(text(of: scale, isSigned: true)) %"
        return ([bar] + [dot].compactMap { $0 }).joined(separator: "   ")
    }
}
