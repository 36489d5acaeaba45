/// Figures over epochs or steps: a line for each series, with intervals as bars.
public struct LineChart: Sendable {
    public struct Point: Equatable, Sendable {
        public let x, y: Double
        public let interval: [Double]?
        /// The name that the tooltip shows.
        public let name: String

        public init(x: Double, y: Double, interval: [Double]? = nil, name: String) {
            self.x = x
            self.y = y
            self.interval = interval
            self.name = name
        }
    }

    public struct Series: Equatable, Sendable {
        public let name: String
        /// Ordered from left to right.
        public let points: [Point]
        /// The index of its colour; related series share one.
        public let colour: Int
        public let isDashed: Bool

        public init(name: String, points: [Point], colour: Int, isDashed: Bool = false) {
            self.name = name
            self.points = points.filter { $0.x.isFinite && $0.y.isFinite }
            self.colour = colour
            self.isDashed = isDashed
        }
    }

    public let title: String
    public let xLabel: String
    /// The unit after each figure, such as " %".
    public let unit: String
    public let decimals: Int
    public let series: [Series]
    /// A level to compare with.
    public let reference: Double?
    /// Whether points are marked; steps are too many for that.
    public let hasMarks: Bool

    public init(
        title: String,
        xLabel: String = "epochs",
        unit: String = "",
        decimals: Int = 2,
        series: [Series],
        reference: Double? = nil,
        hasMarks: Bool = true
    ) {
        self.title = title
        self.xLabel = xLabel
        self.unit = unit
        self.decimals = decimals
        self.series = series.filter { !$0.points.isEmpty }
        self.reference = reference
        self.hasMarks = hasMarks
    }

    /// Okabe and Ito's colours, except those too light for a white page.
    static let colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8c6d00", "#6e7781"]

    public var svg: String {
        let points = series.flatMap(\.points)
        let ys = points.flatMap { [$0.y] + ($0.interval ?? []) } + [reference].compactMap { $0 }
        let plot = PlotArea(
            left: 64, top: 40, width: 500, height: 240, x: ChartAxis(spanning: points.map(\.x) + [0]),
            y: ChartAxis(spanning: ys + (reference == nil ? [0] : []))
        )
        var body = [SVG.label(title, 16, 22, "heading")] + plot.horizontalGrid
        // Epochs and steps are whole numbers.
        for tick in plot.xAxis.ticks(atMost: 9) where tick.value.rounded() == tick.value {
            body.append(SVG.label(tick.value.fixed(0), plot.x(tick.value), plot.bottom + 18, "tick"))
        }
        body.append(SVG.line(plot.left, plot.bottom, plot.right, plot.bottom, "axis"))
        if let reference {
            body.append(SVG.line(plot.left, plot.y(reference), plot.right, plot.y(reference), "reference"))
        }
        body.append(plot.xLabel(xLabel))
        for one in series {
            let line = one.points.map { (plot.x($0.x), plot.y($0.y)) }
            body.append(SVG.path(line, "series", colour: one.css, isDashed: one.isDashed))
        }
        for one in series where hasMarks { body += one.points.map { mark($0, of: one, plot) } }
        let (legend, bottom) = legend(plot, top: plot.bottom + 62)
        return SVG.document(
            title: title, width: plot.right + 24, height: bottom + 14, style: SVG.style, body: body + legend
        )
    }

    /// Points of a dashed line are hollow.
    private func mark(_ point: Point, of series: Series, _ plot: PlotArea) -> String {
        func text(_ value: Double) -> String { value.fixed(decimals) + unit }
        let (x, y) = (plot.x(point.x), plot.y(point.y))
        let dot = SVG.dot(x, y, series.isDashed ? "hollow" : "point", colour: series.css)
        guard let interval = point.interval else {
            return SVG.mark("\(point.name): \(text(point.y))", [dot])
        }
        let bar = SVG.line(x, plot.y(interval[0]), x, plot.y(interval[1]), "bar", colour: series.css)
        let words = "\(point.name): \(text(point.y))  [\(text(interval[0])), \(text(interval[1]))]"
        return SVG.mark(words, [bar, dot])
    }

    /// - Returns: the elements, and the height of the last line.
    private func legend(_ plot: PlotArea, top: Double) -> (elements: [String], bottom: Double) {
        var (elements, x, y) = ([String](), plot.left, top)
        for one in series {
            let length = 34 + SVG.width(one.name) + 18
            if x + length > plot.right, x > plot.left { (x, y) = (plot.left, y + 20) }
            let line = [(x, y - 4), (x + 26, y - 4)]
            elements.append(SVG.path(line, "series", colour: one.css, isDashed: one.isDashed))
            elements.append(SVG.label(one.name, x + 34, y, "quiet"))
            x += length
        }
        return (elements, y)
    }
}

extension LineChart.Series {
    fileprivate var css: String { LineChart.colours[colour % LineChart.colours.count] }
}
