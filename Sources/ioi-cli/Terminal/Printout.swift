import IOIKit

/// What a command prints for people, in parts from top to bottom.
struct Printout {
    enum Part {
        case lines([String])
        case table(TextTable)
        case map(Heatmap)
        case chart(IntervalChart)
    }

    var parts: [Part]

    init(_ parts: [Part] = []) { self.parts = parts }

    init(_ text: String) { parts = [.lines([text])] }

    /// Blocks of parts with an empty line between them.
    init(blocks: [[Part]]) {
        parts = Array(blocks.filter { !$0.isEmpty }.joined(separator: [.lines([""])]))
    }

    /// The parts as plain text, one below the other.
    ///
    /// - Parameters:
    ///   - width: of the terminal, in characters.
    ///   - isColoured: draws maps and charts in colour.
    func text(width: Int = Terminal.outputWidth, isColoured: Bool = Terminal.isColoured) -> String {
        parts.map { part in
            switch part {
            case .lines(let lines): lines.joined(separator: "\n")
            case .table(let table): table.lines.joined(separator: "\n")
            case .map(let map): map.text(width: width, isColoured: isColoured)
            case .chart(let chart): chart.text(width: width, isColoured: isColoured)
            }
        }.joined(separator: "\n")
    }

    /// The tables among the parts, a map as one of layers and columns.
    var tables: [TextTable] {
        parts.compactMap { part in
            switch part {
            case .table(let table): table
            case .map(let map): TextTable(map)
            case .lines, .chart: nil
            }
        }
    }

    /// The tables in Markdown, as GitHub and pandoc read them.
    var markdown: String { tables.map(\.markdown).joined(separator: "\n") }

    /// The tables in LaTeX, for the package booktabs.
    var latex: String { tables.map(\.latex).joined(separator: "\n") }
}
