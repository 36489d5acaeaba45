import Foundation
import GPT2Kit
import TestSupport
import Testing

@testable import IOIKit

/// No arrow of a circuit's diagram passes through a box, and no text covers another.
@Suite struct CircuitLayoutTests {
    private static func check(_ diagram: CircuitDiagram, _ name: String) {
        let layout = diagram.layout
        for (index, box) in layout.boxes.enumerated() {
            #expect(!layout.boxes.dropFirst(index + 1).contains { $0.intersects(box) }, "\(name): boxes overlap")
        }
        for route in layout.routes {
            for (from, to) in zip(route.points, route.points.dropFirst()) {
                #expect(from.x == to.x || from.y == to.y, "\(name): a slanted line")
                // An arrow only touches its own boxes, so that it is in the inside of none.
                let line = CircuitLayout.Rectangle(
                    x: min(from.x, to.x), y: min(from.y, to.y), width: abs(from.x - to.x), height: abs(from.y - to.y))
                for box in layout.boxes {
                    #expect(!line.intersects(box), "\(name): a line from \(from) to \(to) passes through \(box)")
                }
            }
        }
        let labels = layout.routes.compactMap(\.labelBox)
        for (index, label) in labels.enumerated() {
            let others = labels.dropFirst(index + 1) + layout.boxes
            #expect(!others.contains { $0.intersects(label) }, "\(name): a label is covered")
        }
        for box in layout.boxes + labels {
            #expect(box.x >= 0 && box.right <= layout.width && box.bottom <= layout.height + 20)
        }
    }

    @Test func publishedCircuitsAreDrawnAroundTheirBoxes() throws {
        for name in try DataDirectory.names(in: "circuits") {
            let circuit = try Circuit(contentsOf: Circuit.file(named: name))
            Self.check(CircuitDiagram(title: name, circuit), name)
        }
    }

    @Test(arguments: 0..<40) func randomCircuitsAreDrawnAroundTheirBoxes(_ seed: Int) throws {
        var generator = SeededGenerator(UInt64(seed), "circuits")
        let count = Int.random(in: 1...9, using: &generator)
        let positions: [PositionSelection] = [.one(.end), .one(.s2), .one(.s1Next), .all]
        let isIOI = Bool.random(using: &generator)
        let classes = (0..<count).map { index in
            HeadClass(
                name: "class \(index)" + String(repeating: " of a long name", count: index % 4),
                heads: (0...Int.random(in: 0...24, using: &generator)).map { Head(index, $0) },
                position: isIOI ? positions.randomElement(using: &generator)! : .all)
        }
        let paths = classes.flatMap { from in
            (classes.map(\.name) + ["logits"]).compactMap { to -> ClassPath? in
                guard Int.random(in: 0..<3, using: &generator) == 0 else { return nil }
                return ClassPath(from: from.name, to: to, inputs: to == "logits" ? [] : [.q, .k, .v])
            }
        }
        Self.check(CircuitDiagram(title: "t", try Circuit(model: "m", classes: classes, paths: paths)), "\(seed)")
    }

    static func edges(_ count: Int, layers: Int = 12, heads: Int = 12) throws -> Circuit {
        var generator = SeededGenerator(UInt64(count), "edges")
        var edges: Set<String> = ["input->m0", "m11->logits"]
        while edges.count < count {
            let (from, to) = (
                Int.random(in: 0..<layers - 1, using: &generator), Int.random(in: 0..<layers, using: &generator)
            )
            let head = Int.random(in: 0..<heads, using: &generator)
            guard from < to else { continue }
            edges.insert(head % 3 == 0 ? "m\(from)->\(to).\(head).q" : "\(from).\(head)->\(to).\(head / 2).v")
        }
        return try Circuit(
            model: "m", classes: [HeadClass(name: "a", heads: [Head(0, 0)], position: .all)], edges: edges.sorted())
    }

    @Test(arguments: [12, 60]) func circuitsOfEdgesAreDrawnAroundTheirBoxes(_ count: Int) throws {
        let circuit = try Self.edges(count)
        Self.check(CircuitDiagram(title: "t", circuit), "\(count) edges")
        #expect(CircuitDiagram.dot(circuit).split(separator: "\n").count { $0.contains("->") } == count)
    }

    /// Of many edges, the strongest are dark, and all others are thin or counted.
    @Test(arguments: [70, 300, 4000], [true, false]) func manyEdgesAreOnAGrid(_ count: Int, _ isScored: Bool) throws {
        let circuit = try Self.edges(count, layers: 48, heads: 25)
        let scores = circuit.edges.enumerated().map { index, edge -> DiscoverResults.EdgeScore in
            let size = 1 / Double(1 + (index * 7) % count)
            return DiscoverResults.EdgeScore(edge: edge, score: index % 2 == 0 ? size : -size, ci95: nil)
        }
        let diagram = EdgeDiagram(title: "t", circuit, scores: isScored ? scores : [])
        #expect(circuit.diagram(title: "t") is EdgeDiagram)
        let all = (diagram.strong + diagram.thin).reduce(0) { $0 + $1.count } + diagram.undrawn
        #expect(all == count && diagram.note.hasPrefix("\(count) edges between \(diagram.places.count) nodes"))
        // What an edge joins, without its input.
        func ends(_ edge: String) -> [String] {
            edge.replacing(/\.[qkv]$/, with: "").components(separatedBy: "->")
        }
        let dark = isScored ? scores.sorted { abs($0.score) > abs($1.score) }.prefix(EdgeDiagram.strongEdges) : []
        #expect(Set(diagram.strong.map { [$0.from, $0.to] }) == Set(dark.map { ends($0.edge) }))
        #expect(Set(diagram.places.keys) == Set(circuit.edges.flatMap(ends)))
        // Each in a place of its own, below all that it can read.
        let places = diagram.places.map { (name: $0.key, x: $0.value.x, y: $0.value.y) }
        for (index, one) in places.enumerated() {
            let isCovered = places.dropFirst(index + 1).contains { other in
                let (x, y) = (abs(other.x - one.x), abs(other.y - one.y))
                return x < 40 && y < 18
            }
            #expect(!isCovered, "\(one.name)")
        }
        for edge in circuit.edges.map(ends) {
            let (from, to) = (try #require(diagram.places[edge[0]]), try #require(diagram.places[edge[1]]))
            #expect(from.y < to.y)
        }
        let found = try ChartTests.read(diagram.svg)
        #expect(found.tips.count == diagram.places.count + diagram.strong.count)
        #expect(diagram.svg.utf8.count < 400_000)
    }

    /// Nor are few edges over many layers wider than a page.
    @Test func diagramsAreNotTooWide() throws {
        #expect(try Self.edges(12).diagram(title: "t") is CircuitDiagram)
        #expect(try Self.edges(60, layers: 48, heads: 25).diagram(title: "t") is EdgeDiagram)
    }

    /// Classes may be called anything.
    @Test func namesAreQuotedForGraphviz() throws {
        let circuit = try Circuit(
            model: "m", classes: [HeadClass(name: "a \"b\" \\ c", heads: [Head(0, 0)], position: .all)],
            paths: [ClassPath(from: "a \"b\" \\ c", to: "logits")])
        #expect(CircuitDiagram.dot(circuit).contains(#""a \"b\" \\ c" -> "logits""#))
    }
}
