import Foundation
import IOIKit

/// Rows of text in aligned columns.
struct TextTable {
    var header: [String]
    var rows: [[String]] = []
    /// The columns that are aligned left; the others are aligned right.
    var leftColumns: Set<Int> = [0]

    /// The columns that are left out where the terminal is too narrow, in this order. nil for intervals, the last first, and
    /// then all others but the first two, the last first.
    var droppable: [Int]?

    /// The whole table.
    var lines: [String] { lines(width: nil) }

    /// The table in lines of at most `width` characters, as far as that is possible without shortening a number: columns
    /// are left out, which a last line names, and the text of the widest column that is aligned left is wrapped.
    ///
    /// A column of intervals that holds none is not shown.
    ///
    /// - Parameter width: nil for the whole table.
    func lines(width: Int?) -> [String] {
        // Names come from files.
        let all = (header.isEmpty ? rows : [header] + rows).map { $0.map(\.visible) }
        var widths = columns.map { column in all.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0 }
        let present = columns.filter { column in
            !isInterval(column) || rows.contains { $0.indices.contains(column) && !$0[column].isEmpty }
        }
        var shown = present
        let wrapped = leftColumns.filter(columns.contains).max { (widths[$0], $1) < (widths[$1], $0) } ?? -1
        if let width {
            /// The width of the table, in which the wrapped column may be narrow.
            func least() -> Int {
                shown.reduce(2 * (shown.count - 1)) { $0 + ($1 == wrapped ? min(widths[$1], width / 3) : widths[$1]) }
            }
            for column in order(butFor: wrapped) where least() > width { shown.removeAll { $0 == column } }
            let others = shown.reduce(2 * (shown.count - 1)) { $0 + ($1 == wrapped ? 0 : widths[$1]) }
            if shown.contains(wrapped) { widths[wrapped] = min(widths[wrapped], max(width - others, width / 3)) }
        }
        let lines = all.flatMap { row -> [String] in
            var cells = [row]
            if row.indices.contains(wrapped), row[wrapped].count > widths[wrapped] {
                let texts = row[wrapped].wrapped(to: widths[wrapped]).split(separator: "\n")
                cells = texts.enumerated().map { index, text in
                    row.indices.map { $0 == wrapped ? String(text) : index == 0 ? row[$0] : "" }
                }
            }
            return cells.map { line($0, shown, widths) }
        }
        guard let width, shown.count < present.count else { return lines }
        return lines + note(of: present.filter { !shown.contains($0) }).wrapped(to: width).components(separatedBy: "\n")
    }

    private func line(_ row: [String], _ shown: [Int], _ widths: [Int]) -> String {
        shown.filter(row.indices.contains).map { column in
            let padding = String(repeating: " ", count: max(widths[column] - row[column].count, 0))
            return leftColumns.contains(column) ? row[column] + padding : padding + row[column]
        }.joined(separator: "  ").trimmingTrailingSpaces
    }

    /// The columns that may be left out, the first first.
    private func order(butFor wrapped: Int) -> [Int] {
        if let droppable { return droppable }
        let last = columns.dropFirst(2).reversed()
        return (columns.reversed().filter(isInterval) + last.filter { !isInterval($0) }).filter { $0 != wrapped }
    }

    private func isInterval(_ column: Int) -> Bool {
        header.indices.contains(column) && header[column] == "95 % interval"
    }

    /// Names the columns that are left out, those of one name together.
    private func note(of left: [Int]) -> String {
        let names = left.compactMap { header.indices.contains($0) && !header[$0].isEmpty ? header[$0].visible : nil }
        let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
        let each = names.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
            .map { counts[$0]! > 1 ? "\($0) (\(counts[$0]!))" : $0 }
        return "\(left.count) column\(left.count == 1 ? "" : "s") left out for width"
            + (each.isEmpty ? "" : ": " + each.joined(separator: ", ")) + "; --format csv has all"
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
}

/// `value` with `digits` decimals.
func decimal(_ value: Double, _ digits: Int) -> String {
    value.fixed(digits)
}

/// `share` as a percentage with one decimal.
func percent(_ share: Double) -> String { decimal(100 * share, 1) + " %" }
