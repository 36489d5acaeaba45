import IOIKit

extension ValidateResults {
    /// The two means, the minimality of each node, and the completeness of each set.
    func printout(on prompts: String, metric: Metric?) -> Printout {
        var header = [
            prompts, "F(M)  \(model.text(3))", "F(C)  \(circuit.text(3))",
        ]
        if let whole, let part = circuit.value {
            header[2] += "  \(percent(part / whole)) of F(M)" + (ratioNote.map { ", \($0.rawValue)" } ?? "")
        } else {
            header.append(RatioNote.meaningless.explanation(of: metric))
        }
        return Printout(
            blocks: [[.lines(header)]] + (minimality.isEmpty ? [] : [minimalityParts])
                + (completeness.isEmpty ? [] : [completenessParts]))
    }

    /// The minimality of each node, and F of circuit and model without each set.
    func chart(on prompts: String) -> any Chart {
        let bars = IntervalChart(
            title: "Minimality", subtitle: prompts, axisLabel: "|F(C∖(K∪{v})) − F(C∖K)| / |F(M)|", unit: "%",
            references: [.init(value: 100 * Minimality.bar, label: "the bar")],
            groups: Dictionary(grouping: minimality, by: \.headClass).sorted { $0.key < $1.key }.map { name, scores in
                .init(
                    heading: name,
                    rows: scores.map { score in
                        .init(
                            label: score.node.description,
                            value: whole == nil ? .nan : score.score.value.map { 100 * $0 } ?? .nan,
                            interval: score.score.ci95.map { 100 * $0[0]...100 * $0[1] })
                    })
            })
        let kinds = Dictionary(grouping: completeness, by: \.kind).sorted { $0.key.rawValue < $1.key.rawValue }
        let scatter = ScatterChart(
            title: "Completeness", subtitle: prompts, xLabel: "F(M∖K)", yLabel: "F(C∖K)",
            series: kinds.map { kind, scores in
                .init(
                    name: kind.rawValue,
                    points: scores.map { (x: $0.model.value ?? .nan, y: $0.circuit.value ?? .nan) })
            })
        if completeness.isEmpty { return bars }
        return minimality.isEmpty ? scatter : ChartSheet(title: "Validation of a circuit", [bars, scatter], width: 900)
    }

    /// F(M); nil if shares of it are meaningless.
    private var whole: Double? { ratioNote == .meaningless ? nil : model.value }

    private var minimalityParts: [Printout.Part] {
        var table = TextTable(
            header: ["head", "class", "F(C∖K)", "without v", "minimality", "95 % interval", "", "K"],
            leftColumns: [0, 1, 6, 7]
        )
        table.add(
            minimality.map { score in
                let bar = score.passes ? "" : "below \(decimal(100 * Minimality.bar, 0)) %"
                let share =
                    whole == nil
                    ? ["·", "", ""]
                    : [score.score.cell(1, times: 100, suffix: " %"), score.score.interval(1, times: 100), bar]
                return (
                    [score.node.description, score.headClass, score.before.cell(3), score.after.cell(3)] + share,
                    score.k
                )
            }
        )
        guard whole != nil else { return [.table(table)] }
        let passing = minimality.count(where: \.passes)
        let bar = decimal(100 * Minimality.bar, 0)
        let nodes = minimality.contains { $0.node.mlp != nil } ? "nodes" : "heads"
        return [
            .table(table),
            .lines(["", "\(passing) of \(minimality.count) \(nodes) change F by \(bar) % of F(M) or more"]),
        ]
    }

    private var completenessParts: [Printout.Part] {
        var table = TextTable(
            header: ["set", "F(C∖K)", "F(M∖K)", "|difference|", "95 % interval", "of F(M)", "K"], leftColumns: [0, 6]
        )
        table.add(
            completeness.map { score in
                (
                    [
                        score.title, score.circuit.cell(3), score.model.cell(3), score.score.cell(3),
                        score.score.interval(3), share(score.score),
                    ], score.k
                )
            }
        )
        let worst = completeness.max { ($0.score.value ?? 0) < ($1.score.value ?? 0) }!
        let ofModel = whole == nil ? "" : "\(share(worst.score)) of F(M), "
        let end = "largest: \(worst.score.cell(3)), \(ofModel)\(worst.title)"
        return [.table(table), .lines(["", end])]
    }

    /// A difference in percent of F(M).
    private func share(_ figure: Estimate) -> String {
        guard let value = figure.value, let whole else { return "·" }
        return percent(value / abs(whole))
    }

    /// A line for each node and each set.
    var csv: String {
        let header =
            "criterion,kind,name,k,circuit,circuit_low,circuit_high,other,other_low,other_high,score,score_low,score_high"
        func line(_ names: [String], _ k: [Node], _ figures: [Estimate]) -> String {
            let fields = names.map(\.csvField) + [k.map(\.description).joined(separator: " ")]
            return (fields + figures.flatMap(\.csvFields)).joined(separator: ",")
        }
        let lines =
            minimality.map { score in
                line(
                    ["minimality", score.headClass, score.node.description], score.k,
                    [score.before, score.after, score.score]
                )
            }
            + completeness.map { score in
                line(
                    ["completeness", score.kind.rawValue, score.name ?? ""], score.k,
                    [score.circuit, score.model, score.score]
                )
            }
        return csvTable(header, lines)
    }
}

extension Completeness.Score {
    fileprivate var title: String {
        switch kind {
        case .empty, .random: kind.rawValue
        case .headClass: name ?? ""
        case .greedy: "greedy (\(name ?? ""))"
        }
    }
}

extension TextTable {
    /// Adds rows whose last column lists nodes, wrapped to the width that is left.
    fileprivate mutating func add(_ rows: [(cells: [String], nodes: [Node])]) {
        let lines = TextTable(header: header.dropLast(), rows: rows.map(\.cells)).lines
        // The width that the other columns leave.
        let room = max(Terminal.outputWidth - (lines.map(\.count).max() ?? 0) - 2, 24)
        for (cells, nodes) in rows {
            let names = nodes.isEmpty ? ["∅"] : nodes.lines(width: room)
            self.rows.append(cells + names.prefix(1))
            self.rows += names.dropFirst().map { cells.map { _ in "" } + [$0] }
        }
    }
}
