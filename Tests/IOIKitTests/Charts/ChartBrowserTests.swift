import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Charts in a real browser: no text covers another, lies outside its box or is hard to read.
@Suite(.enabled(if: Browser.executable != nil, "no browser is installed"))
struct ChartBrowserTests {
    static func charts() throws -> [any Chart] {
        var generator = SeededGenerator(1, "charts")
        let values: [[Double?]] = (0..<12).map { layer in
            (0..<12).map { $0 == layer ? nil : Double.random(in: -140...140, using: &generator) }
        }
        let map = MapChart(title: "A map with a title that is longer than one line of it has room for", values: values)
        let named = MapChart(
            title: "positions", values: values.map { Array($0.prefix(3)) },
            columns: ["IO", "S1+1", "a long position"], xLabel: "position")
        let intervals = IntervalChart(
            title: "intervals", subtitle: "of 12 prompts", axisLabel: "x", unit: "%",
            references: [.init(value: 0, label: "none"), .init(value: 2, label: "near it")],
            groups: [
                .init(
                    heading: "a group",
                    rows: (0..<12).map { .init(label: "row \($0)", value: Double($0), interval: -1...13, note: "note") }
                )
            ])
        let points = (0..<5).map { LineChart.Point(x: Double($0), y: Double($0 * $0), name: "\($0)") }
        let lines = LineChart(title: "lines", series: [.init(name: "a", points: points, colour: 0)])
        let scatter = ScatterChart(
            title: "points", subtitle: "ρ 0.8", xLabel: "x", yLabel: "y",
            series: [.init(name: "a", points: [(1, 2), (2, 3)]), .init(name: "b", points: [(2, 1)])])
        let diagrams = try DataDirectory.names(in: "circuits").map {
            CircuitDiagram(title: $0, try Circuit(contentsOf: Circuit.file(named: $0)))
        }
        let sheet = ChartSheet(title: "a sheet", [map, named, scatter, lines])
        let small = SmallMap(title: "small", values: values, scale: 50)
        let legend = MapLegend(scale: 50, unit: " %", label: "what it is")
        return [map, named, small, legend, intervals, lines, scatter, sheet] + diagrams
    }

    @Test(arguments: [390, 1400], [false, true]) func theyAreLegible(_ width: Int, _ dark: Bool) async throws {
        let folder = try ModelTestFolder()
        let charts = try Self.charts()
        let files = try charts.enumerated().map { try folder.put("\($0).svg", $1.svg) }
        for (chart, found) in zip(charts, try await Browser.inspect(files, width: width, dark: dark)) {
            #expect(found.faults == [], "\(chart.title)")
            #expect(found.pictures == 1)
        }
    }

    @Test func aSheetHoldsItsChartsUnchanged() throws {
        let map = MapChart(title: "m", values: [[1, -2]])
        let sheet = ChartSheet(title: "s", [map, map], width: 400)
        #expect(try ChartTests.read(sheet.svg).tips == ["0.0: 1.0 %", "0.1: -2.0 %", "0.0: 1.0 %", "0.1: -2.0 %"])
        #expect(sheet.svg.matches(of: /<style>/).count == 1)
    }
}
