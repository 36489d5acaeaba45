/// A page in a single file that needs nothing from the network, for light and dark screens and for print.
///
/// Everything can be read without scripts. With them, tables sort, stages can be hidden, and a head that is pointed at
/// is marked wherever it appears.
struct HTMLPage {
    struct Section {
        let title: String
        /// HTML.
        let body: String

        /// The part of the page's address that leads to the section.
        var anchor: String {
            title.lowercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: "-")
        }
    }

    let title: String
    /// HTML below the title.
    let lead: String
    let sections: [Section]

    static func paragraph(_ text: String, style: String? = nil) -> String {
        "<p\(style.map { " class=\"\($0)\"" } ?? "")>\(text.xml)</p>"
    }

    /// Charts side by side, as far as the width allows.
    static func figures(_ pictures: [String]) -> String {
        pictures.isEmpty
            ? ""
            : "<div class=\"figures\">" + pictures.map { "<figure>\(inline($0))</figure>" }.joined(separator: "\n")
                + "</div>"
    }

    /// A chart within the page, whose style all charts share.
    static func inline(_ picture: String) -> String {
        guard let start = picture.range(of: "<style>"), let end = picture.range(of: "</style>\n") else {
            return picture
        }
        return picture.replacingCharacters(in: start.lowerBound..<end.upperBound, with: "")
    }

    /// Details that a reader opens.
    ///
    /// - Parameters:
    ///   - summary: plain text.
    ///   - stage: the stage that they are about, if any.
    ///   - body: HTML.
    static func folded(_ summary: String, stage: String? = nil, _ body: String) -> String {
        guard !body.isEmpty else { return "" }
        return "<details\(attribute("data-stage", stage))><summary>\(summary.xml)</summary>\n\(body)</details>"
    }

    static func attribute(_ name: String, _ value: String?) -> String { value.map { " \(name)=\"\($0.xml)\"" } ?? "" }

    var text: String {
        let contents = sections.map { "<li><a href=\"#\($0.anchor)\">\($0.title.xml)</a></li>" }
        let body = sections.map {
            "<section id=\"\($0.anchor)\"><h2><a href=\"#\($0.anchor)\">\($0.title.xml)</a></h2>\n\($0.body)</section>"
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
            \(SVG.style)
            </style>
            </head>
            <body>
            <main>
            <h1>\(title.xml)</h1>
            \(lead)
            <nav aria-label="Sections"><ul>\(contents.joined())</ul></nav>
            \(body.joined(separator: "\n"))
            </main>
            <script>
            \(Self.script)
            </script>
            </body>
            </html>

            """
    }
}
