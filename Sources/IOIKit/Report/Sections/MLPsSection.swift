extension ReproductionReportBuilder {
    /// The knockout of all MLPs together and of each alone.
    mutating func mlps() -> Section? { knockouts(.mlps, title: "MLPs", column: "mlp", of: "MLPs") }

    /// The knockout of all classes of the circuit together and of each alone.
    mutating func classes() -> Section? {
        knockouts(.knockout, title: "Classes of the circuit", column: "class", of: "classes of the circuit")
    }

    /// - Parameters:
    ///   - column: the column of the names in the table's file.
    ///   - targets: what is knocked out, in a sentence.
    private mutating func knockouts(
        _ measure: Plan.Measure.Kind,
        title: String,
        column: String,
        of targets: String
    ) -> Section? {
        let knockouts = read(measure, of: KnockoutExperiment.self).map { model, results in
            (model: model, names: results.each.map(\.name), [results.together.effect] + results.each.map(\.cell.effect))
        }
        guard let names = knockouts.first?.names, !names.isEmpty else { return nil }
        let columns = ["all"] + names
        addTable(
            measure.rawValue, ["model", column, "effect", "low", "high"],
            knockouts.flatMap { model, _, effects in
                zip(columns, effects).map { [model.description, $0] + Self.full($1) }
            }
        )
        let rows = knockouts.map { model, _, effects in
            (model, effects.map { FigureFormat.percent.text($0.value) })
        }
        let intro = HTMLPage.paragraph(
            "The change of the \(metric.noun) when all \(targets), or one of them, are knocked out: replaced by their mean "
                + "over counterfactual prompts\(task == nil ? ", in which no name repeats" : "")."
        )
        return Section(
            title: title,
            body: intro
                + modelTable(
                    "Change of the \(metric.noun), by what is knocked out", ["model"] + columns, rows,
                    numbers: Set(1...columns.count))
        )
    }
}
