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
        let longestRow = map.values.map(\.count).max() ?? 0
        let names: [String] =
            switch map.columns {
            case .heads: (0..<longestRow).map(String.init)
            case .named(let names): names + (0..<longestRow).dropFirst(names.count).map(String.init)
            case .single: Array(repeating: "", count: longestRow)
            }
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
