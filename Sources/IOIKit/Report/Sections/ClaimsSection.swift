extension ReproductionReportBuilder {
    /// The plan's claims with their verdicts, by the stage that each is about.
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
        guard !record.claims.isEmpty else { return nil }
        let header =
            ["claim", "verdict", "measured", "95 % interval"]
            + (record.hasPublishedFigures ? ["published", "difference"] : [])
        let intro = HTMLPage.paragraph(
            "A claim is shown if its whole interval satisfies the rule, not shown if none of the interval does, and unclear "
                + "otherwise. The plan sets the rules, which are below each claim."
                + (record.hasPublishedFigures
                    ? " The difference is the measured figure less the published one."
                    : " The published figures are for GPT-2 small, so they are not listed for this model.")
        )
        // In the order of the plan's stages.
        let stages = [nil] + record.plan.stages.filter { $0.dataset != nil }.map(\.name)
        let groups = stages.map { stage in
            (stage: stage, claims: record.claims.filter { $0.claim.figure.model.stage == stage })
        }.filter { !$0.claims.isEmpty }
        let body = groups.map { stage, claims in
            let model = stage.map { PlanModel(stage: $0, epoch: 1) } ?? .base
            let shown = claims.count { $0.verdict == .shown }
            let data = HTMLPage.attribute("data-stage", stage)
            return
                "<tr class=\"group\"\(data)><th scope=\"rowgroup\" colspan=\"\(header.count)\">\(palette.mark(model))"
                + "\((stage ?? record.model.name).xml) <span class=\"quiet\">\(shown) of \(claims.count) shown</span></th></tr>\n"
                + claims.map(row).joined(separator: "\n")
        }
        let names = header.enumerated().map { "<th scope=\"col\"\($0 > 1 ? " class=\"number\"" : "")>\($1)</th>" }
        return Section(
            title: "Claims",
            body: intro + "<div class=\"wide\"><table class=\"claims\"><caption>Claims by stage</caption>\n<thead><tr>"
                + names.joined() + "</tr></thead>\n<tbody>\(body.joined(separator: "\n"))</tbody></table></div>"
                + HTMLPage.folded("The published maps", publishedMaps())
        )
    }

    /// The published maps, to be compared with the measured ones, which are in other sections.
    private mutating func publishedMaps() -> String {
        var pictures: [String] = []
        for decision in record.claims where record.hasPublishedFigures {
            guard let map = decision.claim.published?.map else { continue }
            let chart = MapChart(title: "published: \(decision.claim.figure)", values: map)
            pictures.append(add("published-\(decision.claim.name)", chart.svg))
        }
        return HTMLPage.figures(pictures)
    }

    private func row(_ decision: ReproductionRecord.Decision) -> String {
        let claim = decision.claim
        func number(_ text: String) -> String { "<td class=\"number\">\(text.xml)</td>" }
        let style =
            switch decision.verdict {
            case .shown: "shown"
            case .notShown: "not"
            case .unclear, .meaningless, .notMeasured: "open"
            }
        var published = ""
        if record.hasPublishedFigures {
            let source = claim.published?.source.map { "<span class=\"rule\">\($0.xml)</span>" } ?? ""
            published =
                "<td class=\"number\">\((record.published(decision) ?? "").xml)\(source)</td>"
                + number(decision.differenceText)
        }
        return "<tr\(HTMLPage.attribute("data-stage", claim.figure.model.stage))><td>\(claim.text.xml)"
            + "<span class=\"rule\"><code>\(claim.figure.description.xml)</code> \(claim.ruleText.xml)</span></td>"
            + "<td class=\"\(style)\">\(decision.verdict.rawValue.xml)</td>"
            + number(decision.valueText) + number(decision.intervalText) + published + "</tr>"
    }
}
