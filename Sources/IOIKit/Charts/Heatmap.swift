import Foundation

/// A map of percentages for a terminal, with a row for each layer.
public struct Heatmap: Equatable, Sendable {
    /// The kind of columns.
    public enum Columns: Equatable, Sendable {
        /// The heads of a layer, from 0.
        case heads
        /// Columns with names, such as positions.
        case named([String])
        /// A single column without a name, for a map of MLPs.
        case single
    }

    /// The line above the map.
    public let title: String
    public let columns: Columns
    /// In per cent, `[layer][column]`; nil if not finite.
    public let values: [[Double?]]

    /// - Parameters:
    ///   - values: in per cent, `[layer][column]`; nil and numbers that are not finite are drawn as "·".
    ///   - title: the title of the chart.
    ///   - columns: the columns of a layer.
    public init(title: String, columns: Columns, values: [[Double?]]) {
        self.title = title
        self.columns = columns
        self.values = values.map { row in row.map { $0.flatMap { $0.isFinite ? $0 : nil } } }
    }

    /// The map in lines of at most `width` characters; the title may be longer, and so may the legend below 30.
    ///
    /// If the columns do not fit, the values lose their decimals; if they still do not fit, the columns are split into
    /// blocks, one below the other.
    ///
    /// - Parameters:
    ///   - isColoured: draws the values on backgrounds from blue (negative) through white to red (positive), with
    ///     ANSI escape sequences for 256 colours.
    ///   - width: the width of a line, in characters.
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
        if let legend = legend(of: layout, width: width, isColoured: isColoured) {
            blocks[blocks.count - 1] += "\n" + legend
        }
        return blocks.joined(separator: "\n\n")
    }

    /// The cells farthest from zero, one line each, such as `9.9  +12.3 %  [11.0, 13.5]`.
    ///
    /// - Parameters:
    ///   - count: the number of cells, or all if the map has fewer.
    ///   - ci95: the intervals of the values, in the same shape; nil for none.
    ///   - unit: what follows a value.
    public func strongest(_ count: Int, unit: String = " %", ci95: [[ClosedRange<Double>?]] = []) -> [String] {
        let cells = values.indices.flatMap { layer in
            values[layer].indices.compactMap { column in
                self[layer, column].map { (layer: layer, column: column, value: $0) }
            }
        }
        // Equal values keep the map's order.
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
                + line.value.aligned(right: valueWidth) + unit + line.bounds
        }
    }

    /// The names of the columns.
    public var columnNames: [String] {
        let count = values.map(\.count).max() ?? 0
        return switch columns {
        case .heads: (0..<count).map(String.init)
        case .named(let names): names + (0..<count).dropFirst(names.count).map(String.init)
        case .single: Array(repeating: "", count: count)
        }
    }

    /// The values of a layer as the map shows them, where they have room.
    public func texts(layer: Int) -> [String] {
        columnNames.indices.map { self[layer, $0].map { text(of: $0) } ?? HeatmapLayout.undefined }
    }

    /// Also nil beyond the end of a short row.
    subscript(layer: Int, column: Int) -> Double? {
        values[layer].indices.contains(column) ? values[layer][column] : nil
    }

    /// A value as the map shows it.
    ///
    /// - Parameter decimals: nil for ``decimals``.
    func text(of value: Double, decimals: Int? = nil, isSigned: Bool = false) -> String {
        value.fixed(decimals ?? self.decimals, isSigned: isSigned)
    }

    /// The value of the strongest colour. Values below a hundredth of a per cent are rounding and should not look like an
    /// effect.
    private var scale: Double {
        max(values.joined().compactMap { $0.map(abs) }.max() ?? 0, 0.01)
    }

    /// Enough for about three digits of the largest value.
    package var decimals: Int {
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

    private func legend(of layout: HeatmapLayout, width: Int, isColoured: Bool) -> String? {
        let dot = layout.isWhole ? nil : "\(HeatmapLayout.undefined) not defined"
        guard isColoured else { return dot }
        let (least, most) = (text(of: -scale), text(of: scale, isSigned: true))
        let isWide = least.count + most.count + 4 + 2 * DivergingColours.backgrounds.count <= width
        let ramp = DivergingColours.backgrounds.map { DivergingColours.paint(isWide ? "  " : " ", $0) }.joined()
        let bar = "\(least) \(ramp)\(DivergingColours.reset) \(most) %"
        return ([bar] + [dot].compactMap { $0 }).joined(separator: isWide ? "   " : "\n")
    }
}

