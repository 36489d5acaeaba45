/// A diagram of a circuit: a box for each class, and an arrow where one class reads another's output. The boxes of an IOI
/// circuit go from S1+1 through S2 to END, those of any other by the longest path from each class to the logits. Compared
/// with a base circuit, the diagram marks nodes that are new or gone.
public struct CircuitDiagram: Sendable {
    private struct Box {
        /// In lines that fit the box.
        let title: [String]
        let nodes: [(text: String, style: String)]
        let column: Int
        /// The nodes side by side, and the room that each takes.
        let perLine: Int
        let cell: Double

        init(title: String, nodes: [(text: String, style: String)], column: Int) {
            self.title = title.split(separator: " ").map(String.init).lines(width: 30)
            self.nodes = nodes
            self.column = column
            // Many nodes make a block, not a tower.
            perLine = max(4, Int(Double(nodes.count).squareRoot().rounded()))
            cell = max(40, (nodes.map { SVG.width($0.text) }.max() ?? 0) + 8)
        }

        var width: Double {
            max(
                Double(nodes.isEmpty ? 0 : min(perLine, max(nodes.count, 4))) * cell,
                title.map { SVG.width($0, size: 14) }.max() ?? 0) + 16
        }
        var textHeight: Double { Double(title.count) * 16 + Double((nodes.count + perLine - 1) / perLine) * 18 + 12 }
    }

    /// With more edges than these, or where they need more pixels across, a circuit's edges are drawn by ``EdgeDiagram``.
    package static let mostEdges = 60
    static let greatestWidth = 1800.0

    public let title: String
    private let boxes: [Box]
    private let paths: [Path]

    /// An arrow between boxes; without an end, to the logits.
    private struct Path {
        let from: Int
        let to: Int?
        let label: String
    }

    /// - Parameters:
    ///   - base: the circuit to compare with, if any.
    ///   - circuit: the circuit.
    ///   - title: the title of the chart.
    public init(title: String, _ circuit: Circuit, comparedWith base: Circuit? = nil) {
        self.title = title
        guard circuit.edges.isEmpty || base != nil || !circuit.paths.isEmpty else {
            (boxes, paths) = Self.drawn(circuit.edges)
            return
        }
        var names = circuit.classes.map(\.name)
        for headClass in base?.classes ?? [] where !names.contains(headClass.name) { names.append(headClass.name) }
        let classes = names.map { name in
            (now: circuit.classes.first { $0.name == name }, before: base?.classes.first { $0.name == name })
        }
        let all = classes.map { ($0.now ?? $0.before)! }
        let columns = Self.columns(ofIOI: all) ?? Self.columns(of: names, paths: circuit.paths + (base?.paths ?? []))
        boxes = zip(classes, zip(all, columns)).map { versions, place in
            let (name, position) = (place.0.name, place.0.position)
            let nodes = versions.now?.nodes ?? []
            let before = versions.before?.nodes ?? []
            var shown = nodes.map { ($0.description, base == nil || before.contains($0) ? "label" : "gained") }
            shown += before.filter { !nodes.contains($0) }.map { ($0.description, "lost") }
            // Some class names already end in the position.
            let title = name.hasSuffix("(\(position))") ? name : "\(name) (\(position))"
            return Box(title: title, nodes: shown, column: place.1)
        }
        paths = circuit.paths.compactMap { path in
            names.firstIndex(of: path.from).map { from in
                Path(
                    from: from, to: names.firstIndex(of: path.to),
                    label: path.inputs.map(\.rawValue).joined(separator: ", "))
            }
        }
    }

    /// The ends of edges in columns from the input to the last layer, heads before the MLP.
    private static func drawn(_ edges: [String]) -> (boxes: [Box], paths: [Path]) {
        let ends = edges.map(Ends.init)
        let names = Set(ends.flatMap { [$0.from, $0.to] }).subtracting(["logits"])
            .sorted { (column($0), $0) < (column($1), $1) }
        let boxes = names.map { Box(title: $0, nodes: [], column: column($0)) }
        var inputs: [String: (ends: Ends, inputs: Set<String>)] = [:]
        for end in ends {
            inputs["\(end.from) \(end.to)", default: (end, [])].inputs.formUnion(end.input.isEmpty ? [] : [end.input])
        }
        let paths = inputs.sorted { $0.key < $1.key }.map { _, path in
            Path(
                from: names.firstIndex(of: path.ends.from)!, to: names.firstIndex(of: path.ends.to),
                label: path.inputs.sorted().joined(separator: ", "))
        }
        return (boxes, paths)
    }

    /// The nodes of an edge's name, such as `7.3->9.9.q`, and the input that it goes to.
    struct Ends {
        let from, to, input: String

        init(_ edge: String) {
            let parts = edge.components(separatedBy: "->")
            let receiver = (parts.last ?? "").split(separator: ".").map(String.init)
            (from, to) = (parts[0], receiver.prefix(2).joined(separator: "."))
            input = receiver.count == 3 ? receiver[2] : ""
        }
    }

    /// The place of a node in the order of computation: that of its layer's heads, and after it that of its MLP.
    static func column(_ node: String) -> Int {
        guard node != "input" else { return -1 }
        let layer = Int(node.drop { $0 == "m" }.prefix { $0.isNumber }) ?? 0
        return 2 * layer + (isHead(node) ? 0 : 1)
    }

