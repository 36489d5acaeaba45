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

    /// - Parameter tables: what the text says, for formats that have tables alone.
    init(_ text: String, tables: [TextTable] = []) {
        parts = [.lines([text])]
        otherTables = tables
    }

    /// Tables that are not among the parts.
    private var otherTables: [TextTable] = []

    /// Blocks of parts with an empty line between them.
    init(blocks: [[Part]]) {
        parts = Array(blocks.filter { !$0.isEmpty }.joined(separator: [.lines([""])]))
    }

    /// The parts as plain text, one below the other.
    ///
    /// - Parameters:
    ///   - width: of the terminal, in characters; nil without one, and then lines and tables are whole.
    ///   - isColoured: draws maps and charts in colour.
    func text(width: Int? = Terminal.width, isColoured: Bool = Terminal.isColoured) -> String {
        parts.map { part in
            let drawn = width ?? Terminal.outputWidth
            let text =
                switch part {
                case .lines(let lines): lines.joined(separator: "\n")
                case .table(let table): table.lines(width: width).joined(separator: "\n")
                case .map(let map): map.text(width: drawn, isColoured: isColoured)
                case .chart(let chart): chart.text(width: drawn, isColoured: isColoured)
                }
            return width.map(text.wrapped) ?? text
        }.joined(separator: "\n")
    }

    /// The tables among the parts, a map as one of layers and columns.
    var tables: [TextTable] {
        otherTables
            + parts.compactMap { part in
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

extension String {
    /// The text with its long lines broken at spaces, their rests indented by two spaces more than they are. A longer word
    /// stays whole, so that a path can be copied, and so does a coloured line.
    func wrapped(to width: Int) -> String {
        split(separator: "\n", omittingEmptySubsequences: false)
            .flatMap { $0.count <= width || $0.contains("\u{1B}") ? [String($0)] : Self.broken($0, width) }
            .joined(separator: "\n")
    }

    private static func broken(_ line: Substring, _ width: Int) -> [String] {
        let indent = String(repeating: " ", count: Swift.min(line.prefix { $0 == " " }.count + 2, width / 2))
        var (lines, rest) = ([String](), line)
        while rest.count > width {
            let start = rest.firstIndex { $0 != " " } ?? rest.endIndex
            let end = rest.index(rest.startIndex, offsetBy: width)
            let fitting = start < end ? rest[start...end].lastIndex(of: " ") : nil
            guard let space = fitting ?? rest[start...].firstIndex(of: " ") else { break }
            lines.append(rest[..<space].trimmingTrailingSpaces)
            rest = Substring(indent + rest[space...].drop { $0 == " " })
        }
        // Nothing but spaces may be left.
        return rest.allSatisfy { $0 == " " } && !lines.isEmpty ? lines : lines + [String(rest)]
    }
}

extension StringProtocol {
    var trimmingTrailingSpaces: String {
        var text = Substring(self)
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
