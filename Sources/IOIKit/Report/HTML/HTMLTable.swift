/// A table of a page. All text is escaped here.
struct HTMLTable {
    struct Row {
        let cells: [String]
        /// The model of the row, which gives the first cell its stage's colour.
        var model: PlanModel?
    }

    let caption: String
    let header: [String]
    let rows: [Row]
    /// The columns that are aligned right.
    var numbers: Set<Int> = []
    /// The columns whose cells list heads.
    var heads: Set<Int> = []
    /// nil where rows have no model.
    var palette: StagePalette?

    init(
        _ caption: String,
        _ header: [String],
        _ rows: [[String]],
        numbers: Set<Int> = [],
        heads: Set<Int> = []
    ) {
        self.init(caption, header, rows.map { Row(cells: $0) }, numbers: numbers, heads: heads)
    }

    init(
        _ caption: String,
        _ header: [String],
        _ rows: [Row],
        numbers: Set<Int> = [],
        heads: Set<Int> = [],
        palette: StagePalette? = nil
    ) {
        (self.caption, self.header, self.rows) = (caption, header, rows)
        (self.numbers, self.heads, self.palette) = (numbers, heads, palette)
    }

    var html: String {
        guard !rows.isEmpty else { return "" }
        let names = header.enumerated().map { column, name in "<th scope=\"col\"\(style(column))>\(name.xml)</th>" }
        // Facts need no names of columns.
        let head = header.allSatisfy(\.isEmpty) ? "" : "<thead><tr>\(names.joined())</tr></thead>\n"
        return "<div class=\"wide\"><table><caption>\(caption.xml)</caption>\n\(head)"
            + "<tbody>\(rows.map(line).joined(separator: "\n"))</tbody></table></div>"
    }

    private func line(_ row: Row) -> String {
        let cells = row.cells.enumerated().map { column, cell in
            let text = heads.contains(column) ? Self.heads(in: cell) : cell.xml
            guard column == 0 else { return "<td\(style(column))>\(text)</td>" }
            let mark = row.model.flatMap { palette?.mark($0) } ?? ""
            return "<th scope=\"row\"\(style(column))>\(mark)\(text)</th>"
        }
        return "<tr\(HTMLPage.attribute("data-stage", row.model?.stage))>\(cells.joined())</tr>"
    }

    private func style(_ column: Int) -> String { numbers.contains(column) ? " class=\"number\"" : "" }

    /// Text whose words that are heads are marked wherever the page has them.
    static func heads(in text: String) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false).map { word in
            Head(String(word)) == nil ? String(word).xml : "<span data-head=\"\(word)\">\(word)</span>"
        }.joined(separator: " ")
    }
}
