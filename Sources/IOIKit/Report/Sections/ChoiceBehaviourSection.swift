extension ReproductionReportBuilder {
    /// The metrics of each model on a task other than IOI, and the faithfulness of its circuit.
    mutating func choiceBehaviour() -> Section? {
        let evaluations = read(.eval, of: EvaluationExperiment.self).compactMap { model, results in
            if case .choice(let evaluation) = results { (model: model, all: evaluation.all) } else { nil }
        }
        guard !evaluations.isEmpty else { return nil }
        let circuits = faithfulness()
        addTable(
            "behaviour",
            ["model"]
                + ["probability_difference", "logit_difference", "accuracy", "top1", "loss"].flatMap {
                    [$0, "\($0)_low", "\($0)_high"]
                } + Self.faithfulnessColumns,
            evaluations.map { model, all in
                [model.description]
                    + [all.probabilityDifference, all.logitDifference, all.accuracy, all.top1, all.loss].flatMap(
                        Self.full)
                    + Self.full(circuits[model])
            }
        )
        let rows = evaluations.map { model, all in
            (
                model,
                FigureFormat.share.cells(all.probabilityDifference)
                    + FigureFormat.number.cells(all.logitDifference) + [
                        FigureFormat.share.text(all.accuracy.value), FigureFormat.share.text(all.top1?.value),
                        all.loss.mean.fixed(3),
                    ] + (circuits[model].map(cells) ?? ["–", ""])
            )
        }
        let table = modelTable(
            "Every model on the same held-out prompts",
            [
                "model", "P(right) − P(wrong)", "95 % interval", "logit difference", "95 % interval",
                "right over wrong", "right first of all", "loss", "F(C)/F(M)", "95 % interval",
            ], rows, numbers: Set(1...9)
        )
        func figures(_ figure: (ChoiceEvaluation.Summary) -> Estimate?) -> [PlanModel: Estimate] {
            Dictionary(
                evaluations.compactMap { model, all in figure(all).map { (model, $0) } },
                uniquingKeysWith: { $1 }
            )
        }
        let charts = [
            ("probability-difference", chart("P(right) − P(wrong)", figures(\.probabilityDifference), .share)),
            ("logit-difference", chart("Logit difference", figures(\.logitDifference))),
            ("accuracy", chart("The right tokens over the wrong ones", figures(\.accuracy), .share)),
            ("loss", chart("Loss on the label, in nats", figures(\.loss))),
        ]
        let pictures = pictures(charts, circuits)
        return Section(
            title: "Behaviour and circuit over epochs",
            body: HTMLPage.paragraph(
                "P(right) − P(wrong) is the total probability of the right next tokens minus that of the wrong ones, the "
                    + "logit difference the mean logit of the right ones minus that of the wrong ones, right over "
                    + "wrong the share of prompts on which the first is above 0. F is the \(metric.noun). "
                    + chartsNote
            ) + table + pictures
        )
    }
}
