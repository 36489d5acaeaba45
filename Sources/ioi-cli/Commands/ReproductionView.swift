import IOIKit

extension ReproductionRecord {
    /// The claims, and where to go from there.
    func text(out: String) -> String {
        var table = TextTable(header: ["claim", "published", "measured", "95 % interval", "verdict"])
        table.leftColumns = [0, 1, 4]
        for decision in claims {
            table.rows.append([
                decision.claim.text, published(decision) ?? "", decision.valueText, decision.intervalText,
                decision.verdict.rawValue,
            ])
        }
        let shown = claims.count { $0.verdict == .shown }
        return """
            \(plan.about) \(dataset.count) held-out prompts, seed \(plan.prompts.seed).

            \(table.lines.joined(separator: "\n"))

            \(shown) of \(claims.count) claims shown; the rule of each stands in \(out)/\(Self.fileName), and all that \
            was measured lies in \(out)/results.
            next: ioi report \(out)

            """
    }

    /// A line for each claim.
    var csv: String {
        let lines = claims.map { decision in
            let fields = [
                decision.claim.name, decision.claim.text, published(decision) ?? "",
                decision.claim.figure.description, Self.number(decision.measured?.value),
                Self.number(decision.measured?.ci95?[0]), Self.number(decision.measured?.ci95?[1]),
                decision.claim.rule.text, decision.verdict.rawValue,
            ]
            return fields.map(\.csvField).joined(separator: ",") + "\n"
        }
        return "name,claim,published,figure,measured,low,high,rule,verdict\n" + lines.joined()
    }

    private static func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
}
