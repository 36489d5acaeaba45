/// The area of a chart with two axes, in pixels.
struct PlotArea: Sendable {
    let left, top, width, height: Double
    let xAxis, yAxis: ChartAxis

    init(left: Double, top: Double, width: Double, height: Double, x: ChartAxis, y: ChartAxis) {
        (self.left, self.top, self.width, self.height) = (left, top, width, height)
        (xAxis, yAxis) = (x, y)
    }

    var right: Double { left + width }
    var bottom: Double { top + height }

    func x(_ value: Double) -> Double { left + xAxis.share(value) * width }
    func y(_ value: Double) -> Double { top + (1 - yAxis.share(value)) * height }

    /// Lines at the ticks of the vertical axis, with their labels.
    var horizontalGrid: [String] {
        yAxis.ticks(atMost: 6).flatMap { tick in
            let y = y(tick.value)
            return [SVG.line(left, y, right, y, "grid"), SVG.label(tick.label, left - 8, y + 4, "end")]
        }
    }

    func xLabel(_ text: String) -> String { SVG.label(text, left + width / 2, bottom + 36, "tick") }
}
