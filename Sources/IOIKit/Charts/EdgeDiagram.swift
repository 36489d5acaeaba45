import Foundation

/// A diagram of a circuit of many edges: its nodes on a grid, as heads are in a map, with layers from the input down to the
/// logits and MLPs to the right. Edges with the strongest scores are dark; the others are thin lines, or counted only.
public struct EdgeDiagram: Chart {
    /// So many edges are dark.
    static let strongEdges = 100
    /// With more thin lines than these, nothing could be told from another.
    static let mostLines = 2000

    /// What lies between two nodes: an edge for each input that is read.
    struct Line {
        let from, to: String
        /// The inputs of the second node; empty for one that has a single input.
        var inputs: [String] = []
        /// That of its strongest edge; nil if unknown.
        var score: Double?
        /// The number of its edges.
        var count = 0
    }

    public let title: String
    /// The place of each node: its centre. [pixels]
    let places: [String: (x: Double, y: Double)]
    /// Those whose edges are among the strongest, and those that are drawn thin.
    let strong, thin: [Line]
    /// The number of edges that are not drawn.
    let undrawn: Int
    private let edgeCount: Int
    private let strongCount: Int
    private let width, height: Double
    /// The edges that each node reads and sends.
    private let degrees: [String: (reads: Int, sends: Int)]

    private static let cell = 46.0
    private static let box = (width: 40.0, height: 18.0)
    private static let edge = 16.0

    /// - Parameters:
    ///   - title: the title of the chart.
    ///   - circuit: one with edges.
    ///   - scores: those of its edges; empty if they are unknown.
    public init(title: String, _ circuit: Circuit, scores: [DiscoverResults.EdgeScore] = []) {
        self.title = title
        let known = Dictionary(scores.map { ($0.edge, $0.score) }) { first, _ in first }
        let strongest = Set(
            circuit.edges.filter { known[$0] != nil }
                .sorted { (-abs(known[$0]!), $0) < (-abs(known[$1]!), $1) }.prefix(Self.strongEdges))
        var lines: [String: Line] = [:]
        var degrees: [String: (reads: Int, sends: Int)] = [:]
        var dark: Set<String> = []
        for name in circuit.edges {
            let ends = CircuitDiagram.Ends(name)
            let key = "\(ends.from) \(ends.to)"
            var line = lines[key] ?? Line(from: ends.from, to: ends.to)
            if !ends.input.isEmpty { line.inputs.append(ends.input) }
            if let score = known[name], abs(score) >= abs(line.score ?? 0) { line.score = score }
            line.count += 1
            lines[key] = line
            degrees[ends.from, default: (0, 0)].sends += 1
            degrees[ends.to, default: (0, 0)].reads += 1
            if strongest.contains(name) { dark.insert(key) }
        }
        func isBefore(_ a: Line, _ b: Line) -> Bool {
            (-abs(a.score ?? 0), a.from, a.to) < (-abs(b.score ?? 0), b.from, b.to)
        }
        strong = lines.filter { dark.contains($0.key) }.values.sorted(by: isBefore)
        let others = lines.filter { !dark.contains($0.key) }.values.sorted(by: isBefore)
        // Without scores there is nothing by which some could be chosen.
        thin = others.count <= Self.mostLines ? others : scores.isEmpty ? [] : Array(others.prefix(Self.mostLines))
        (edgeCount, strongCount, self.degrees) = (circuit.edges.count, strongest.count, degrees)
        undrawn = circuit.edges.count - (strong + thin).reduce(0) { $0 + $1.count }

        let nodes = degrees.keys.filter { $0 != "logits" }
        let rows = Set(nodes.map(CircuitDiagram.column)).sorted()
        let heads = Set(nodes.filter { CircuitDiagram.isHead($0) }.map(CircuitDiagram.number)).sorted()
        let hasMLPs = nodes.contains { !CircuitDiagram.isHead($0) && $0 != "input" }
        let columns = Double(max(heads.count + (hasMLPs ? 1 : 0), 1))
        width = max(2 * Self.edge + columns * Self.cell, 420)
        let left = (width - columns * Self.cell) / 2
        // Long lines show their way by themselves; short ones need room.
        let step = rows.count > 30 ? 30.0 : 40.0
        let top = 84.0
        var places: [String: (x: Double, y: Double)] = [:]
        for node in nodes {
            let column =
                CircuitDiagram.isHead(node)
                ? Double(heads.firstIndex(of: CircuitDiagram.number(node))!) : columns - 1
            let row = Double(rows.firstIndex(of: CircuitDiagram.column(node))!)
            places[node] = (node == "input" ? width / 2 : left + (column + 0.5) * Self.cell, top + row * step)
        }
        places["logits"] = (width / 2, top + Double(rows.count) * step)
        height = top + Double(rows.count) * step + 26
        self.places = places
    }

