/// A diagram of a circuit: a box for each class, from S1+1 through S2 to END, and an arrow where one class reads another's
/// output. Compared with a base circuit, it marks heads that are new or gone.
public struct CircuitDiagram: Sendable {
    private struct Box {
        let name: String
        let title: String
        let heads: [(text: String, style: String)]
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
        let inhibition = "S-inhibition"
        boxes = names.map { name in
            let (now, before) = (
                circuit.classes.first { $0.name == name }, base?.classes.first { $0.name == name }
            )
            let heads = now?.heads ?? []
            var shown = heads.map { head in
                (head.description, base == nil || before?.heads.contains(head) == true ? "label" : "gained")
            }
            shown += (before?.heads ?? []).filter { !heads.contains($0) }.map { ($0.description, "lost") }
            let position = (now ?? before)!.position
            let column =
                switch position {
                case .one(.s1Next): 0
                case .one(.end): name == inhibition ? 2 : 3
                case .one: 1
                case .all: 3
                }
            // Some class names already end in the position.
            let title = name.hasSuffix("(\(position))") ? name : "\(name) (\(position))"
            return Box(name: name, title: title, heads: shown, column: column)
        }
    }

    private static let box = (width: 168.0, gap: 56.0, perLine: 4)

    public var svg: String {
        let size = Self.box
        var boxes = boxes
        var heights = [44.0, 44, 44, 44]
        let used = (0..<4).filter { column in boxes.contains { $0.column == column } }
        for index in boxes.indices {
            let column = boxes[index].column
            let lines = (boxes[index].heads.count + size.perLine - 1) / size.perLine
            boxes[index].x = 16 + Double(used.firstIndex(of: column)!) * (size.width + size.gap)
            boxes[index].y = heights[column]
            boxes[index].height = 30 + Double(max(lines, 1)) * 18
            heights[column] += boxes[index].height + 18
        }
        let logitsX = 16 + Double(used.count) * (size.width + size.gap)
        let height = heights.max()!
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
            for (index, head) in box.heads.enumerated() {
                let (line, place) = (index / size.perLine, index % size.perLine)
                body.append(
                    SVG.label(
                        head.text, box.x + 8 + Double(place) * 40, box.y + 36 + Double(line) * 18, head.style
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
