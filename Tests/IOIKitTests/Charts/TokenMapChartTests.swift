import Foundation
import TestSupport
import Testing

@testable import IOIKit

@Suite struct TokenMapChartTests {
    @Test func cellsShowTheirTokens() throws {
        let cells = [[0.05, 0.9], [0.5, 1]].map { row in
            row.map { TokenMapChart.Cell(token: " <Katherine>", probability: $0) }
        }
        let chart = TokenMapChart(
            title: "T & U", rows: ["embedding", "0"], columns: ["\n", " b"], cells: cells)
        let svg = chart.svg
        #expect(try XMLReader(Data(svg.utf8)).all("svg").count == 1)
        for text in ["T &amp; U", ">position<", ">layer<", ">probability<", ">100 %<", "␣&lt;Kathe…", ">\\n<", ">␣b<"] {
            #expect(svg.contains(text), "\(text)")
        }
        #expect(svg.contains("at position 1, layer 0: &quot; &lt;Katherine&gt;&quot; 100.0 %"))
        // White on the two deep cells only.
        #expect(svg.matches(of: /class="middle on-dark"/).count == 2)
        #expect(svg.contains("fill-opacity=\"0.050\""))
    }

    @Test func longTextsGoOnBelow() {
        let cell = TokenMapChart.Cell(token: "a", probability: 0.5)
        func size(_ columns: Int) -> (width: Double, height: Double) {
            let svg = TokenMapChart(
                title: "T", rows: ["0"], columns: Array(repeating: "a", count: columns),
                cells: [Array(repeating: cell, count: columns)]
            ).svg
            let match = svg.firstMatch(of: /viewBox="0 0 ([0-9.]+) ([0-9.]+)"/)!
            return (Double(match.1)!, Double(match.2)!)
        }
        #expect(size(16).height == size(8).height && size(17).height > size(16).height)
        #expect(size(400).width <= size(16).width)
    }

    @Test func tokensAreShownOnOneLine() {
        #expect(" a b".shownToken(8) == "␣a␣b" && "\n".shownToken(8) == "\\n")
        #expect("123456789".shownToken(8) == "1234567…" && "12345678".shownToken(8) == "12345678")
    }
}
