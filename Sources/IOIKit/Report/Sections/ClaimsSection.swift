extension ReproductionReportBuilder {
    /// The plan's claims with their verdicts.
    mutating func claims() -> Section? {
        addTable(
            "claims",
            [
                "claim", "figure", "published", "measured", "low", "high", "rule", "verdict", "published_value",
                "published_difference", "source",
            ],
            record.claims.map { decision in
                let claim = decision.claim
                let published = record.hasPublishedFigures ? claim.published : nil
                return [claim.text, claim.figure.description, record.published(decision) ?? ""]
                    + Self.full(decision.measured) + [claim.ruleText, decision.verdict.rawValue]
                    + [published?.value, decision.publishedDifference].map(Self.full) + [published?.source ?? ""]
            }
        )
        let header =
            ["claim", "verdict", "measured", "95 % interval"]
            + (record.hasPublishedFigures ? ["published", "difference"] : []) + ["rule"]
        let intro = HTMLPage.paragraph(
            "A claim is shown if its whole interval satisfies the rule, not shown if none of the interval does, and unclear "
                + "otherwise. The plan sets the rules."
                + (record.hasPublishedFigures ? " The difference is the measured figure less the published one." : "")
        )
        let published =
            record.hasPublishedFigures
            ? ""
            : HTMLPage.paragraph(
                "The published figures are for GPT-2 small, so they are not listed for this model.", style: "quiet")
        return Section(
            title: "Claims",
            body: intro + published + "<div class=\"wide\"><table><thead><tr>"
                + header.map { "<th>\($0)</th>" }.joined() + "</tr></thead>\n<tbody>"
                + record.claims.map(row).joined(separator: "\n") + "</tbody></table></div>"
                + publishedMaps()
        )
    }

    /// The published maps, to be seen beside the measured ones, which are in other sections.
    private mutating func publishedMaps() -> String {
        var pictures: [String] = []
        for decision in record.claims where record.hasPublishedFigures {
            guard let map = decision.claim.published?.map else { continue }
            let chart = MapChart(title: "published: \(decision.claim.figure)", values: map)
            pictures.append(add("published-\(decision.claim.name)", chart.svg))
        }
        return pictures.isEmpty ? "" : HTMLPage.figures(pictures)
    }

    /// The verdict comes second so that it is visible on a narrow screen.
    private func row(_ decision: ReproductionRecord.Decision) -> String {
        let claim = decision.claim
        func number(_ text: String) -> String { "<td class=\"number\">\(text.xml)</td>" }
        var published = ""
        if record.hasPublishedFigures {
            let source = claim.published?.source.map { "<br><span class=\"quiet\">\($0.xml)</span>" } ?? ""
            published =
                "<td>\((record.published(decision) ?? "").xml)\(source)</td>" + number(decision.differenceText)
        }
        return "<tr><td>\(claim.text.xml)</td>"
            + "<td class=\"\(decision.verdict == .shown ? "shown" : "not")\">\(decision.verdict.rawValue.xml)</td>"
            + number(decision.valueText) + number(decision.intervalText) + published
            + "<td class=\"quiet\"><code>\(claim.figure.description.xml)</code> \(claim.ruleText.xml)</td></tr>"
    }
}
