/// Figures over epochs, a line for each series, with their intervals as bars.
public struct LineChart: Sendable {
    public struct Point: Equatable, Sendable {
        public let x, y: Double
        public let interval: [Double]?
        /// What the point is of.
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
        /// From left to right.
        public let points: [Point]
        /// Which of the colours; series of one kind share one.
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
    /// Behind each figure, such as " %".
    public let unit: String
    public let decimals: Int
    public let series: [Series]
    /// A level to compare with.
    public let reference: Double?
    /// Whether single steps are too many to mark.
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

    /// Okabe and Ito's, but for those too light for a white page.
    static let colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8c6d00", "#6e7781"]
    private static let plot = (left: 64.0, top: 40.0, width: 500.0, height: 240.0)

    public var svg: String {
        let plot = Self.plot
        let points = series.flatMap(\.points)
        let ys = points.flatMap { [$0.y] + ($0.interval ?? []) } + [reference].compactMap { $0 }
        let xAxis = ChartAxis(spanning: points.map(\.x) + [0])
        let yAxis = ChartAxis(spanning: ys + (reference == nil ? [0] : []))
        func x(_ value: Double) -> Double { plot.left + xAxis.share(value) * plot.width }
        func y(_ value: Double) -> Double { plot.top + (1 - yAxis.share(value)) * plot.height }
        let bottom = plot.top + plot.height

        var body = [SVG.label(title, 16, 22, "heading")]
        for tick in yAxis.ticks(atMost: 6) {
            body.append(SVG.line(plot.left, y(tick.value), plot.left + plot.width, y(tick.value), "grid"))
            body.append(SVG.label(tick.label, plot.left - 8, y(tick.value) + 4, "end"))
        }
        for tick in xAxis.ticks(atMost: 9) where tick.value.rounded() == tick.value {
            body.append(SVG.label(tick.value.fixed(0), x(tick.value), bottom + 18, "tick"))
        }
        body.append(SVG.line(plot.left, bottom, plot.left + plot.width, bottom, "axis"))
        if let reference {
            body.append(SVG.line(plot.left, y(reference), plot.left + plot.width, y(reference), "reference"))
        }
        body.append(SVG.label(xLabel, plot.left + plot.width / 2, bottom + 36, "tick"))

        let tip = bottom + 58
        for one in series {
            let colour = Self.colours[one.colour % Self.colours.count]
            let line = one.points.map { (x($0.x), y($0.y)) }
            body.append(SVG.path(line, "series", colour: colour, isDashed: one.isDashed))
        }
        for one in series where hasMarks {
            let colour = Self.colours[one.colour % Self.colours.count]
            for point in one.points {
                let bounds = point.interval.map {
                    "  [\($0[0].fixed(decimals))\(unit), \($0[1].fixed(decimals))\(unit)]"
                }
                var elements: [String] = []
                if let interval = point.interval {
                    elements.append(
                        SVG.line(x(point.x), y(interval[0]), x(point.x), y(interval[1]), "bar", colour: colour)
                    )
                }
                elements.append(SVG.dot(x(point.x), y(point.y), "point", colour: colour))
                body.append(
                    SVG.telling(
                        "\(point.name): \(point.y.fixed(decimals))\(unit)\(bounds ?? "")", elements, x: plot.left,
                        y: tip
                    )
                )
            }
        }
        var (legendX, legendY) = (plot.left, tip + 22)
        for one in series {
            let length = 34 + SVG.width(one.name) + 18
            if legendX + length > plot.left + plot.width, legendX > plot.left {
                legendX = plot.left
                legendY += 20
            }
            let colour = Self.colours[one.colour % Self.colours.count]
            body.append(
                SVG.path(
                    [(legendX, legendY - 4), (legendX + 26, legendY - 4)], "series", colour: colour,
                    isDashed: one.isDashed
                )
            )
            body.append(SVG.label(one.name, legendX + 34, legendY, "quiet"))
            legendX += length
        }
        return SVG.document(
            title: title, width: plot.left + plot.width + 24, height: legendY + 14, style: SVG.style, body: body
        )
    }
}

extension ChartAxis {
    /// All of these numbers, with a little room.
    init(spanning values: [Double]) {
        self.init(rows: [], references: values)
    }
}
