import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct IntervalChartTests {
    private typealias Row = IntervalChart.Row

    private func chart(_ rows: [Row], references: [IntervalChart.Reference] = [], unit: String = "%") -> IntervalChart {
        IntervalChart(
            title: "Title", axisLabel: "axis", unit: unit, bandLabel: "by chance", references: references,
            groups: [IntervalChart.Group(rows: rows)]
        )
    }

    private func escapes(in text: String) -> [String] {
        text.matches(of: /\u{1B}\[([0-9]*)m/).map { String($0.1) }
    }

    private func withoutColours(_ text: String) -> String {
        text.replacingOccurrences(of: "\u{1B}\\[[0-9]*m", with: "", options: .regularExpression)
    }

    // MARK: - In characters

    @Test func dotsWhiskersBandsAndLinesStandAtTheirNumbers() {
        let chart = IntervalChart(
            title: "Faithfulness", subtitle: "of one circuit", axisLabel: "%", unit: "%", bandLabel: "by chance",
            references: [IntervalChart.Reference(value: 100, label: "whole model")],
            groups: [
                IntervalChart.Group(
                    heading: "Mean",
                    rows: [
                        Row(label: "nodes", value: 80, interval: 70...90, band: 0...50, note: "worst"),
                        Row(label: "edges", value: 20, band: 10...30),
                    ]
                ),
                IntervalChart.Group(heading: "Zero", rows: [Row(label: "n", value: 100, interval: 95...105)]),
            ]
        )
        // The plot has 37 columns, for -3.15 to 108.15.
        #expect(
            chart.text(width: 75, isColoured: false) == """
                Faithfulness
                of one circuit
                ● value   ─ 95 % interval   ░ by chance

                                                 whole model
                Mean
                nodes   ░░░░░░░░░░░░░░░░░      ───●───  │      80.0 % [70.0, 90.0]   worst
                edges      ░░░●░░░░                     │      20.0 %
                Zero
                n                                      ─●──   100.0 % [95.0, 105.0]
                       ─┬─────┬──────┬─────┬──────┬─────┬───
                        0    20     40    60     80    100
                       %
                """
        )
    }

    @Test func whatLiesBeyondIsAnArrow() {
        let rows = (0..<20).map { Row(label: "r", value: Double($0), interval: Double($0) - 1...Double($0) + 1) }
        let far = [
            Row(label: "above", value: 900, interval: 800...1000, band: 500...600),
            Row(label: "below", value: -900),
            Row(label: "wide", value: 3, interval: -700...700),
            Row(label: "undefined", value: .nan, interval: 2...3),
        ]
        let text = chart(rows + far).text(width: 80, isColoured: false)
        let lines = Dictionary(
            uniqueKeysWithValues: text.split(separator: "\n").map { line in
                (line.split(separator: " ").first.map(String.init) ?? "", String(line))
            }.filter { far.map(\.label).contains($0.0) }
        )
        #expect(lines["above"]?.contains(/above +▶ +900.0 % \[800.0, 1000.0\]$/) == true)
        #expect(lines["below"]?.contains(/below +◀ +-900.0 %$/) == true)
        #expect(lines["wide"]?.contains(/wide +←─+●─+→ +3.0 % \[-700.0, 700.0\]$/) == true)
        #expect(lines["undefined"]?.contains(/undefined +not defined$/) == true)
        #expect(text.contains("◀ ▶ beyond the axis"))
        #expect(!chart(rows).text(width: 80, isColoured: false).contains("beyond"))
        #expect(
            chart([Row(label: "b", value: 3, band: -900 ... -800)] + rows).text(width: 80, isColoured: false).contains(
                "b  ‹"))
    }

    @Test func coloursChangeNothingElse() {
        let rows = [Row(label: "a", value: 1, interval: 0...2, band: -3...1.5), Row(label: "b", value: 7)]
        let chart = chart(rows, references: [IntervalChart.Reference(value: 5, label: "five")])
        let coloured = chart.text(width: 90, isColoured: true)
        #expect(withoutColours(coloured) == chart.text(width: 90, isColoured: false))
        let escapes = escapes(in: coloured)
        #expect(Set(escapes) == ["0", "1", "35", "36", "90"])
        for (index, escape) in escapes.enumerated() { #expect((escape == "0") == !index.isMultiple(of: 2)) }
    }

    @Test(arguments: [200, 100, 80, 60, 40])
    func linesFitTheWidth(_ width: Int) {
        let rows = (0..<20).map { index in
            Row(
                label: "ablation value \(index), positions, grouping", value: Double(index) * 5,
                interval: Double(index) * 5 - 3...Double(index) * 5 + 3
            )
        }
        let references = ["whole model", "published figure"].enumerated().map { index, label in
            IntervalChart.Reference(value: 95 - 5 * Double(index), label: label)
        }
        let lines = chart(rows, references: references).text(width: width, isColoured: false)
            .components(separatedBy: "\n")
        // All but the title and the legend.
        #expect(lines.dropFirst(2).allSatisfy { $0.count <= max(width, 38) }, "\(lines)")
        // Labels have lines of their own where too little is left beside them.
        #expect(lines.contains { $0.hasPrefix("ablation value 7, ") && $0.contains("35.0 %") } == (width > 80))
        #expect(lines.filter { $0.contains("●") }.count == 21)
        #expect(lines.filter { $0.contains("whole model") || $0.contains("published figure") }.count == 2)
    }

    @Test func figuresHaveUnitsWhereThereIsOne() {
        let row = Row(label: "a", value: -0.04, interval: -0.26...0.14)
        #expect(chart([row]).text(width: 80, isColoured: false).contains("  0.0 % [-0.3, 0.1]\n"))
        #expect(chart([row], unit: "").text(width: 80, isColoured: false).contains("  0.0 [-0.3, 0.1]\n"))
    }

    // MARK: - As SVG

    /// What a parser finds in a document.
    private final class Contents: NSObject, XMLParserDelegate {
        private(set) var elements: [(name: String, attributes: [String: String])] = []
        private(set) var texts: [String] = []
        private var isOpen = false

        init(_ svg: String) throws {
            super.init()
            let parser = XMLParser(data: Data(svg.utf8))
            parser.delegate = self
            let isSound = parser.parse()
            try #require(isSound, "\(String(describing: parser.parserError))")
        }

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            elements.append((name, attributes))
            isOpen = false
        }

        func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
            isOpen = false
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) {
            if isOpen { texts[texts.count - 1] += string } else { texts.append(string) }
            isOpen = true
        }

        func all(_ style: String) -> [[String: String]] {
            elements.map(\.attributes).filter { $0["class"] == style }
        }
    }

    @Test func theDocumentIsSoundAndWhole() throws {
        let svg = IntervalChart(
            title: "a < b & \"c\"", subtitle: "d > 'e'", axisLabel: "F(C)/F(M)", unit: "%",
            bandLabel: "random & matched", references: [IntervalChart.Reference(value: 100, label: "<whole>")],
            groups: [
                IntervalChart.Group(
                    heading: "h & i",
                    rows: [Row(label: "j\u{0}k\u{1B}", value: 87.1, interval: 85...89.2, band: 5...30, note: "]]>")]
                ),
                IntervalChart.Group(rows: [Row(label: "none", value: .nan)]),
            ]
        ).svg
        let contents = try Contents(svg)
        for text in [
            "a < b & \"c\"", "d > 'e'", "F(C)/F(M)", "random & matched", "<whole>", "h & i", "j\u{FFFD}k\u{FFFD}",
            "87.1 %",
            "[85.0, 89.2]", "]]>", "not defined", "100",
        ] { #expect(contents.texts.contains(text), "\(text)") }
        #expect(contents.elements[0].attributes["aria-label"] == "a < b & \"c\"")
        #expect(contents.all("band").count == 2 && contents.all("reference").count == 1)
        // One in the legend, one in a row.
        #expect(contents.all("dot").count == 2)
        #expect(svg.contains("prefers-color-scheme: dark"))
        // The namespace alone.
        #expect(svg.components(separatedBy: "http").count == 2)
    }

    @Test func marksLieAtTheirNumbers() throws {
        let rows = [Row(label: "a", value: 0, interval: -25...25), Row(label: "b", value: 100, band: 50...100)]
        let contents = try Contents(chart(rows, references: [IntervalChart.Reference(value: 50, label: "half")]).svg)
        func number(_ attributes: [String: String], _ name: String) -> Double { Double(attributes[name] ?? "") ?? .nan }
        func span(_ attributes: [String: String]) -> [Double] {
            let xs = (attributes["points"] ?? "").split(separator: " ").compactMap {
                Double($0.split(separator: ",")[0])
            }
            return [xs.min() ?? .nan, xs.max() ?? .nan]
        }
        let dots = contents.all("dot").dropFirst().map { number($0, "cx") }
        let (zero, hundred) = (dots[0], dots[1])
        func x(_ value: Double) -> Double { zero + (hundred - zero) * value / 100 }
        let reference = try #require(contents.all("reference").first)
        #expect(abs(number(reference, "x1") - x(50)) <= 0.11)
        let whisker = span(contents.all("whisker")[1])
        #expect(abs(whisker[0] - x(-25)) <= 0.11 && abs(whisker[1] - x(25)) <= 0.11)
        let band = span(contents.all("band")[1])
        #expect(abs(band[0] - x(50)) <= 0.11 && abs(band[1] - x(100)) <= 0.11)
        let axis = try #require(contents.all("axis").first)
        #expect(abs(number(axis, "x1") - x(-25 - 3.75)) <= 0.15 && abs(number(axis, "x2") - x(103.75)) <= 0.15)
    }

    @Test func whatLiesBeyondPointsOutward() throws {
        let rows = (0..<8).map { Row(label: "r", value: Double($0)) }
        let far = [
            Row(label: "above", value: 900, interval: 800...1000, band: 500...600),
            Row(label: "below", value: -900, band: -600...3),
        ]
        let contents = try Contents(chart(rows + far).svg)
        let axis = try #require(contents.all("axis").first)
        let ends = ["x1", "x2"].map { Double(axis[$0]!)! }
        // The rows' marks come after the axis, the legend's before it.
        let marks = contents.elements.map(\.attributes).drop { $0["class"] != "axis" }.compactMap { $0["points"] }
            .flatMap { $0.split(separator: " ").map { Double($0.split(separator: ",")[0])! } }
        #expect(marks.count == 18)
        #expect(marks.allSatisfy { ends[0] <= $0 && $0 <= ends[1] })
        let arrows = contents.all("dot").compactMap { $0["points"] }.map { points in
            points.split(separator: " ").map { Double($0.split(separator: ",")[0])! }
        }
        // The first is the legend's; each has its point first.
        #expect(arrows.count == 3)
        #expect(arrows[1] == [ends[1], ends[1] - 9, ends[1] - 9] && arrows[2] == [ends[0], ends[0] + 9, ends[0] + 9])
        #expect(contents.texts.contains("900.0 %") && contents.texts.contains("-900.0 %"))
    }

    @Test func longLabelsWidenTheDocument() throws {
        func width(_ label: String) throws -> Double {
            Double(try Contents(chart([Row(label: label, value: 1)]).svg).elements[0].attributes["width"]!)!
        }
        #expect(try width("short") == 900)
        #expect(try width(String(repeating: "long ", count: 30)) > 1300)
    }

    @Test func aChartWithoutRowsIsItsAxis() throws {
        let empty = chart([])
        #expect(empty.text(width: 60, isColoured: false).contains("0.0"))
        #expect(try Contents(empty.svg).all("dot").count == 1)
    }

    @Test func textIsWrappedBetweenWords() {
        let words = ["one", "two", "three", "eleven"]
        #expect(words.lines(width: 9) == ["one two", "three", "eleven"])
        #expect(words.lines(width: 9, separator: ",") == ["one, two,", "three,", "eleven"])
        #expect(words.lines(width: 1) == words)
        #expect([String]().lines(width: 9) == [])
    }
}
