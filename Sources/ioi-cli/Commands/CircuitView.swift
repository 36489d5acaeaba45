import IOIKit

extension Circuit {
    /// The classes, each with its position and nodes, and the number of nodes.
    ///
    /// - Parameter most: the most lines of a class; nil for all. The last one counts what it leaves out.
    func parts(atMost most: Int? = nil) -> [Printout.Part] {
        let names = classes.map(\.name.count).max() ?? 0
        let positions = classes.map(\.position.description.count).max() ?? 0
        // The width that the other columns leave.
        let room = Terminal.outputWidth - max(names, "class".count) - max(positions, "position".count) - 4
        var table = TextTable(header: ["class", "position", "heads"], leftColumns: [0, 1, 2])
        for headClass in classes {
            var lines = headClass.nodes.lines(width: room)
            if let most, lines.count > most {
                let shown = lines.prefix(most).joined(separator: " ").split(separator: " ").count
                lines[most...] = ["and \(headClass.nodes.count - shown) more; ioi circuit show lists all"]
            }
            for (index, line) in lines.enumerated() {
                table.rows.append(
                    index == 0 ? [headClass.name, headClass.position.description, line] : ["", "", line])
            }
        }
        return [.table(table), .lines(["", "\(size) in all"])]
    }

    /// A line for each node.
    var csv: String {
        let lines = classes.flatMap { headClass in
            headClass.nodes.map { "\(headClass.name.csvField),\(headClass.position),\($0)" }
        }
        return csvTable("class,position,head", lines)
    }
}

extension [Node] {
    /// From so many nodes on, those of a layer stay together.
    private static let many = 40

    /// The names in lines of at most `width` characters. Where they are many, a layer's are on one line if they fit, and
    /// layers have two blanks between them.
    func lines(width: Int) -> [String] {
        guard count >= Self.many else { return map(\.description).lines(width: width) }
        var (lines, start) = ([String](), startIndex)
        while start < endIndex {
            let end = self[start...].firstIndex { $0.layer != self[start].layer } ?? endIndex
            let layer = self[start..<end].map(\.description).lines(width: width)
            if let line = lines.last, line.count + 2 + layer[0].count <= width {
                lines[lines.count - 1] += "  " + layer[0]
                lines += layer.dropFirst()
            } else {
                lines += layer
            }
            start = end
        }
        return lines
    }
}

extension CircuitDiff {
    /// The nodes shared, gained, lost and moved, the changes of each class, and the Jaccard indices.
    var printout: Printout {
        var heads = TextTable(header: ["", "heads"], leftColumns: [0, 2])
        // The width that names and counts leave.
        let room = Terminal.outputWidth - 15
        func add(_ name: String, _ nodes: [ClassedNode]) {
            guard nodes.count >= 20 else {
                return add(
                    name, nodes.count, nodes.map { "\($0.node) (\($0.headClass))" }.lines(width: room, separator: ","))
            }
            // The name of a class once for all its nodes.
            let classes = Dictionary(grouping: nodes, by: \.headClass).sorted { $0.key < $1.key }
            add(
                name, nodes.count,
                classes.flatMap { ["\($0):"] + $1.map(\.node).lines(width: room - 2).map { "  " + $0 } })
        }
        func add(_ name: String, _ count: Int, _ lines: [String]) {
            heads.rows.append([name, "\(count)"] + lines.prefix(1))
            heads.rows += lines.dropFirst().map { ["", "", $0] }
        }
        add("shared", shared.count, [])
        add("gained", gained)
        add("lost", lost)
        add("moved", moved.count, moved.map { "\($0.node): \($0.from) → \($0.to)" }.lines(width: room, separator: ","))

        var table = TextTable(header: ["class", "shared", "gained", "lost", "position"], leftColumns: [0, 4])
        table.rows = classes.map { change in
            let (from, to) = (change.positionFrom.description, change.positionTo.description)
            let counts = [change.shared, change.gained, change.lost].map { "\($0.count)" }
            return [change.name] + counts + [change.isPositionChanged ? "\(from) → \(to)" : to]
        }
        table.rows += classesGained.map { ["\($0.name) (new)", "0", "\($0.nodes.count)", "0", "\($0.position)"] }
        table.rows += classesLost.map { ["\($0.name) (gone)", "0", "0", "\($0.nodes.count)", "\($0.position)"] }

        let jaccard =
            "\(decimal(nodeJaccard, 3)) of the heads, \(decimal(classedNodeJaccard, 3)) of heads in classes"
            + (edgeJaccard.map { ", \(decimal($0, 3)) of the edges" } ?? "")
        return Printout([.table(heads), .lines([""]), .table(table), .lines(["", "Jaccard  \(jaccard)"])])
    }

    /// A line for each node of either circuit, with its class in each.
    var csv: String {
        let same = classes.flatMap { change in change.shared.map { ($0, change.name, change.name) } }
        let all =
            same + moved.map { ($0.node, $0.from, $0.to) } + gained.map { ($0.node, "", $0.headClass) }
            + lost.map { ($0.node, $0.headClass, "") }
        let lines = all.sorted { $0.0 < $1.0 }.map { "\($0.0),\($0.1.csvField),\($0.2.csvField)" }
        return csvTable("head,from,to", lines)
    }
}
