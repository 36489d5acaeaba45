/// A scatter plot of a few series, whose points are circles or squares.
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
    /// The line below the title, such as a correlation.
    public let subtitle: String
    public let xLabel, yLabel: String
    public let series: [Series]
    // Charts on the same axes can be compared by eye.
    private let plot: PlotArea

    /// - Parameters:
    ///   - others: the series of other charts that share the axes.
    ///   - title: the title of the chart.
    ///   - xLabel: the label of the horizontal axis.
    ///   - subtitle: the subtitle of the chart.
    ///   - series: the lines.
    ///   - yLabel: the label of the vertical axis.
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
        plot = PlotArea(
            left: 58, top: 60, width: 280, height: 210, x: ChartAxis(spanning: points.map(\.x) + [0, 1]),
            y: ChartAxis(spanning: points.map(\.y) + [0])
        )
    }

    public var svg: String {
        let bottom = plot.bottom
        var body = [SVG.label(title, 16, 22, "heading"), SVG.label(subtitle, 16, 42, "quiet")] + plot.horizontalGrid
        body += plot.xAxis.ticks(atMost: 6).map { SVG.label($0.label, plot.x($0.value), bottom + 18, "tick") }
        body.append(SVG.line(plot.left, plot.y(0), plot.right, plot.y(0), "axis"))
        body.append(plot.xLabel(xLabel))
        var legend = plot.left
        for (index, one) in series.enumerated() {
            // Series differ in shape as well as colour.
            let (colour, isRound) = (LineChart.colours[index % LineChart.colours.count], index.isMultiple(of: 2))
            body.append(SVG.specks(one.points.map { (plot.x($0.x), plot.y($0.y)) }, colour: colour, isRound: isRound))
            body.append(SVG.specks([(legend + 4, bottom + 54)], colour: colour, isRound: isRound))
            body.append(SVG.label(one.name, legend + 14, bottom + 58, "quiet"))
            legend += 14 + SVG.width(one.name) + 18
        }
        body.append(SVG.label(yLabel, 16, bottom + 78, "quiet"))
        return SVG.document(
            title: "\(title), \(subtitle)", width: plot.right + 20, height: bottom + 90, style: SVG.style,
            body: body
        )
    }
}
