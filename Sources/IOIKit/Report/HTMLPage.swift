/// A page in a single file, without scripts or anything from the network, for light and dark screens and for print.
struct HTMLPage {
    struct Section {
        let title: String
        /// HTML.
        let body: String
    }

    let title: String
    /// HTML below the title.
    let lead: String
    let sections: [Section]

    static func paragraph(_ text: String, style: String? = nil) -> String {
        "<p\(style.map { " class=\"\($0)\"" } ?? "")>\(text.xml)</p>"
    }

    /// - Parameters:
    ///   - rows: plain text, which is escaped here.
    ///   - numbers: the right-aligned columns.
    static func table(_ header: [String], _ rows: [[String]], numbers: Set<Int> = []) -> String {
        func line(_ tag: String, _ cells: [String]) -> String {
            let cells = cells.enumerated().map { column, cell in
                "<\(tag)\(numbers.contains(column) ? " class=\"number\"" : "")>\(cell.xml)</\(tag)>"
            }
            return "<tr>\(cells.joined())</tr>"
        }
        return "<div class=\"wide\"><table><thead>\(line("th", header))</thead>\n<tbody>"
            + rows.map { line("td", $0) }.joined(separator: "\n") + "</tbody></table></div>"
    }

    /// Charts side by side, as far as the width allows.
    static func figures(_ pictures: [String]) -> String {
        "<div class=\"figures\">" + pictures.map { "<figure>\($0)</figure>" }.joined(separator: "\n") + "</div>"
    }

    var text: String {
        let contents = sections.enumerated().map { "<li><a href=\"#s\($0)\">\($1.title.xml)</a></li>" }
        let body = sections.enumerated().map {
            "<section id=\"s\($0)\"><h2>\($1.title.xml)</h2>\n\($1.body)</section>"
        }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title.xml)</title>
            <link rel="icon" href="data:,">
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            <main>
            <h1>\(title.xml)</h1>
            \(lead)
            <nav><ul>\(contents.joined())</ul></nav>
            \(body.joined(separator: "\n"))
            </main>
            </body>
            </html>

            """
    }

    private static let style = """
        :root { color-scheme: light dark; --ink: #1f2328; --quiet: #59636e; --paper: #ffffff; --rule: #d1d9e0;
          --shown: #00694a; --not: #b04800; --note: #fff5d6; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9aa4af; --paper: #0d1117;
          --rule: #30363d; --shown: #4cc38a; --not: #f0883e; --note: #2d2a1a; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink);
          font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
        main { max-width: 1240px; margin: 0 auto; padding: 24px 16px 64px; }
        h1 { font-size: 1.7rem; line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--rule); }
        h3 { margin: 1.5rem 0 .25rem; font-size: 1.05rem; }
        p { max-width: 72ch; } .quiet { color: var(--quiet); }
        .note { background: var(--note); padding: .6rem .8rem; border-radius: 6px; max-width: none; }
        .wide, figure { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
        th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--rule);
          vertical-align: top; }
        th { color: var(--quiet); font-weight: 600; } .number { text-align: right; white-space: nowrap; }
        .shown { color: var(--shown); font-weight: 600; white-space: nowrap; }
        .not { color: var(--not); font-weight: 600; white-space: nowrap; }
        .figures { display: flex; flex-wrap: wrap; gap: 16px; } figure { margin: 0; max-width: 100%; }
        .figures .ioi-chart { max-width: none; }
        nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; list-style: none; }
        a { color: inherit; } code { font-size: .9em; overflow-wrap: anywhere; }
        pre { overflow-x: auto; font-size: .88rem; }
        @media print { nav { display: none; } section { break-inside: auto; } figure, table { break-inside: avoid; } }
        """
}
