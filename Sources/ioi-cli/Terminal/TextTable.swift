import Foundation
import IOIKit

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

    /// A table that GitHub and pandoc read.
    var markdown: String {
        func line(_ cells: [String]) -> String {
            "| " + cells.map { $0.visible.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
        }
        let rule = columns.map { leftColumns.contains($0) ? ":--" : "--:" }
        return line(whole(header)) + line(rule) + rows.map { line(whole($0)) }.joined()
    }

    /// A table in LaTeX, with the rules of the package booktabs.
    var latex: String {
        func line(_ cells: [String]) -> String { cells.map(\.latex).joined(separator: " & ") + " \\\\\n" }
        let form = columns.map { leftColumns.contains($0) ? "l" : "r" }.joined()
        return "\\begin{tabular}{\(form)}\n\\toprule\n" + (header.isEmpty ? "" : line(whole(header)) + "\\midrule\n")
            + rows.map { line(whole($0)) }.joined() + "\\bottomrule\n\\end{tabular}\n"
    }

    private var columns: Range<Int> { 0..<((rows + [header]).map(\.count).max() ?? 0) }

    /// A row with as many cells as the table has columns.
    private func whole(_ row: [String]) -> [String] {
        row + Array(repeating: "", count: columns.count - row.count)
    }
}

extension TextTable {
    /// A map as a table with a row for each layer.
    init(_ map: Heatmap) {
        self.init(header: ["layer"] + map.columnNames)
        rows = map.values.indices.map { layer in ["\(layer)"] + map.texts(layer: layer) }
        leftColumns = []
    }
}

extension String {
    /// The text with LaTeX's special characters and the symbols of tables in commands.
    fileprivate var latex: String {
        let commands: [Character: String] = [
            "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#", "_": "\\_", "{": "\\{", "}": "\\}",
            "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "\\": "\\textbackslash{}", "−": "$-$",
            "→": "$\\rightarrow$", "·": "$\\cdot$", "ρ": "$\\rho$", "Δ": "$\\Delta$", "Σ": "$\\Sigma$",
            "λ": "$\\lambda$", "‖": "$\\Vert$", "β": "$\\beta$", "≤": "$\\le$", "≥": "$\\ge$", "∖": "$\\setminus$",
            "–": "--", "<": "$<$", ">": "$>$", "|": "$|$",
        ]
        return visible.map { commands[$0] ?? String($0) }.joined()
    }

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
