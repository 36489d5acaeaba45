import Foundation

/// Rows of text in aligned columns.
struct TextTable {
    var header: [String]
    var rows: [[String]] = []
    /// The columns that are aligned left; the others are aligned right.
    var leftColumns: Set<Int> = [0]

    var lines: [String] {
        // Names come from files.
        let all = (header.isEmpty ? rows : [header] + rows).map { $0.map(\.visible) }
        let widths = (0..<(all.map(\.count).max() ?? 0)).map { column in
            all.map { $0.indices.contains(column) ? $0[column].count : 0 }.max()!
        }
        return all.map { row in
            zip(row, widths).enumerated().map { column, cell in
                let padding = String(repeating: " ", count: cell.1 - cell.0.count)
                return leftColumns.contains(column) ? cell.0 + padding : padding + cell.0
            }.joined(separator: "  ").trimmingTrailingSpaces
        }
    }
}

extension String {
    fileprivate var trimmingTrailingSpaces: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}

/// `value` with `digits` decimals.
func decimal(_ value: Double, _ digits: Int) -> String {
    value.fixed(digits)
}

/// `share` as a percentage with one decimal.
func percent(_ share: Double) -> String { decimal(100 * share, 1) + " %" }
