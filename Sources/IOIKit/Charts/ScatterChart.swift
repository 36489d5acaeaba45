/// Points of a few series in a plane, a round or square speck each.
public struct ScatterChart: Sendable {
    public struct Series: Sendable {
        public let name: String
        public let points: [(x: Double, y: Double)]

        public init(name: String, points: [(x: Double, y: Double)]) {
            self.name = name
            self.points = points.filter { $0.x.isFinite && $0.y.isFinite }
        }
    }

    public let title: String
    /// Below the title, such as a correlation.
    public let subtitle: String
    public let xLabel, yLabel: String
    public let series: [Series]
    /// What the axes show; charts on the same axes can be compared by eye.
    private let xAxis, yAxis: ChartAxis

    /// - Parameter axes: charts whose points the axes have room for as well.
    public init(
        title: String,
        subtitle: String = "",
        xLabel: String,
        yLabel: String,
        series: [Series],
        onAxesOf others: [[Series]] = []
    ) {
        self.title = title
        self.subtitle = subtitle
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.series = series.filter { !$0.points.isEmpty }
        let points = (series + others.joined()).flatMap(\.points)
        xAxis = ChartAxis(spanning: points.map(\.x) + [0, 1])
        yAxis = ChartAxis(spanning: points.map(\.y) + [0])
    }

    private static let plot = (left: 58.0, top: 60.0, width: 280.0, height: 210.0)

    public var svg: String {
        let plot = Self.plot
        func x(_ value: Double) -> Double { plot.left + xAxis.share(value) * plot.width }
        func y(_ value: Double) -> Double { plot.top + (1 - yAxis.share(value)) * plot.height }
        let bottom = plot.top + plot.height
        var body = [SVG.label(title, 16, 22, "heading"), SVG.label(subtitle, 16, 42, "quiet")]
        for tick in yAxis.ticks(atMost: 6) {
            body.append(SVG.line(plot.left, y(tick.value), plot.left + plot.width, y(tick.value), "grid"))
            body.append(SVG.label(tick.label, plot.left - 8, y(tick.value) + 4, "end"))
        }
        for tick in xAxis.ticks(atMost: 6) {
            body.append(SVG.label(tick.label, x(tick.value), bottom + 18, "tick"))
        }
        body.append(SVG.line(plot.left, y(0), plot.left + plot.width, y(0), "axis"))
        body.append(SVG.label(xLabel, plot.left + plot.width / 2, bottom + 36, "tick"))
        var legend = plot.left
        for (index, one) in series.enumerated() {
            // By their shape as well as their colour.
            func speck(_ x: Double, _ y: Double) -> String {
                let colour = LineChart.colours[index % LineChart.colours.count]
                return index.isMultiple(of: 2)
                    ? SVG.dot(x, y, "speck", colour: colour, radius: 2.5)
                    : SVG.rectangle(x - 2.2, y - 2.2, 4.4, 4.4, "speck", fill: colour)
            }
            body += one.points.map { speck(x($0.x), y($0.y)) }
            body.append(speck(legend + 4, bottom + 54))
            body.append(SVG.label(one.name, legend + 14, bottom + 58, "quiet"))
            legend += 14 + SVG.width(one.name) + 18
        }
        body.append(SVG.label(yLabel, 16, bottom + 78, "quiet"))
        return SVG.document(
            title: "\(title), \(subtitle)", width: plot.left + plot.width + 20, height: bottom + 90, style: SVG.style,
            body: body
        )
    }
}
