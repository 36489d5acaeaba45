extension ReproductionReportBuilder {
    /// The training loss of each stage.
    mutating func training() -> Section? {
        var series: [LineChart.Series] = []
        for (index, name) in record.stages.enumerated() {
            guard let path = record.runs[name] else { continue }
            let metrics = readMetrics(of: RunFolder(folder.appendingPathComponent(path)))
            if !metrics.isEmpty { series.append(Self.losses(metrics, name: name, colour: index)) }
        }
        guard !series.isEmpty else { return nil }
        let chart = LineChart(
            title: "Training loss of each stage on its own dataset, in nats", xLabel: "steps", series: series,
            hasMarks: false
        )
        return Section(title: "Training", body: HTMLPage.figures([add("training-loss", chart.svg)]))
    }
}

extension RunReportBuilder {
    /// The training loss of the run.
    mutating func training() -> Section? {
        guard let last = metrics.last else { return nil }
        addTable(
            "training", ["step", "epoch", "loss", "lr"],
            metrics.map { ["\($0.step)", "\($0.epoch)", Self.full($0.loss), Self.full($0.lr)] }
        )
        let chart = LineChart(
            title: "Training loss on \(record.dataset.name), in nats", xLabel: "steps",
            series: [Self.losses(metrics, name: record.dataset.name, colour: 0)], hasMarks: false
        )
        let speed = metrics.map(\.samplesPerSecond).sorted()[metrics.count / 2]
        let note =
            "\(last.step) steps of \(record.settings.batch) \(record.settings.examples.noun), \(schedule.stepsPerEpoch) steps per epoch; "
            + "\(speed.fixed(1)) \(record.settings.examples.noun) per second (median)."
            + (metrics.count >= 200 ? " The line shows means over \(metrics.count / 100) steps." : "")
        return Section(
            title: "Training",
            body: HTMLPage.figures([add("training-loss", chart.svg)]) + HTMLPage.paragraph(note, style: "quiet")
        )
    }
}