    /// What is drawn, in a sentence.
    var note: String {
        let all = "\(edgeCount) edges between \(places.count) nodes"
        let rest = undrawn > 0 ? "; \(undrawn) more are not drawn" : ""
        guard strongCount > 0 else {
            return all
                + (thin.isEmpty ? ", too many to draw without their scores" : ", all alike: their scores are unknown")
        }
        return all + ". Dark: the \(strongCount) strongest, wider the stronger, dashed if negative. Thin: "
            + "\((edgeCount - strongCount - undrawn)) others" + rest
    }

    public var svg: String {
        let heading = SVG.lines(title, Self.edge, 22, "heading", width: width - 2 * Self.edge)
        let words = SVG.lines(note, Self.edge, 42 + heading.height, "quiet", width: width - 2 * Self.edge)
        let shift = heading.height + words.height
        var body = ["<path class=\"edge\" d=\"\(thin.map(curve).joined())\"/>"]
        let most = strong.compactMap { $0.score.map(abs) }.max() ?? 1
        // The strongest lie on top.
        body += strong.reversed().map { line in
            let score = line.score ?? 0
            let inputs = line.inputs.isEmpty ? "" : ".\(line.inputs.joined(separator: ","))"
            let dash = score < 0 ? " stroke-dasharray=\"5 3\"" : ""
            return SVG.mark(
                "\(line.from) → \(line.to)\(inputs): \(score.significant)",
                [
                    "<path class=\"strong\" stroke-width=\"\(SVG.number(1 + 2.5 * abs(score) / max(most, .leastNonzeroMagnitude)))\""
                        + "\(dash) d=\"\(curve(line))\"/>"
                ])
        }
        for (name, place) in places.sorted(by: { $0.key < $1.key }) {
            let (reads, sends) = degrees[name] ?? (0, 0)
            let width = max(Self.box.width, SVG.width(name) + 8)
            body.append(
                SVG.mark(
                    "\(name): reads \(reads), sends \(sends)",
                    [
                        SVG.rectangle(
                            place.x - width / 2, place.y - Self.box.height / 2, width, Self.box.height, "box"),
                        SVG.label(name, place.x, place.y + 4, "middle"),
                    ]))
        }
        let drawing = "<g transform=\"translate(0 \(SVG.number(shift)))\">\(body.joined(separator: "\n"))</g>"
        return SVG.document(
            title: title, width: width, height: height + shift, style: SVG.style,
            body: heading.elements + words.elements + [drawing])
    }

    /// From the lower edge of one box to the upper edge of another, around the boxes between them in one column.
    private func curve(_ line: Line) -> String {
        guard let from = places[line.from], let to = places[line.to] else { return "" }
        let (start, end) = (from.y + Self.box.height / 2, to.y - Self.box.height / 2)
        let bend = max((end - start) / 3, 6)
        let aside = abs(from.x - to.x) < 1 && end - start > 40 ? Self.cell * 0.75 : 0
        let numbers = [from.x, start, from.x + aside, start + bend, to.x + aside, end - bend, to.x, end]
            .map(SVG.number)
        return "M\(numbers[0]) \(numbers[1])C" + numbers[2...].joined(separator: " ")
    }
}

extension Double {
    /// Three digits, however small the number is.
    fileprivate var significant: String {
        let decimals = self == 0 ? 0 : max(2 - Int(Foundation.log10(abs(self)).rounded(.down)), 0)
        return fixed(min(decimals, 12), isSigned: true)
    }
}

extension Circuit {
    /// Its diagram: of its classes, of its nodes and what each reads, or of many edges on a grid.
    ///
    /// - Parameters:
    ///   - title: the title of the chart.
    ///   - scores: those of its edges; empty if they are unknown.
    public func diagram(title: String, scores: [DiscoverResults.EdgeScore] = []) -> any Chart {
        let boxes = CircuitDiagram(title: title, self)
        guard !edges.isEmpty, paths.isEmpty else { return boxes }
        let isMany = edges.count > CircuitDiagram.mostEdges || boxes.layout.width > CircuitDiagram.greatestWidth
        return isMany ? EdgeDiagram(title: title, self, scores: scores) : boxes
    }
}
