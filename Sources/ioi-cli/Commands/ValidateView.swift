import IOIKit

extension ValidateResults {
    /// For people: the two means, what each head adds, and what sets of heads lack.
    func text(on prompts: String) -> String {
        var header = [
            prompts, "F(M)  \(model.text(3))", "F(C)  \(circuit.text(3))",
        ]
        if let whole, let part = circuit.value {
            header[2] += "  \(percent(part / whole)) of F(M)" + (ratioNote.map { ", \($0.rawValue)" } ?? "")
        } else {
            header.append(RatioNote.meaningless.explanation())
        }
        let parts =
            (minimality.isEmpty ? [] : [minimalityLines]) + (completeness.isEmpty ? [] : [completenessLines])
        return ([header] + parts).map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    /// F(M), where shares of it say something.
    private var whole: Double? { ratioNote == .meaningless ? nil : model.value }

    private var minimalityLines: [String] {
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
                    : [score.score.value(1, percent: true), score.score.interval(1, percent: true), bar]
                return (
                    [score.head.description, score.headClass, score.before.value(3), score.after.value(3)] + share,
                    score.k
                )
            }
        )
        guard whole != nil else { return table.lines }
        let passing = minimality.count(where: \.passes)
        let bar = decimal(100 * Minimality.bar, 0)
        return table.lines + ["", "\(passing) of \(minimality.count) heads change F by \(bar) % of F(M) or more"]
    }

    private var completenessLines: [String] {
        var table = TextTable(
            header: ["set", "F(C∖K)", "F(M∖K)", "|difference|", "95 % interval", "of F(M)", "K"], leftColumns: [0, 6]
        )
        table.add(
            completeness.map { score in
                (
                    [
                        score.title, score.circuit.value(3), score.model.value(3), score.score.value(3),
                        score.score.interval(3), share(score.score),
                    ], score.k
                )
            }
        )
        let worst = completeness.max { ($0.score.value ?? 0) < ($1.score.value ?? 0) }!
        let ofModel = whole == nil ? "" : "\(share(worst.score)) of F(M), "
        let end = "largest: \(worst.score.value(3)), \(ofModel)\(worst.title)"
        return table.lines + ["", end]
    }

    /// A difference in percent of F(M).
    private func share(_ figure: Estimate) -> String {
        guard let value = figure.value, let whole else { return "·" }
        return percent(value / abs(whole))
    }

    /// A line for each head and each set.
    var csv: String {
        let header =
            "criterion,kind,name,k,circuit,circuit_low,circuit_high,other,other_low,other_high,score,score_low,score_high"
        func line(_ names: [String], _ k: [Head], _ figures: [Estimate]) -> String {
            let numbers = figures.flatMap { figure in
                [figure.value, figure.ci95?[0], figure.ci95?[1]].map { $0.map { "\($0)" } ?? "" }
            }
            return (names.map(\.csvField) + [k.map(\.description).joined(separator: " ")] + numbers)
                .joined(separator: ",")
        }
        let lines =
            minimality.map { score in
                line(
                    ["minimality", score.headClass, score.head.description], score.k,
                    [score.before, score.after, score.score]
                )
            }
            + completeness.map { score in
                line(
                    ["completeness", score.kind.rawValue, score.name ?? ""], score.k,
                    [score.circuit, score.model, score.score]
                )
            }
        return ([header] + lines).map { $0 + "\n" }.joined()
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

extension Estimate {
    fileprivate func value(_ digits: Int, percent: Bool = false) -> String {
        value.map { decimal($0 * (percent ? 100 : 1), digits) + (percent ? " %" : "") } ?? "·"
    }

    fileprivate func interval(_ digits: Int, percent: Bool = false) -> String {
        let factor: Double = percent ? 100 : 1
        return ci95.map { "[\(decimal(factor * $0[0], digits)), \(decimal(factor * $0[1], digits))]" } ?? ""
    }
}

extension TextTable {
    /// Adds rows whose last column lists heads, in as many lines as they need.
    fileprivate mutating func add(_ rows: [(cells: [String], heads: [Head])]) {
        let lines = TextTable(header: header.dropLast(), rows: rows.map(\.cells)).lines
        // Beside the columns before and the blanks between them.
        let room = max(Terminal.outputWidth - (lines.map(\.count).max() ?? 0) - 2, 24)
        for (cells, heads) in rows {
            let names = heads.isEmpty ? ["∅"] : heads.map(\.description).lines(width: room)
            self.rows.append(cells + names.prefix(1))
            self.rows += names.dropFirst().map { cells.map { _ in "" } + [$0] }
        }
    }
}
