extension ReproductionReportBuilder {
    /// The task metrics of each model and the faithfulness of its circuit.
    mutating func behaviour() -> Section? {
        guard task == nil else { return choiceBehaviour() }
        let evaluations = read(.eval, of: EvaluationExperiment.self).compactMap { model, results in
            if case .ioi(let evaluation) = results { (model: model, all: evaluation.all) } else { nil }
        }
        let circuits = faithfulness()
        guard !evaluations.isEmpty else { return nil }
        addTable(
            "behaviour",
            ["model", "logit_difference", "low", "high", "accuracy", "top1", "io_probability", "loss"]
                + ["counterfactual_logit_difference", "io_over_names"].flatMap { [$0, "\($0)_low", "\($0)_high"] }
                + ["io_rank_among_names"] + Self.faithfulnessColumns,
            evaluations.map { model, all in
                [model.description] + Self.full(all.logitDifference)
                    + [all.accuracy.value, all.top1.value, all.ioProbability.value, all.loss.value].map(Self.full)
                    + [all.counterfactualLogitDifference, all.ioOverNames].flatMap(Self.full)
                    + [Self.full(all.ioRankAmongNames?.value)]
                    + Self.full(circuits[model])
            }
        )
        let rows = evaluations.map { model, all in
            (
                model,
                FigureFormat.number.cells(all.logitDifference)
                    + [FigureFormat.number.text(all.counterfactualLogitDifference?.value)]
                    + FigureFormat.number.cells(all.ioOverNames) + [
                        FigureFormat.number(decimals: 1).text(all.ioRankAmongNames?.value),
                        FigureFormat.share.text(all.accuracy.value), FigureFormat.share.text(all.top1.value),
                        all.loss.mean.fixed(3),
                    ] + (circuits[model].map(cells) ?? ["–", ""])
            )
        }
        let table = modelTable(
            "Every model on the same held-out prompts",
            [
                "model", "logit difference", "95 % interval", "on counterfactuals", "IO over names", "95 % interval",
                "rank among names", "IO over S", "IO first of all", "loss", "F(C)/F(M)", "95 % interval",
            ], rows, numbers: Set(1...11)
        )
        func figures(_ figure: (Evaluation.Summary) -> Estimate?) -> [PlanModel: Estimate] {
            Dictionary(
                evaluations.compactMap { model, all in figure(all).map { (model, $0) } },
                uniquingKeysWith: { $1 }
            )
        }
        let charts = [
            ("logit-difference", chart("Logit difference", figures(\.logitDifference))),
            ("io-over-names", chart("IO over the names that are not mentioned", figures(\.ioOverNames))),
            ("accuracy", chart("Prompts on which IO is above S", figures(\.accuracy), .share)),
            ("loss", chart("Loss on the indirect object, in nats", figures(\.loss))),
        ]
        let pictures = pictures(charts, circuits)
        return Section(
            title: "Behaviour and circuit over epochs",
            body: HTMLPage.paragraph(
                "The logit difference is logit(IO) − logit(S). On counterfactuals it is that of the same two names. "
                    + "IO over names is logit(IO) minus the mean logit of the names that the prompt does not mention. "
                    + chartsNote
            ) + table + pictures
        )
    }
}
