/// The colour bar of maps on one scale.
public struct MapLegend: Chart {
    public let title: String
    private let scale: Double
    private let unit: String

    /// - Parameters:
    ///   - scale: the value of the deepest colour.
    ///   - unit: the unit after each figure.
    ///   - label: what the colours are.
    public init(scale: Double, unit: String, label: String) {
        (self.scale, self.unit, title) = (scale, unit, label)
    }

    public var svg: String {
        let decimals = scale >= 10 ? 0 : scale >= 1 ? 1 : 2
        let steps = 21
        let (left, cell) = (4.0, 10.0)
        let right = left + Double(steps) * cell
        var body = (0..<steps).map { step in
            let share = 2 * Double(step) / Double(steps - 1) - 1
            return SVG.rectangle(
                left + Double(step) * cell, 4, cell + 0.5, 12, "cell", fill: MapColour(share: share).css)
        }
        body += [
            SVG.label((-scale).fixed(decimals), left, 30, "tick start"),
            SVG.label("0", (left + right) / 2, 30, "tick"),
            SVG.label(scale.fixed(decimals, isSigned: true) + unit, right, 30, "tick finish"),
            SVG.label(title, right + 14, 14, "quiet"),
        ]
        return SVG.document(
            title: title, width: right + 24 + SVG.width(title), height: 36, style: SVG.style, body: body)
    }
}
