import Foundation

/// A map of figures for a terminal, with a row for each layer.
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
    /// `[layer][column]`; nil if not finite.
    public let values: [[Double?]]
    /// What follows a value.
    public let unit: String

    /// - Parameters:
    ///   - values: `[layer][column]`; nil and numbers that are not finite are drawn as "·".
    ///   - title: the title of the chart.
    ///   - columns: the columns of a layer.
    ///   - unit: what follows a value.
    public init(title: String, columns: Columns, values: [[Double?]], unit: String = " %") {
        self.title = title
        self.columns = columns
        self.unit = unit
        self.values = values.map { row in row.map { $0.flatMap { $0.isFinite ? $0 : nil } } }
    }

    /// The map in lines of at most `width` characters; the title may be longer, and so may the legend below 30.
    ///
    /// If the columns do not fit, the values lose their decimals; if they still do not fit, the columns are split into
    /// blocks, one below the other. Where that would be more than a screen, values are whole numbers of a larger unit, which
    /// a line below the map names. Of a map with more layers than a screen shows, the last line has the columns' names again.
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
            if values.count > HeatmapLayout.layersInSight { lines += lines.prefix(columns == .single ? 0 : 1) }
            return lines.map(\.trimmingTrailingSpaces).joined(separator: "\n")
        }
        blocks[0] = title + "\n" + blocks[0]
        if let legend = legend(of: layout, width: width, isColoured: isColoured) {
            blocks[blocks.count - 1] += "\n" + legend
        }
        return blocks.joined(separator: "\n\n")
    }

    /// Whether the map has more cells than can be taken in without a list of the strongest.
    public var isLarge: Bool { values.joined().count > 200 }

    /// The cells farthest from zero, one line each, such as `9.9  +12.3 %  [11.0, 13.5]`.
    ///
    /// - Parameters:
    ///   - count: the number of cells, or all if the map has fewer.
    ///   - ci95: the intervals of the values, in the same shape; nil for none.
    public func strongest(_ count: Int, ci95: [[ClosedRange<Double>?]] = []) -> [String] {
        let lines = order.prefix(max(count, 0)).map { layer, column, value in
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

    /// The cells that have a value, the farthest from zero first.
    var order: [(layer: Int, column: Int, value: Double)] {
        let cells = values.indices.flatMap { layer in
            values[layer].indices.compactMap { column in
                self[layer, column].map { (layer: layer, column: column, value: $0) }
            }
        }
        // Equal values keep the map's order.
        return cells.indices.sorted { (-abs(cells[$0].value), $0) < (-abs(cells[$1].value), $1) }.map { cells[$0] }
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
    fileprivate var scale: Double {
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
        let notes = [
            layout.unit.flatMap { $0 == 1 ? nil : "figures in units of \(Self.short($0))\(unit)" },
            layout.hasZeros ? "\(HeatmapLayout.zero) below \(Self.short((layout.unit ?? 0) / 2))\(unit)" : nil,
            layout.isWhole ? nil : "\(HeatmapLayout.undefined) not defined",
        ].compactMap { $0 }
        let note = notes.isEmpty ? nil : notes.joined(separator: ", ")
        guard isColoured else { return note }
        let (least, most) = (text(of: -scale), text(of: scale, isSigned: true))
        let isWide = least.count + most.count + 4 + 2 * DivergingColours.backgrounds.count <= width
        let ramp = DivergingColours.backgrounds.map { DivergingColours.paint(isWide ? "  " : " ", $0) }.joined()
        let bar = "\(least) \(ramp)\(DivergingColours.reset) \(most)\(unit)"
        let barWidth = least.count + most.count + unit.count + 2 + 2 * DivergingColours.backgrounds.count
        let isBeside = isWide && barWidth + 3 + (note?.count ?? 0) <= width
        return ([bar] + [note].compactMap { $0 }).joined(separator: isBeside ? "   " : "\n")
    }

    /// A unit, with no more decimals than it needs.
    private static func short(_ value: Double) -> String {
        (0...6).map { value.fixed($0) }.first { Double($0) == value } ?? "\(value)"
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
    /// What is written for a value that rounds to zero where decimals have no room: in a map of many zeros, others would
    /// not stand out.
    static let zero = "."
    /// The layers that a terminal shows at once.
    static let layersInSight = 30
    /// The lines of all blocks of a map that a terminal shows at once.
    private static let linesInSight = 40
    private static let corner = "layer"

    /// The columns of each block.
    let groups: [Range<Int>]
    /// Values are whole numbers of it; nil if they have their decimals.
    let unit: Double?
    private let labels: [String]
    private let cells: [[String]]
    /// The width of the longest cell or column name.
    private let textWidth: Int
    /// The spaces around the text of a cell.
    private let gap: Int

    init(_ map: Heatmap, width: Int) {
        let names = map.columnNames
        func cells(_ text: (Double) -> String) -> [[String]] {
            map.values.indices.map { layer in
                names.indices.map { column in map[layer, column].map(text) ?? Self.undefined }
            }
        }
        func longest(_ cells: [[String]]) -> Int { (cells.joined() + names).map(\.count).max() ?? 0 }

        labels = names
        let room = max(width - Self.corner.count, 1)
        let full = cells { map.text(of: $0) }
        let fullWidth = longest(full)
        if let gap = [3, 2, 1].first(where: { (fullWidth + $0) * names.count <= room }) {
            self.cells = full
            (textWidth, self.gap, unit) = (fullWidth, gap, nil)
            groups = [names.indices]
            return
        }
        let forms = Self.units(for: map.scale).map { unit in
            let cells = cells { value in
                let text = (value / unit).fixed(0)
                return text == "0" ? Self.zero : text
            }
            let width = longest(cells)
            let fitting = max(room / (width + 1), 1)
            return (unit: unit, cells: cells, width: width, blocks: (names.count + fitting - 1) / fitting)
        }
        // Coarser figures only where finer ones would be more than a screen, and only if they keep the map whole.
        let isInSight = forms[0].blocks * (map.values.count + 2) <= Self.linesInSight
        let form = isInSight ? forms[0] : forms.first { $0.blocks == 1 } ?? forms[0]
        self.cells = form.cells
        (textWidth, gap, unit) = (form.width, 1, form.unit)
        // Blocks of similar size: if 18 columns fit, 25 become 13 and 12.
        let share = max((names.count + form.blocks - 1) / max(form.blocks, 1), 1)
        groups = stride(from: 0, to: names.count, by: share).map { $0..<min($0 + share, names.count) }
    }

    /// Units in which values up to `scale` are whole numbers: of all their digits or of two, and of one.
    private static func units(for scale: Double) -> [Double] {
        let two = pow(10, log10(scale / 99.5).rounded(.up))
        let power = pow(10, log10(scale / 9.5).rounded(.down))
        let one = [1, 2, 5, 10].map { $0 * power }.first { scale / $0 < 9.5 } ?? 10 * power
        return (two > 1 ? [1, two] : [two]) + [one]
    }

    /// Whether every cell has a value.
    var isWhole: Bool { !cells.joined().contains(Self.undefined) }

    /// Whether there are values that are written as ``zero``.
    var hasZeros: Bool { unit != nil && cells.joined().contains(Self.zero) }

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
