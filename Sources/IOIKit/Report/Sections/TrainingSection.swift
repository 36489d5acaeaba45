extension ReproductionReportBuilder {
    /// The recipes, the loss of each run, and which recipe comes nearer to what was published.
    mutating func training() -> Section? {
        var (series, rows, full) = ([LineChart.Series](), [HTMLTable.Row](), [[String]]())
        let stages = record.plan.stages.filter { record.stages.contains($0.name) }
        for stage in stages {
            for run in record.plan.runs(of: stage) {
                guard let path = record.runs[run.name] else { continue }
                let folder = RunFolder(folder.appendingPathComponent(path))
                let metrics = readMetrics(of: folder)
                guard !metrics.isEmpty else { continue }
                if let batch = (try? folder.record())?.settings.batch {
                    trainingSeconds += metrics.reduce(0) { $0 + Double(batch) / max($1.samplesPerSecond, 1e-9) }
                }
                series.append(
                    Self.losses(
                        metrics, name: run.name, colour: palette.colour(of: stage.name),
                        isDashed: palette.isContinued(stage.name)))
                let loss = metrics.map(\.loss).mean
                let start = [run.name, stage.dataset ?? "", record.plan.recipe(of: stage).rawValue, "\(metrics.count)"]
                let model = PlanModel(stage: stage.name, epoch: run.epochs.last ?? 1)
                rows.append(HTMLTable.Row(cells: start + [loss.fixed(3)], model: model))
                full.append(start + [Self.full(loss)])
            }
        }
        guard !series.isEmpty else { return nil }
        addTable("training", ["run", "dataset", "recipe", "steps", "mean_loss"], full)
        let chart = LineChart(
            title: "Training loss of each run on its own dataset, in nats", xLabel: "steps", series: series,
            hasMarks: false
        )
        return Section(
            title: "Training",
            body: recipes(stages) + nearer() + HTMLPage.figures([add("training-loss", chart.svg)])
                + HTMLTable(
                    "Training runs", ["run", "dataset", "recipe", "steps", "mean loss"], rows, numbers: [3, 4],
                    palette: palette
                ).html
        )
    }

    /// A sentence on each recipe, and the stages that it trains if there are several.
    private func recipes(_ stages: [Plan.Stage]) -> String {
        let trained = stages.filter { $0.dataset != nil }
        let used = TrainingRecipe.allCases.filter { recipe in
            trained.contains { record.plan.recipe(of: $0) == recipe }
        }
        return used.map { recipe in
            let stages = trained.filter { record.plan.recipe(of: $0) == recipe }
            let settings = record.plan.settings(
                of: stages[0], epochs: stages[0].epochs ?? [1],
                workers: Workers(count: 1, precision: record.environment.precision))
            let names = used.count == 1 ? "" : " (\(stages.map(\.name).joined(separator: ", ")))"
            let note = recipe == record.plan.recipe ? record.plan.training.note.map { " \($0)" } ?? "" : ""
            return HTMLPage.paragraph("Recipe \(recipe.rawValue)\(names): \(settings.sentence)\(note)")
        }.joined()
    }

    /// A sentence on each claim that one figure is nearer to the published one than another.
    private func nearer() -> String {
        record.claims.filter { $0.claim.rule.relation == .nearer && record.hasPublishedFigures }.compactMap {
            decision in
            let claim = decision.claim
            guard let measured = decision.measured?.value, let other = decision.other?.value,
                let published = claim.published?.value, let path = claim.rule.of
            else { return nil }
            let isNearer = abs(measured - published) < abs(other - published)
            return HTMLPage.paragraph(
                "\(recipe(of: (isNearer ? claim.figure : path).model)) comes nearer to the published "
                    + "\(record.published(decision) ?? ""): \(claim.format.text(measured)) by "
                    + "\(recipe(of: claim.figure.model)), \(claim.format.text(other)) by \(recipe(of: path.model)) "
                    + "(\(claim.figure), \(path))."
            )
        }.joined()
    }

    private func recipe(of model: PlanModel) -> String {
        let stage = record.plan.stages.first { $0.name == model.stage }
        return stage.map { record.plan.recipe(of: $0).rawValue } ?? model.description
    }
}

extension TrainingSettings {
    /// How a stage learns, in a sentence.
    fileprivate var sentence: String {
        let rate = schedule.course == .constant ? ", a constant rate" : ""
        let runs = schedule.course == .constant ? "" : "; each number of epochs is a run of its own"
        return text + rate + (dropout == 0 ? ", no dropout" : "") + runs + "."
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
            body: HTMLPage.paragraph(note) + HTMLPage.figures([add("training-loss", chart.svg)])
        )
    }
}
