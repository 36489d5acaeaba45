import IOIKit

extension DiscoverResults {
    /// The circuit, its faithfulness, and how it was found.
    func printout(_ circuit: Circuit, on prompts: String, metric: Metric?, saved: String?) -> Printout {
        var parts = circuit.parts(atMost: saved == nil ? nil : 12)
        var lines: [String] = []
        if !circuit.edges.isEmpty { lines.append("\(circuit.edges.count) edges between heads, MLPs, input and logits") }
        if let faithfulness {
            let share = faithfulness.ratio.shareCells(faithfulness.note).filter { !$0.isEmpty }.joined(separator: "  ")
            lines += [
                "",
                "F(C) / F(M)  \(share), \(circuit.edges.isEmpty ? "all other heads knocked out" : "edge by edge"), on "
                    + prompts,
                "F(M)         \(faithfulness.model.text(3))", "F(C)         \(faithfulness.circuit.text(3))",
            ]
            if let sparsity {
                lines.append(
                    "sparsity     \(decimal(100 * sparsity, 2)) % of all (\(circuit.namesMLPs ? "node" : "head"), position) pairs"
                )
            }
            if let note = faithfulness.note { lines.append(note.explanation(of: metric)) }
        }
        if let stability {
            lines.append(
                "on \(stability.resamples) resamples of the prompts: Jaccard \(decimal(stability.edges, 2)) of edges, "
                    + "\(decimal(stability.heads, 2)) of heads"
            )
        }
        func add(_ more: [Printout.Part]) {
            parts += [.lines(lines + [""])] + more
            lines = []
        }
        if let curve { add(Self.parts(of: curve)) }
        if let scores {
            var table = TextTable(header: ["best edges", "score", "95 % interval"])
            table.rows = scores.edges.prefix(12).map { edge in
                [
                    edge.edge, decimal(edge.score, 4),
                    edge.ci95.informativeBounds.map { "[\(decimal($0[0], 4)), \(decimal($0[1], 4))]" } ?? "",
                ]
            }
            let nodes = scores.nodes.prefix(12).map { "\($0.node) \(decimal($0.score, 3))" }.joined(separator: ", ")
            add([.table(table), .lines(["best nodes: \(nodes)"])])
        }
        if let against { lines += [""] + Self.lines(of: against) }
        if !steps.isEmpty {
            lines +=
                [""]
                + steps.map { step in
                    let out = step.knockedOut.isEmpty ? "" : " without \(names(step.knockedOut))"
                    return "→ \(step.receiver)\(out): \(step.heard.isEmpty ? "none" : names(step.heard))"
                }
        }
        if let saved { lines += ["", "saved in \(saved)"] }
        return Printout(lines.isEmpty ? parts : parts + [.lines(lines)])
    }

    private func names(_ nodes: [some CustomStringConvertible]) -> String {
        nodes.map(\.description).joined(separator: ", ")
    }

    private static func parts(of curve: EdgeCurve) -> [Printout.Part] {
        guard !curve.isMeaningless else {
            return [.lines(["no curve: " + RatioNote.meaningless.explanation(whole: "m_clean − m_corrupt")])]
        }
        var table = TextTable(header: ["edges", "share", "faithfulness", "95 % interval"], leftColumns: [0, 4])
        table.rows = curve.points.map { point in
            ["\(point.edges)", "\(decimal(100 * point.fraction, 1)) %"] + point.faithfulness.cells(3)
                + [point.note?.rawValue ?? ""]
        }
        return [.table(table), .lines(["CPR \(curve.cpr.text(3))", "CMD \(curve.cmd.text(3))"])]
    }

    private static func lines(of against: ScoreComparison) -> [String] {
        func text(_ correlation: Double?) -> String { correlation.map { decimal($0, 3) } ?? "undefined" }
        let difference = against.largestDifference.map { decimal(100 * $0, 2) + " % of its largest" } ?? "undefined"
        var lines = [
            "against \(against.file): \(against.edges) edges, \(against.edgesInGraph) in its circuit",
            "rank correlation \(text(against.rankCorrelation)), of absolute scores "
                + "\(text(against.absoluteRankCorrelation)); Pearson's \(text(against.correlation))",
            "best \(against.best) edges: Jaccard \(decimal(against.bestJaccard, 3)); largest difference \(difference)",
        ]
        if let correlation = against.correlation, correlation < 0 {
            lines.append("a negative correlation is expected of scores by the change of the metric, not of its loss")
        }
        return lines
    }

    /// A line for each node, or for each edge if edges were found.
    func csv(_ circuit: Circuit) -> String {
        if let scores {
            return csvTable(
                "edge,score,score_low,score_high",
                scores.edges.map { "\($0.edge),\($0.score),\(csvNumber($0.ci95?[0])),\(csvNumber($0.ci95?[1]))" }
            )
        }
        guard circuit.edges.isEmpty else { return csvTable("edge", circuit.edges) }
        return csvTable(
            "class,position,head",
            circuit.classes.flatMap { headClass in
                headClass.nodes.map { "\(headClass.name.csvField),\(headClass.position),\($0)" }
            })
    }
}
