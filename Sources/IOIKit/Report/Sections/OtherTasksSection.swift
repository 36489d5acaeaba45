extension ReproductionReportBuilder {
    /// The models on tasks other than indirect-object identification.
    mutating func otherTasks() -> Section? {
        var rows: [(model: PlanModel, cells: [String])] = []
        var (full, pictures) = ([[String]](), [String]())
        let (probability, share) = (FigureFormat.number(decimals: 3), FigureFormat.share)
        for measure in Plan.Measure.Kind.allCases where measure.task != nil {
            var difference: [PlanModel: Estimate] = [:]
            for (model, results) in read(measure, of: EvaluationExperiment.self) {
                guard case .choice(let evaluation) = results else { continue }
                let all = evaluation.all
                difference[model] = all.probabilityDifference
                rows.append(
                    (
                        model,
                        [measure.rawValue] + probability.cells(all.probabilityDifference)
                            + [(all.probabilityDifference.std ?? 0).fixed(3)] + share.cells(all.accuracy)
                            + [all.loss.mean.fixed(3)]
                    )
                )
                full.append(
                    [model.description, measure.rawValue, "\(all.count)"]
                        + [all.probabilityDifference, all.accuracy, all.loss].flatMap {
                            Self.full($0) + [Self.full($0.std ?? 0)]
                        }
                )
            }
            let chart = chart("\(measure.rawValue): P(right) − P(wrong)", difference, probability)
            if !chart.series.isEmpty { pictures.append(add(measure.rawValue, chart.svg)) }
        }
        guard !rows.isEmpty else { return nil }
        addTable(
            "other-tasks",
            ["model", "task", "count"]
                + ["probability_difference", "accuracy", "loss"].flatMap {
                    [$0, "\($0)_low", "\($0)_high", "\($0)_std"]
                },
            full
        )
        let intro = HTMLPage.paragraph(
            "Held-out prompts of other tasks: the total probability of the right next tokens minus that of the wrong ones, "
                + "and the share of prompts for which this difference is above 0."
        )
        let table = modelTable(
            "Every model on other tasks",
            [
                "model", "task", "P(right) − P(wrong)", "95 % interval", "std", "accuracy", "95 % interval",
                "loss on the label",
            ], rows, numbers: [2, 3, 4, 5, 6, 7]
        )
        return Section(title: "Other tasks", body: intro + table + HTMLPage.figures(pictures))
    }
}
