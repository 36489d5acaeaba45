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
        return [map, named, small, legend, intervals, lines, scatter, sheet] + diagrams + (try wide())
    }

    /// Of models of 24 × 16, 36 × 20 and 48 × 25 heads.
    private static func wide() throws -> [any Chart] {
        let sizes = [(24, 16), (36, 20), (48, 25)].map { HeatmapTests.wide(87.5, layers: $0, heads: $1) }
        let maps = sizes.map { values in
            MapChart(
                title: "wide", values: values,
                intervals: values.map { $0.map { $0.map { [$0 - 10, $0 + 10] } } })
        }
        let small = sizes.map { SmallMap(title: "wide", values: $0, scale: 80) }
        let panels = sizes.map { values in
            PanelChart(
                title: "panels", rows: values.indices.map(String.init), columns: values[0].indices.map(String.init),
                rowLabel: "layer", columnLabel: "head",
                bands: [
                    .init([.init(title: "a", values: values)], scale: .init(limit: 90, isDiverging: true, label: "x"))
                ],
                cell: 16)
        }
        let circuit = try CircuitLayoutTests.edges(600, layers: 48, heads: 25)
        let scores = circuit.edges.enumerated().map {
            DiscoverResults.EdgeScore(edge: $1, score: 1 / Double($0 + 1), ci95: nil)
        }
        return maps + small + panels + [
            circuit.diagram(title: "edges", scores: scores), circuit.diagram(title: "edges"),
        ]
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

    /// Maps of many heads have the width of a column of a page, and tell the figure of each cell that can be seen.
    @Test func largeMapsTellTheirFigures() throws {
        let values = HeatmapTests.wide(87.5)
        let seen = values.joined().compactMap { $0 }.count { abs($0) >= 0.02 * 87.5 }
        let map = MapChart(title: "m", values: values, scale: 87.5)
        for chart in [map, SmallMap(title: "s", values: values, scale: 87.5)] as [any Chart] {
            let tips = try ChartTests.read(chart.svg).tips
            #expect(tips.count == seen + 1 && tips[0] == "within ±1.75 %")
            #expect(chart.svg.utf8.count < 100_000)
        }
        let texts = try ChartTests.read(map.svg).texts
        // The ten farthest from zero, by name.
        let all = values.indices.flatMap { layer in values[layer].indices.map { Head(layer, $0) } }
        func size(_ head: Head) -> Double { abs(values[head.layer][head.index] ?? 0) }
        for head in all.sorted(by: { (-size($0), $0) < (-size($1), $1) }).prefix(10) {
            #expect(texts.contains(head.description))
        }
        #expect(texts.contains("45") && texts.contains("20") && !texts.contains("46"))
        #expect(map.svg.contains("width=\"574\""))
    }

    @Test func aSheetHoldsItsChartsUnchanged() throws {
        let map = MapChart(title: "m", values: [[1, -2]])
        let sheet = ChartSheet(title: "s", [map, map], width: 400)
        #expect(try ChartTests.read(sheet.svg).tips == ["0.0: 1.0 %", "0.1: -2.0 %", "0.0: 1.0 %", "0.1: -2.0 %"])
        #expect(sheet.svg.matches(of: /<style>/).count == 1)
    }
}
