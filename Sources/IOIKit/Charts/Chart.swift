/// A picture of figures.
public protocol Chart: Sendable {
    var title: String { get }
    /// A complete SVG document, with colours for light and dark surroundings.
    var svg: String { get }
}

extension CircuitDiagram: Chart {}
extension IntervalChart: Chart {}
extension LineChart: Chart {}
extension MapChart: Chart {}
extension ScatterChart: Chart {}
