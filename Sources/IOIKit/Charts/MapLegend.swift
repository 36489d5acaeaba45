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
        let left = 28.0
        let right = left + MapColour.barLength
        let texts = [(-scale).fixed(decimals) + unit, "0", scale.fixed(decimals, isSigned: true) + unit]
        let body = MapColour.bar(x: left, y: 4, texts: texts) + [SVG.label(title, right + 30, 14, "quiet")]
        return SVG.document(
            title: title, width: right + 40 + SVG.width(title), height: 36, style: SVG.style, body: body)
    }
}
