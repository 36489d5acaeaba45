/// Several charts on one sheet, side by side as far as they fit, then below each other.
public struct ChartSheet: Chart {
    public let title: String
    public let charts: [any Chart]
    /// In pixels.
    public let width: Double

    /// - Parameters:
    ///   - title: what the charts have in common.
    ///   - charts: from left to right and from top to bottom.
    ///   - width: at which a row of charts ends, in pixels; a wider chart has a row of its own.
    public init(title: String, _ charts: [any Chart], width: Double = 1320) {
        self.title = title
        self.charts = charts
        self.width = width
    }

    public var svg: String {
        var (x, y, bottom, right) = (0.0, 36.0, 36.0, 0.0)
        var places: [(svg: String, x: Double, y: Double)] = []
        for svg in charts.map(\.svg) {
            let size = svg.firstMatch(of: /width="([0-9.]+)" height="([0-9.]+)"/)!.output
            let (own, height) = (Double(size.1)!, Double(size.2)!)
            if x > 0, x + own > width { (x, y) = (0, bottom) }
            places.append((svg, x, y))
            x += own
            (right, bottom) = (max(right, x), max(bottom, y + height))
        }
        let heading = SVG.lines(title, 16, 24, "title", width: right - 32, size: 17)
        let body = places.map { svg, x, y in
            let place = "x=\"\(SVG.number(x))\" y=\"\(SVG.number(y + heading.height))\""
            // The sheet has the style, and only the sheet may follow the width of a page.
            return svg.replacing(/<style>.*?<\/style>/.dotMatchesNewlines(), with: "")
                .replacing(" class=\"ioi-chart\"", with: " \(place)", maxReplacements: 1)
        }
        return SVG.document(
            title: title, width: right, height: bottom + heading.height, style: SVG.style,
            body: heading.elements + body)
    }
}