/// A scale from blue (negative) through white (zero) to red (positive) among the 256 colours of terminals. Text on it is
/// black or white, whichever is easier to read, so that nothing depends on the terminal's own colours.
enum DivergingColours {
    /// xterm's colour numbers; those from 16 form a cube of 6 × 6 × 6.
    static let backgrounds = [18, 25, 26, 69, 111, 153, 189, 231, 224, 217, 210, 203, 160, 124, 88]

    private static let black = 16
    private static let white = 231

    /// - Parameter share: from -1 to 1.
    static func background(_ share: Double) -> Int {
        let middle = backgrounds.count / 2
        return backgrounds[middle + Int((min(max(share, -1), 1) * Double(middle)).rounded())]
    }

    static func foreground(on background: Int) -> Int {
        luminance(background) > 0.18 ? black : white
    }

    /// The relative luminance (WCAG 2) of a colour of the cube, from 0 to 1.
    static func luminance(_ colour: Int) -> Double {
        let levels = [0.0, 95, 135, 175, 215, 255].map { level in
            let share = level / 255
            return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
        }
        let index = colour - 16
        return 0.2126 * levels[index / 36] + 0.7152 * levels[index / 6 % 6] + 0.0722 * levels[index % 6]
    }

    /// Text on a background. The colours stay until ``reset``.
    static func paint(_ text: String, _ background: Int) -> String {
        "\u{1B}[38;5;\(foreground(on: background));48;5;\(background)m\(text)"
    }

    static let reset = "\u{1B}[0m"
}

/// The columns that a ``Heatmap`` shows side by side, and the text of its cells.
struct HeatmapLayout {
    static let undefined = "·"
    private static let corner = "layer"

    /// The columns of each block.
    let groups: [Range<Int>]
    private let labels: [String]
    private let cells: [[String]]
    /// The width of the longest cell or column name.
    private let textWidth: Int
    /// The spaces around the text of a cell.
    private let gap: Int

    init(_ map: Heatmap, width: Int) {
        let names = map.columnNames
        func cells(decimals: Int?) -> [[String]] {
            map.values.indices.map { layer in
                names.indices.map { column in
                    map[layer, column].map { map.text(of: $0, decimals: decimals) } ?? Self.undefined
                }
            }
        }
        func longest(_ cells: [[String]]) -> Int { (cells.joined() + names).map(\.count).max() ?? 0 }

        labels = names
        let room = max(width - Self.corner.count, 1)
        let full = cells(decimals: nil)
        let fullWidth = longest(full)
        if let gap = [3, 2, 1].first(where: { (fullWidth + $0) * names.count <= room }) {
            self.cells = full
            textWidth = fullWidth
            self.gap = gap
            groups = [names.indices]
        } else {
            self.cells = cells(decimals: 0)
            textWidth = longest(self.cells)
            gap = 1
            // Blocks of similar size: if 18 columns fit, 25 become 13 and 12.
            let fitting = max(room / (textWidth + gap), 1)
            let blocks = (names.count + fitting - 1) / fitting
            let share = (names.count + blocks - 1) / blocks
            groups = stride(from: 0, to: names.count, by: share).map { $0..<min($0 + share, names.count) }
        }
    }

    /// Whether every cell has a value.
    var isWhole: Bool { !cells.joined().contains(Self.undefined) }

    /// The column names of a block.
    func header(_ group: Range<Int>) -> String {
        Self.corner + group.map { cell(labels[$0]) }.joined()
    }

    /// A layer's line in a block.
    ///
    /// - Parameter draw: turns a padded cell and its column into the text to print.
    func line(_ layer: Int, _ group: Range<Int>, draw: (String, Int) -> String) -> String {
        "\(layer)".aligned(right: Self.corner.count - 1) + " " + group.map { draw(cell(cells[layer][$0]), $0) }.joined()
    }

    private func cell(_ text: String) -> String {
        text.aligned(right: textWidth + gap - gap / 2) + String(repeating: " ", count: gap / 2)
    }
}
