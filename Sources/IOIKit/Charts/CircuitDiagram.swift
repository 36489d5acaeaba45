/// A diagram of a circuit: a box for each class, and an arrow where one class reads another's output. The boxes of an IOI
/// circuit go from S1+1 through S2 to END, those of any other by the longest path from each class to the logits. Compared
/// with a base circuit, the diagram marks nodes that are new or gone.
public struct CircuitDiagram: Sendable {
    private struct Box {
        let name: String
        let title: String
        let nodes: [(text: String, style: String)]
        let column: Int
        var x = 0.0
        var y = 0.0
        var height = 0.0
    }

    public let title: String
    private let boxes: [Box]
    private let paths: [ClassPath]

    /// - Parameters:
    ///   - base: the circuit to compare with, if any.
    ///   - circuit: the circuit.
    ///   - title: the title of the chart.
    public init(title: String, _ circuit: Circuit, comparedWith base: Circuit? = nil) {
        self.title = title
        paths = circuit.paths
        var names = circuit.classes.map(\.name)
        for headClass in base?.classes ?? [] where !names.contains(headClass.name) { names.append(headClass.name) }
        let classes = names.map { name in
            (now: circuit.classes.first { $0.name == name }, before: base?.classes.first { $0.name == name })
        }
        let all = classes.map { ($0.now ?? $0.before)! }
        let columns = Self.columns(ofIOI: all) ?? Self.columns(of: names, paths: paths + (base?.paths ?? []))
        boxes = zip(classes, zip(all, columns)).map { versions, place in
            let (name, position) = (place.0.name, place.0.position)
            let nodes = versions.now?.nodes ?? []
            let before = versions.before?.nodes ?? []
            var shown = nodes.map { ($0.description, base == nil || before.contains($0) ? "label" : "gained") }
            shown += before.filter { !nodes.contains($0) }.map { ($0.description, "lost") }
            // Some class names already end in the position.
            let title = name.hasSuffix("(\(position))") ? name : "\(name) (\(position))"
            return Box(name: name, title: title, nodes: shown, column: place.1)
        }
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

    private static let box = (width: 168.0, gap: 56.0, perLine: 4)

    public var svg: String {
        let size = Self.box
        var boxes = boxes
        let used = Set(boxes.map(\.column)).sorted()
        var heights = Dictionary(uniqueKeysWithValues: used.map { ($0, 44.0) })
        for index in boxes.indices {
            let column = boxes[index].column
            let lines = (boxes[index].nodes.count + size.perLine - 1) / size.perLine
            boxes[index].x = 16 + Double(used.firstIndex(of: column)!) * (size.width + size.gap)
            boxes[index].y = heights[column]!
            boxes[index].height = 30 + Double(max(lines, 1)) * 18
            heights[column]! += boxes[index].height + 18
        }
        let logitsX = 16 + Double(used.count) * (size.width + size.gap)
        let height = heights.values.max()!
        var body = [SVG.label(title, 16, 22, "heading")]
        // Drawn first, so that an arrow passes behind the boxes.
        for path in paths {
            guard let from = boxes.first(where: { $0.name == path.from }) else { continue }
            let to = boxes.first { $0.name == path.to }
            let start = (from.x + size.width, from.y + from.height / 2)
            let end = to.map { ($0.x, $0.y + $0.height / 2) } ?? (logitsX, height / 2)
            // Within a column, an arrow would cross the boxes in between.
            guard end.0 > start.0 else { continue }
            body.append(SVG.line(start.0, start.1, end.0 - 7, end.1, "arrow"))
            body.append(SVG.polygon([(end.0, end.1), (end.0 - 8, end.1 - 4), (end.0 - 8, end.1 + 4)], "arrowhead"))
            let inputs = path.inputs.map(\.rawValue).joined(separator: ", ")
            if !inputs.isEmpty {
                body.append(SVG.label(inputs, (start.0 + end.0) / 2, (start.1 + end.1) / 2 - 5, "tick"))
            }
        }
        for box in boxes {
            body.append(SVG.rectangle(box.x, box.y, size.width, box.height, "box"))
            body.append(SVG.label(box.title, box.x + 8, box.y + 17, "quiet"))
            for (index, node) in box.nodes.enumerated() {
                let (line, place) = (index / size.perLine, index % size.perLine)
                body.append(
                    SVG.label(
                        node.text, box.x + 8 + Double(place) * 40, box.y + 36 + Double(line) * 18, node.style
                    )
                )
            }
        }
        body.append(SVG.label("logits", logitsX + 4, height / 2 + 4))
        return SVG.document(
            title: title, width: logitsX + 64, height: height + 8, style: SVG.style, body: body
        )
    }
}
