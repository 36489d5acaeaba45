extension ReproductionReportBuilder {
    /// The plan's claims with their verdicts.
    mutating func claims() -> Section? {
        addTable(
            "claims", ["claim", "figure", "published", "measured", "low", "high", "rule", "verdict"],
            record.claims.map { decision in
                [decision.claim.text, decision.claim.figure.description, record.published(decision) ?? ""]
                    + Self.full(decision.measured) + [decision.claim.rule.text, decision.verdict.rawValue]
            }
        )
        let isGPT2 = record.model.name == "gpt2"
        let header = ["claim", "verdict", "measured", "95 % interval"] + (isGPT2 ? ["published"] : []) + ["rule"]
        let intro = HTMLPage.paragraph(
            "A claim is shown if its whole interval satisfies the rule, not shown if none of the interval does, and unclear "
                + "otherwise. The plan sets the rules."
        )
        let published =
            isGPT2
            ? ""
            : HTMLPage.paragraph(
                "The published figures are for GPT-2 small, so they are not listed for this model.", style: "quiet")
        return Section(
            title: "Claims",
            body: intro + published + "<div class=\"wide\"><table><thead><tr>"
                + header.map { "<th>\($0)</th>" }.joined() + "</tr></thead>\n<tbody>"
                + record.claims.map { row($0, isGPT2: isGPT2) }.joined(separator: "\n") + "</tbody></table></div>"
        )
    }

    /// The verdict comes second so that it is visible on a narrow screen.
    private func row(_ decision: ReproductionRecord.Decision, isGPT2: Bool) -> String {
        let claim = decision.claim
        return "<tr><td>\(claim.text.xml)</td>"
            + "<td class=\"\(decision.verdict == .shown ? "shown" : "not")\">\(decision.verdict.rawValue.xml)</td>"
            + "<td class=\"number\">\(decision.valueText.xml)</td>"
            + "<td class=\"number\">\(decision.intervalText.xml)</td>"
            + (isGPT2 ? "<td>\((claim.published ?? "").xml)</td>" : "")
            + "<td class=\"quiet\"><code>\(claim.figure.description.xml)</code> \(claim.rule.text.xml)</td></tr>"
    }
}
