extension ReproductionReportBuilder {
    /// The knockout of all MLPs together and of each alone.
    mutating func mlps() -> Section? {
        let knockouts = read(.mlps, of: KnockoutExperiment.self).map { model, results in
            (model: model, effects: [results.together.effect] + results.each.map(\.cell.effect))
        }
        guard let layers = knockouts.first.map({ $0.effects.count - 1 }), layers > 0 else { return nil }
        let columns = ["all"] + (0..<layers).map { "MLP \($0)" }
        addTable(
            "mlps", ["model", "mlp", "effect", "low", "high"],
            knockouts.flatMap { model, effects in
                zip(columns, effects).map { [model.description, $0] + Self.full($1) }
            }
        )
        let rows = knockouts.map { model, effects in
            [model.description] + effects.map { FigureFormat.percent.text($0.value) }
        }
        let intro = HTMLPage.paragraph(
            "The change of the logit difference when all MLPs, or one of them, are knocked out: replaced by their mean over "
                + "counterfactual prompts, in which no name repeats."
        )
        return Section(
            title: "MLPs", body: intro + HTMLPage.table(["model"] + columns, rows, numbers: Set(1...columns.count))
        )
    }
}
