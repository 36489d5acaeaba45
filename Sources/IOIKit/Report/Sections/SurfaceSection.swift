extension ReproductionReportBuilder {
    /// The faithfulness of the model's circuit by every method of evaluation.
    mutating func surface() -> Section? {
        let surfaces = read(.surface, of: FaithfulnessExperiment.self).filter { !$0.results.surface.isEmpty }
        guard !surfaces.isEmpty else { return nil }
        var pictures: [String] = []
        for (model, results) in surfaces {
            let chart = IntervalChart(
                surface: results.surface, size: record.circuit?.size ?? "heads",
                of: "\(model), \(record.dataset.count) prompts",
                isWholeMeaningless: results.faithfulness.note == .meaningless
            )
            pictures.append("<figure class=\"whole\">\(HTMLPage.inline(add("\(model)-surface", chart.svg)))</figure>")
        }
        let intro = HTMLPage.paragraph(
            "The same circuit by every method of evaluation, compared with random circuits that have as many heads in each "
                + "layer."
        )
        return Section(title: "Faithfulness by method", body: intro + pictures.joined())
    }
}
