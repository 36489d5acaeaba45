extension RunReportBuilder {
    /// The metrics on held-out prompts after each kept epoch.
    mutating func evaluation() -> Section? {
        let title = "Held-out prompts over epochs"
        guard record.heldOut != nil else {
            return Section(title: title, body: HTMLPage.paragraph("The run had no held-out prompts to evaluate on."))
        }
        let all = evaluations.map { (epoch: $0.epoch, metrics: $0.document.results.shownMetrics) }
        // Evaluations by older versions lack some.
        let shown = all.first?.metrics.indices.filter { index in
            all.contains { $0.metrics[index].estimate.value != nil }
        }
        guard let shown, !shown.isEmpty else { return nil }
        let measured = all.map { epoch, metrics in (epoch: epoch, metrics: shown.map { metrics[$0] }) }
        let metrics = measured[0].metrics
        addTable(
            "evaluation", ["epoch"] + metrics.flatMap { [$0.name, "\($0.name)_low", "\($0.name)_high"] },
            measured.map { epoch, metrics in ["\(epoch)"] + metrics.flatMap { Self.full($0.estimate) } }
        )
        let table = HTMLTable(
            "Held-out prompts after each epoch",
            ["epoch"] + metrics.flatMap { [$0.title, "95 % interval"] },
            measured.map { epoch, metrics in
                [epoch == 0 ? "0 (before)" : "\(epoch)"] + metrics.flatMap { $0.format.cells($0.estimate) }
            }, numbers: Set(1...2 * metrics.count)
        ).html
        var pictures: [String] = []
        for (index, metric) in metrics.enumerated() {
            let format = metric.format
            let points = measured.map { epoch, metrics in
                let estimate = metrics[index].estimate
                return LineChart.Point(
                    x: Double(epoch), y: format.scale * estimate.mean,
                    interval: estimate.ci95?.map { format.scale * $0 }, name: "epoch \(epoch)"
                )
            }
            let chart = LineChart(
                title: metric.title, unit: format.unit, decimals: format.decimals,
                series: [LineChart.Series(name: "held-out prompts", points: points, colour: 0)]
            )
            let picture = add(metric.name.replacing("_", with: "-"), chart.svg)
            if index == 0 { firstChart = picture } else { pictures.append(picture) }
        }
        return Section(title: title, body: table + HTMLPage.figures(pictures))
    }

    /// The first metrics before and after the run.
    var cards: [Opening.Card] {
        guard let first = evaluations.first, let last = evaluations.last else { return [] }
        let pairs = zip(first.document.results.shownMetrics, last.document.results.shownMetrics)
        return pairs.prefix(3).compactMap { before, after in
            guard before.estimate.value != nil, after.estimate.value != nil else { return nil }
            let (from, to) = (before.format.text(before.estimate.value), after.format.text(after.estimate.value))
            return first.epoch == last.epoch
                ? Opening.Card(figure: from, words: "\(before.title), before training")
                : Opening.Card(
                    figure: "\(from) → \(to) \(after.format.text(interval: after.estimate.ci95))",
                    words: "\(before.title), before training and after epoch \(last.epoch)", colour: 0)
        }
    }
}

/// A metric as the page shows it.
private struct ShownMetric {
    /// Its key in results files.
    let name: String
    let title: String
    let estimate: Estimate
    let format: FigureFormat

    init(_ name: String, _ title: String, _ estimate: Estimate?, _ format: FigureFormat = .number(decimals: 3)) {
        self.name = name
        self.title = title
        self.estimate = estimate ?? Estimate()
        self.format = format
    }
}

extension TaskEvaluation {
    fileprivate var shownMetrics: [ShownMetric] {
        switch self {
        case .ioi(let evaluation):
            let all = evaluation.all
            return [
                ShownMetric("logit_difference", "Logit difference", all.logitDifference, .number),
                ShownMetric("accuracy", "IO over S", all.accuracy, .share),
                ShownMetric("top1", "IO first of all tokens", all.top1, .share),
                ShownMetric("io_probability", "P(IO)", all.ioProbability),
                ShownMetric("loss", "Loss on the indirect object, in nats", all.loss),
                ShownMetric(
                    "counterfactual_logit_difference", "Logit difference on counterfactuals",
                    all.counterfactualLogitDifference, .number
                ),
                ShownMetric("io_over_names", "IO over the names that are not mentioned", all.ioOverNames, .number),
                ShownMetric("io_rank_among_names", "Rank of IO among names", all.ioRankAmongNames, .number),
            ]
        case .choice(let evaluation):
            let all = evaluation.all
            return [
                ShownMetric("probability_difference", "P(right) − P(wrong)", all.probabilityDifference),
                ShownMetric("accuracy", "Right over wrong", all.accuracy, .share),
                ShownMetric("loss", "Loss on the label, in nats", all.loss),
            ]
        }
    }
}
