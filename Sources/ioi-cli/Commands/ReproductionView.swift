import IOIKit

extension ReproductionRecord {
    /// The claims and their verdicts.
    func text(out: String) -> Printout {
        let difference = hasPublishedFigures ? ["difference"] : []
        var table = TextTable(header: ["claim", "published", "measured", "95 % interval"] + difference + ["verdict"])
        let last = table.header.count - 1
        table.leftColumns = [0, 1, last]
        // The verdict stays, and with it the figure.
        table.droppable = [3] + Array(4..<last) + [1]
        for decision in claims {
            table.rows.append(
                [decision.claim.text, published(decision) ?? "", decision.valueText, decision.intervalText]
                    + difference.map { _ in decision.differenceText } + [decision.verdict.rawValue]
            )
        }
        let shown = claims.count { $0.verdict == .shown }
        return Printout([
            .lines(["\(plan.about) \(dataset.count) held-out prompts, seed \(plan.prompts.seed).", ""]),
            .table(table),
            .lines([
                "",
                "\(shown) of \(claims.count) claims shown; the rules are in \(out)/\(Self.fileName), all results in "
                    + "\(out)/results.",
                "next: ioi report \(out)",
            ]),
        ])
    }

    /// A line for each claim.
    var csv: String {
        let lines = claims.map { decision in
            let fields = [
                decision.claim.name, decision.claim.text, published(decision) ?? "",
                decision.claim.figure.description, csvNumber(decision.measured?.value),
                csvNumber(decision.measured?.recordedBounds?[0]),
                csvNumber(decision.measured?.recordedBounds?[1]),
                decision.claim.ruleText, decision.verdict.rawValue,
                csvNumber(hasPublishedFigures ? decision.claim.published?.value : nil),
                csvNumber(decision.publishedDifference),
                hasPublishedFigures ? decision.claim.published?.source ?? "" : "",
            ]
            return fields.map(\.csvField).joined(separator: ",")
        }
        return csvTable(
            "name,claim,published,figure,measured,low,high,rule,verdict,published_value,published_difference,source",
            lines
        )
    }
}
