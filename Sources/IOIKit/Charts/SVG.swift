/// SVG elements, with coordinates to a tenth of a pixel.
enum SVG {
    static func number(_ value: Double) -> String {
        let text = value.fixed(1)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// - Parameter style: nil for that of the elements around it.
    static func label(_ text: String, _ x: Double, _ y: Double, _ style: String? = "label") -> String {
        "<text\(attribute("class", style)) x=\"\(number(x))\" y=\"\(number(y))\">\(text.xml)</text>"
    }

    /// Text in as many lines as it needs.
    ///
    /// - Parameters:
    ///   - y: of the first line.
    ///   - width: of the longest line, in pixels.
    ///   - size: of the font.
    /// - Returns: the lines, and the height of those after the first.
    static func lines(
        _ text: String,
        _ x: Double,
        _ y: Double,
        _ style: String,
        width: Double,
        size: Double = 12
    ) -> (elements: [String], height: Double) {
        let room = max(Int(width / Self.width(" ", size: size * 1.05)), 1)
        let lines = text.split(separator: " ").map(String.init).lines(width: room)
        let elements = lines.enumerated().map { label($1, x, y + Double($0) * (size + 5), style) }
        return (elements, Double(max(lines.count - 1, 0)) * (size + 5))
    }

    /// - Parameter colour: the stroke; nil for that of the style.
    static func line(
        _ x1: Double,
        _ y1: Double,
        _ x2: Double,
        _ y2: Double,
        _ style: String,
        colour: String? = nil
    ) -> String {
        "<line class=\"\(style)\" x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\""
            + attribute("stroke", colour) + "/>"
    }

    static func polygon(_ points: [(Double, Double)], _ style: String) -> String {
        "<polygon class=\"\(style)\" points=\"\(list(points))\"/>"
    }

    /// - Parameter colour: the stroke; nil for that of the style.
    static func path(
        _ points: [(Double, Double)],
        _ style: String,
        colour: String? = nil,
        isDashed: Bool = false
    ) -> String {
        "<polyline class=\"\(style)\" points=\"\(list(points))\"\(attribute("stroke", colour))"
            + attribute("stroke-dasharray", isDashed ? "6 4" : nil) + "/>"
    }

    /// - Parameter colour: nil for that of the style.
    static func dot(
        _ x: Double,
        _ y: Double,
        _ style: String = "dot",
        colour: String? = nil,
        radius: Double = 4
    ) -> String {
        "<circle class=\"\(style)\" cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"\(number(radius))\""
            + "\(attribute(style == "hollow" ? "stroke" : "fill", colour))/>"
    }

    /// Many small circles or squares in one element: the ends of lines without length.
    static func specks(_ points: [(Double, Double)], colour: String, isRound: Bool) -> String {
        let lines = points.map { "M\(number($0)) \(number($1))h0" }.joined()
        return
            "<path class=\"specks\" stroke=\"\(colour)\" stroke-linecap=\"\(isRound ? "round" : "square")\" d=\"\(lines)\"/>"
    }

    private static func attribute(_ name: String, _ value: String?) -> String {
        value.map { " \(name)=\"\($0)\"" } ?? ""
    }

    static func rectangle(
        _ x: Double,
        _ y: Double,
        _ width: Double,
        _ height: Double,
        _ style: String,
        fill: String? = nil
    ) -> String {
        "<rect class=\"\(style)\" x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" "
            + "height=\"\(number(height))\"\(attribute("fill", fill))/>"
    }

    /// A mark that tells its figure when it is pointed at. Pages tell those of all marks by the arrow keys too.
    ///
    /// - Parameter words: of a head its name comes first, with a colon, by which pages find it.
    static func mark(_ words: String, _ elements: [String]) -> String {
        "<g class=\"mark\"><title>\(words.xml)</title>\(elements.joined())</g>"
    }

    /// A cell of a map. Maps have very many, so each is as short as can be.
    ///
    /// - Parameters:
    ///   - style: a style before that of its colour.
    ///   - words: what it tells if it is a mark by itself, within a group of marks.
    static func cell(
        _ x: Double,
        _ y: Double,
        _ width: Double,
        _ height: Double,
        _ colour: MapColour,
        style: String = "cell ",
        words: String? = nil
    ) -> String {
        let (w, h) = (number(width), number(height))
        let opacity = colour.opacity.fixed(2)
        let start =
            "<path class=\"\(style)\(colour.style)\" fill-opacity=\"\(opacity.hasPrefix("0.") ? String(opacity.dropFirst()) : opacity)\" "
            + "d=\"M\(number(x)) \(number(y))h\(w)v\(h)h-\(w)z\""
        return start + (words.map { "><title>\($0.xml)</title></path>" } ?? "/>")
    }

    /// Stands for the cells of a large map that are too faint to be seen, so that a page of many maps stays small.
    ///
    /// - Parameters:
    ///   - limit: what their figures are within, with its unit.
    static func faintCells(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ limit: String) -> String {
        let (w, h) = (number(width), number(height))
        return "<path fill-opacity=\"0\" d=\"M\(number(x)) \(number(y))h\(w)v\(h)h-\(w)z\">"
            + "<title>within ±\(limit.xml)</title></path>"
    }

    /// A complete picture, for a file or a page.
    static func document(title: String, width: Double, height: Double, style: String, body: [String]) -> String {
        let size =
            "width=\"\(number(width))\" height=\"\(number(height))\" "
            + "viewBox=\"0 0 \(number(width)) \(number(height))\""
        return """
            <svg xmlns="http://www.w3.org/2000/svg" class="ioi-chart" role="img" aria-label="\(title.xml)" \(size)>
            <style>
            \(style)
            </style>
            <rect class="paper" width="100%" height="100%"/>
            \(body.joined(separator: "\n"))
            </svg>

            """
    }

    private static func list(_ points: [(Double, Double)]) -> String {
        points.map { "\(number($0)),\(number($1))" }.joined(separator: " ")
    }

    /// An estimate of the width of text, from the average character of the widest common font.
    static func width(_ text: String, size: Double = 12) -> Double { Double(text.count) * size * 0.55 }

    /// The style of all charts. The colour-blind can tell apart the colours of series (Okabe and Ito's).
    static let style = """
        .ioi-chart { max-width: 100%; height: auto; }
        .ioi-chart text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif;
          font-variant-numeric: tabular-nums; fill: #1f2328; }
        .ioi-chart .title { font-size: 17px; font-weight: 600; }
        .ioi-chart .heading { font-weight: 600; } .ioi-chart .small { font-size: 10px; fill: #59636e; }
        .ioi-chart .share { fill: \(MapColour(share: 1, isDiverging: false).css); }
        .ioi-chart .above { fill: \(MapColour(share: 1).css); } .ioi-chart .below { fill: \(MapColour(share: -1).css); }
        .ioi-chart .frame { fill: none; stroke: #818b98; }
        .ioi-chart .quiet, .ioi-chart .tick, .ioi-chart .bounds { fill: #59636e; }
        .ioi-chart .tick, .ioi-chart .reference-label, .ioi-chart .middle { text-anchor: middle; }
        .ioi-chart .value, .ioi-chart .end, .ioi-chart .finish { text-anchor: end; }
        .ioi-chart .start { text-anchor: start; }
        .ioi-chart .cells text { text-anchor: middle; fill: #000000; }
        .ioi-chart .paper { fill: #ffffff; }
        .ioi-chart .grid { stroke: #e4e8ec; }
        .ioi-chart .guide { stroke: #e4e8ec; stroke-dasharray: 1 3; }
        .ioi-chart .axis { stroke: #818b98; }
        .ioi-chart .band { fill: #c9d1d9; }
        .ioi-chart .whisker { stroke: #0969da; stroke-width: 2; fill: none; }
        .ioi-chart .dot { fill: #0969da; }
        .ioi-chart .reference { stroke: #bc4c00; stroke-dasharray: 5 3; }
        .ioi-chart .reference-label { fill: #bc4c00; }
        .ioi-chart .mark:hover .cell, .ioi-chart .marks path:hover { stroke: #1f2328; stroke-width: 2; }
        .ioi-chart .mark:hover circle { stroke: #1f2328; stroke-width: 2; }
        .ioi-chart .on-dark, .ioi-chart .cells .on-dark { fill: #ffffff; }
        .ioi-chart .on-light { fill: #000000; }
        .ioi-chart .input { fill: #59636e; }
        .ioi-chart .box { fill: #ffffff; stroke: #818b98; }
        .ioi-chart .arrow { stroke: #818b98; stroke-width: 1.5; fill: none; }
        .ioi-chart .arrowhead { fill: #818b98; }
        .ioi-chart .edge { fill: none; stroke: #818b98; stroke-width: .6; opacity: .6; }
        .ioi-chart .strong { fill: none; stroke: #0969da; } .ioi-chart .mark:hover .strong { stroke: #bc4c00; }
        .ioi-chart .gained { fill: #0072b2; font-weight: 600; }
        .ioi-chart .lost { fill: #d55e00; text-decoration: line-through; }
        .ioi-chart .series { fill: none; stroke-width: 2; }
        .ioi-chart .bar { stroke-width: 2; } .ioi-chart .hollow { fill: #ffffff; stroke-width: 2; }
        .ioi-chart .specks { opacity: .6; stroke-width: 4.6; fill: none; }
        @media (prefers-color-scheme: dark) {
          .ioi-chart text { fill: #e6edf3; }
          .ioi-chart .quiet, .ioi-chart .tick, .ioi-chart .bounds, .ioi-chart .input, .ioi-chart .small { fill: #9aa4af; }
          .ioi-chart .paper, .ioi-chart .box, .ioi-chart .hollow { fill: #0d1117; }
          .ioi-chart .grid, .ioi-chart .guide { stroke: #262c34; }
          .ioi-chart .axis, .ioi-chart .frame { stroke: #6e7681; }
          .ioi-chart .band { fill: #444c56; }
          .ioi-chart .whisker, .ioi-chart .strong { stroke: #58a6ff; }
          .ioi-chart .mark:hover .strong { stroke: #f0883e; }
          .ioi-chart .dot { fill: #58a6ff; }
          .ioi-chart .reference { stroke: #f0883e; }
          .ioi-chart .reference-label { fill: #f0883e; }
          .ioi-chart .mark:hover .cell { stroke: #e6edf3; }
          .ioi-chart .mark:hover circle { stroke: #e6edf3; }
          .ioi-chart .on-dark, .ioi-chart .on-light, .ioi-chart .cells text { fill: #ffffff; }
          .ioi-chart .gained { fill: #56b4e9; }
          .ioi-chart .lost { fill: #f0883e; }
        }
        """
}