    static func isHead(_ node: String) -> Bool { node.contains(".") }

    /// Of a head in its layer.
    static func number(_ node: String) -> Int { Int(node.split(separator: ".").last ?? "") ?? 0 }

    /// The circuit in the language of Graphviz: its edges, else its classes and their paths.
    package static func dot(_ circuit: Circuit) -> String {
        func quoted(_ text: String) -> String {
            "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        var lines = ["rankdir=LR", "node [shape=box, fontname=\"Helvetica\"]", "edge [fontname=\"Helvetica\"]"]
        if circuit.edges.isEmpty {
            lines += circuit.classes.map { headClass in
                let nodes = headClass.nodes.map(\.description).joined(separator: " ")
                let label = "\(headClass.name) (\(headClass.position))\n\(nodes)"
                return "\(quoted(headClass.name)) [label=\(quoted(label).replacing("\n", with: "\\n"))]"
            }
            lines += circuit.paths.map { path in
                let label = path.inputs.map(\.rawValue).joined(separator: ", ")
                return "\(quoted(path.from)) -> \(quoted(path.to)) [label=\(quoted(label))]"
            }
        } else {
            lines += circuit.edges.map(Ends.init).map {
                "\(quoted($0.from)) -> \(quoted($0.to)) [label=\(quoted($0.input))]"
            }
        }
        return "digraph circuit {\n" + lines.map { "  \($0);\n" }.joined() + "}\n"
    }

    /// The columns of classes at the positions of IOI; nil if they are none, or only those that every task has.
    private static func columns(ofIOI classes: [HeadClass]) -> [Int]? {
        let own: Set<PositionSelection> = [.one(.io), .one(.s1), .one(.s1Next), .one(.s2)]
        let positions = Set(classes.map(\.position))
        guard !positions.isDisjoint(with: own), positions.isSubset(of: own.union([.one(.end), .all])) else {
            return nil
        }
        return classes.map { headClass in
            switch headClass.position {
            case .one(.s1Next): 0
            case .one(.end): headClass.name == "S-inhibition" ? 2 : 3
            case .one: 1
            case .all: 3
            }
        }
    }

    /// The columns of classes by the longest path to the logits, so that arrows go to the right.
    private static func columns(of names: [String], paths: [ClassPath]) -> [Int] {
        var depths = Dictionary(uniqueKeysWithValues: names.map { ($0, 0) })
        // A longest path passes each class once; classes that read each other in a circle have none.
        for _ in names.dropFirst() {
            for path in paths where path.from != path.to {
                guard let from = depths[path.from], let to = depths[path.to] else { continue }
                depths[path.from] = min(max(from, to + 1), names.count)
            }
        }
        return names.map { names.count - depths[$0]! }
    }

    /// Where everything lies; the last box is the logits.
    var layout: CircuitLayout {
        let used = Set(boxes.map(\.column)).sorted()
        let sizes = boxes.map { (used.firstIndex(of: $0.column)!, $0.width, $0.textHeight) } + [(used.count, 56, 28)]
        let links = paths.map { CircuitLayout.Link(from: $0.from, to: $0.to ?? boxes.count, label: $0.label) }
        return CircuitLayout(sizes, links, top: 44)
    }

    public var svg: String {
        let layout = layout
        let lines = SVG.lines(title, 16, 22, "heading", width: layout.width - 32)
        var body = lines.elements
        for route in layout.routes {
            var points = route.points.map { ($0.x, $0.y) }
            let tip = points.removeLast()
            body.append(SVG.path(points + [(tip.0 - 7, tip.1)], "arrow"))
            body.append(SVG.polygon([tip, (tip.0 - 8, tip.1 - 4), (tip.0 - 8, tip.1 + 4)], "arrowhead"))
            if let box = route.labelBox { body.append(SVG.label(route.label, box.x, box.bottom - 1, "input")) }
        }
        for (box, place) in zip(boxes, layout.boxes) {
            body.append(SVG.rectangle(place.x, place.y, place.width, place.height, "box"))
            var y = place.y + 17
            for line in box.title {
                body.append(SVG.label(line, place.x + 8, y, "quiet"))
                y += 16
            }
            for (index, node) in box.nodes.enumerated() {
                let (line, column) = index.quotientAndRemainder(dividingBy: box.perLine)
                body.append(
                    SVG.label(
                        node.text, place.x + 8 + Double(column) * box.cell, y + 3 + Double(line) * 18, node.style))
            }
        }
        if let logits = layout.boxes.last {
            body.append(SVG.rectangle(logits.x, logits.y, logits.width, logits.height, "box"))
            body.append(SVG.label("logits", logits.x + logits.width / 2, logits.y + logits.height / 2 + 4, "middle"))
        }
        let drawing = body.dropFirst(lines.elements.count).joined(separator: "\n")
        let rest =
            lines.height > 0 ? ["<g transform=\"translate(0 \(SVG.number(lines.height)))\">\(drawing)</g>"] : [drawing]
        return SVG.document(
            title: title, width: layout.width, height: layout.height + lines.height + 20, style: SVG.style,
            body: lines.elements + rest)
    }
}
