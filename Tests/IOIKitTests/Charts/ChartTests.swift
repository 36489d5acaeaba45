import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Charts are sound XML, and each mark tells its figure.
@Suite struct ChartTests {
    /// What the marks of a picture tell, and all its texts.
    static func read(_ svg: String) throws -> (tips: [String], texts: [String]) {
        final class Reader: NSObject, XMLParserDelegate {
            var (tips, texts, styles) = ([String](), [String](), [String]())
            func parser(
                _ parser: XMLParser,
                didStartElement name: String,
                namespaceURI: String?,
                qualifiedName: String?,
                attributes: [String: String] = [:]
            ) {
                styles.append(name == "text" ? attributes["class"] ?? "" : name == "title" ? "tip" : "")
                if name == "title" { tips.append("") }
                if name == "text" { texts.append("") }
            }
            func parser(_ parser: XMLParser, foundCharacters text: String) {
                guard let style = styles.last, !style.isEmpty else { return }
                if style == "tip" { tips[tips.count - 1] += text } else { texts[texts.count - 1] += text }
            }
            func parser(_ parser: XMLParser, didEndElement: String, namespaceURI: String?, qualifiedName: String?) {
                styles.removeLast()
            }
        }
        let (reader, parser) = (Reader(), XMLParser(data: Data(svg.utf8)))
        parser.delegate = reader
        #expect(parser.parse(), "\(String(describing: parser.parserError))")
        return (reader.tips, reader.texts)
    }

    @Test func eachCellOfAMapTellsItsFigure() throws {
        let map = MapChart(
            title: "a < b & c", values: [[1.25, -50], [nil, 0]], intervals: [[[1, 1.5], [-60, -40]], [nil, nil]]
        )
        #expect(map.scale == 50)
        let found = try Self.read(map.svg)
        #expect(found.tips == ["0.0: 1.2 %  [1.0, 1.5]", "0.1: -50.0 %  [-60.0, -40.0]", "1.1: 0.0 %"])
        #expect(found.texts.contains("a < b & c") && found.texts.contains("·"))
        #expect(MapChart.scale(of: [[[nil]], [[3]], [[-4]]]) == 4)
        #expect(MapChart.scale(of: [[[0]]]) == 1)
    }

    @Test func aScatterHasASpeckForEachPoint() throws {
        let series = [
            ScatterChart.Series(name: "IO", points: [(0.25, 1), (0.5, -2), (.nan, 1)]),
            ScatterChart.Series(name: "S", points: [(1, 3)]), ScatterChart.Series(name: "none", points: []),
        ]
        let chart = ScatterChart(title: "9.9 & more", subtitle: "ρ 0.81", xLabel: "x", yLabel: "y", series: series)
        let texts = try Self.read(chart.svg).texts
        #expect(["9.9 & more", "ρ 0.81", "x", "y", "IO", "S"].allSatisfy(texts.contains) && !texts.contains("none"))
        func specks(_ svg: String, _ form: String) -> [(Double, Double)] {
            svg.matches(of: /stroke-linecap="(\w+)" d="([^"]*)"/).filter { $0.output.1 == form }.flatMap {
                $0.output.2.matches(of: /M([0-9.]+) ([0-9.]+)h0/).map { (Double($0.output.1)!, Double($0.output.2)!) }
            }
        }
        // One of each in the legend.
        #expect(specks(chart.svg, "round").count == 3 && specks(chart.svg, "square").count == 2)
        // Of charts on the same axes a point lies at the same place.
        let alone = ScatterChart(title: "a", xLabel: "x", yLabel: "y", series: [series[1]], onAxesOf: [series])
        #expect(specks(alone.svg, "round")[0] == specks(chart.svg, "square")[0])
    }

    @Test func coloursGoFromBlueOverThePaperToRed() {
        #expect(MapColour(share: 0).opacity == 0 && !MapColour(share: 0).isDark)
        #expect(MapColour(share: -1).css == "rgb(33,102,172)" && MapColour(share: -1).isDark)
        #expect(MapColour(share: 2).css == "rgb(178,24,43)" && MapColour(share: 2).isDark)
        #expect(MapColour(share: -0.5).opacity == 0.5 && MapColour(share: 2).opacity == 1)
    }

    @Test func eachPointOfALineTellsItsFigure() throws {
        let points = [
            LineChart.Point(x: 0, y: 1, interval: [0.5, 1.5], name: "base"), LineChart.Point(x: 3, y: 2, name: "a@3"),
            LineChart.Point(x: 4, y: .nan, name: "never"),
        ]
        let chart = LineChart(
            title: "t", unit: " %", decimals: 1,
            series: [
                .init(name: "a", points: points, colour: 0), .init(name: "empty", points: [], colour: 1),
            ], reference: 100)
        let found = try Self.read(chart.svg)
        #expect(found.tips == ["base: 1.0 %  [0.5 %, 1.5 %]", "a@3: 2.0 %"])
        #expect(found.texts.contains("a") && !found.texts.contains("empty") && found.texts.contains("epochs"))
        // Nothing to draw is no reason to fail.
        _ = try Self.read(LineChart(title: "t", series: []).svg)
    }

    @Test func aDiagramMarksWhatHasChanged() throws {
        func circuit(_ movers: [Head]) throws -> Circuit {
            try Circuit(
                model: "m",
                classes: [
                    HeadClass(name: "name mover", heads: movers, position: .one(.end)),
                    HeadClass(name: "duplicate token", heads: [Head(0, 1)], position: .one(.s2)),
                ],
                paths: [
                    ClassPath(from: "name mover", to: "logits"),
                    ClassPath(from: "duplicate token", to: "name mover", inputs: [.q]),
                ])
        }
        let diagram = CircuitDiagram(
            title: "t", try circuit([Head(3, 0), Head(3, 1)]), comparedWith: try circuit([Head(3, 0), Head(3, 2)])
        )
        let texts = try Self.read(diagram.svg).texts
        #expect(
            Set(["name mover (END)", "duplicate token (S2)", "3.0", "3.1", "3.2", "0.1", "q", "logits"]).isSubset(
                of: texts))
        #expect(diagram.svg.contains("<text class=\"gained\" x=") && diagram.svg.contains("class=\"lost\""))
        #expect(diagram.svg.components(separatedBy: "class=\"gained\"").count == 2)
    }
}
