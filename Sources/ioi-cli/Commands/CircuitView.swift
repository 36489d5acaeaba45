import IOIKit

extension Circuit {
    /// The classes, each with its position and nodes, and the number of nodes.
    var parts: [Printout.Part] {
        let names = classes.map(\.name.count).max() ?? 0
        let positions = classes.map(\.position.description.count).max() ?? 0
        // The width that the other columns leave.
        let room = Terminal.outputWidth - max(names, "class".count) - max(positions, "position".count) - 4
        var table = TextTable(header: ["class", "position", "heads"], leftColumns: [0, 1, 2])
        for headClass in classes {
            let lines = headClass.nodes.map(\.description).lines(width: room)
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

extension CircuitDiff {
    /// The nodes shared, gained, lost and moved, the changes of each class, and the Jaccard indices.
    var printout: Printout {
        var heads = TextTable(header: ["", "heads"], leftColumns: [0, 2])
        func add(_ name: String, _ count: Int, _ details: [String]) {
            // The width that names and counts leave.
            let lines = details.lines(width: Terminal.outputWidth - 15, separator: ",")
            heads.rows.append([name, "\(count)"] + lines.prefix(1))
            heads.rows += lines.dropFirst().map { ["", "", $0] }
        }
        add("shared", shared.count, [])
        add("gained", gained.count, gained.map { "\($0.node) (\($0.headClass))" })
        add("lost", lost.count, lost.map { "\($0.node) (\($0.headClass))" })
        add("moved", moved.count, moved.map { "\($0.node): \($0.from) → \($0.to)" })

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
