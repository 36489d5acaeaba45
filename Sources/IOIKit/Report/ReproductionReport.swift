import Foundation

/// The report of a run folder that `ioi reproduce` filled: the claims first, then what was measured, then how to repeat it.
public struct ReproductionReport: Report {
    public let html: String
    public let charts: [ReportChart]
    public let tables: [(name: String, csv: String)]

    /// - Parameter folder: the run folder.
    /// - Throws: ``IOIError`` where it holds no record of a plan, or one that cannot be read. A results file that is
    ///   missing or cannot be read is named in the report.
    public init(of folder: URL) throws {
        let record = try ReproductionRecord(in: folder)
        var builder = ReportBuilder(record: record, folder: folder)
        let sections = [
            builder.claims(), builder.behaviour(), builder.otherTasks(), builder.training(), builder.changes(),
            builder.circuits(), builder.heads(), builder.mlps(), builder.surface(), builder.repetition(),
        ].compactMap { $0 }
        var lead = HTMLPage.paragraph(
            "\(record.plan.about) Model \(record.model.name), \(record.dataset.count) held-out prompts, seed "
                + "\(record.plan.prompts.seed). Brackets are 95 % intervals over prompts."
        )
        if let note = record.note { lead += HTMLPage.paragraph("The model is \(note).", style: "note") }
        lead += builder.gaps
        html = HTMLPage(title: "What fine-tuning did: \(record.plan.name)", lead: lead, sections: sections).text
        charts = builder.charts
        tables = builder.tables
    }
}

/// A report being put together.
struct ReportBuilder: ReportParts {
    let record: ReproductionRecord
    let folder: URL
    var charts: [ReportChart] = []
    var tables: [(name: String, csv: String)] = []
    var problems: [String] = []

    init(record: ReproductionRecord, folder: URL) {
        self.record = record
        self.folder = folder
    }

    /// What was measured of each model, in the plan's order; what cannot be read becomes a problem.
    mutating func read<Kind: Experiment>(
        _ measure: Plan.Measure,
        of kind: Kind.Type
    ) -> [(model: PlanModel, results: Kind.Results)] {
        record.measurements.filter { $0.measure == measure }.compactMap { measurement in
            do {
                let file = folder.appendingPathComponent(measurement.file)
                return (
                    measurement.model,
                    try InputFile.decode(ResultsDocument<Kind, Kind.Results>.self, from: file).results
                )
            } catch {
                problems.append("\(error)")
                return nil
            }
        }
    }

    // MARK: Sections

    mutating func claims() -> HTMLPage.Section? {
        let isGPT2 = record.model.name == "gpt2"
        let rows = record.claims.map { decision in
            let style = decision.verdict == .shown ? "shown" : "not"
            // On a narrow screen the verdict is still in sight.
            return "<tr><td>\(decision.claim.text.xml)</td>"
                + "<td class=\"\(style)\">\(decision.verdict.rawValue.xml)</td>"
                + "<td class=\"number\">\(decision.valueText.xml)</td>"
                + "<td class=\"number\">\(decision.intervalText.xml)</td>"
                + (isGPT2 ? "<td>\((decision.claim.published ?? "").xml)</td>" : "")
                + "<td class=\"quiet\"><code>\(decision.claim.figure.description.xml)</code> "
                + "\(decision.claim.rule.text.xml)</td></tr>"
        }
        addTable(
            "claims", ["claim", "figure", "published", "measured", "low", "high", "rule", "verdict"],
            record.claims.map { decision in
                [
                    decision.claim.text, decision.claim.figure.description, record.published(decision) ?? "",
                    Self.full(decision.measured?.value), Self.full(decision.measured?.ci95?[0]),
                    Self.full(decision.measured?.ci95?[1]), decision.claim.rule.text, decision.verdict.rawValue,
                ]
            }
        )
        let header = ["claim", "verdict", "measured", "95 % interval"] + (isGPT2 ? ["published"] : []) + ["rule"]
        let intro = HTMLPage.paragraph(
            "A claim is shown where the whole interval satisfies its rule, not shown where none of it does, and unclear in "
                + "between. The rules stand in the plan."
        )
        let published =
            isGPT2
            ? ""
            : HTMLPage.paragraph(
                "The published figures are of GPT-2 small and stand beside no other model's.", style: "quiet"
            )
        return HTMLPage.Section(
            title: "Claims",
            body: intro + published + "<div class=\"wide\"><table><thead><tr>"
                + header.map { "<th>\($0)</th>" }.joined() + "</tr></thead>\n<tbody>\(rows.joined(separator: "\n"))"
                + "</tbody></table></div>"
        )
    }

    /// The epoch of a model since the plan's own model, and that of the model it starts from.
    private func epoch(of model: PlanModel) -> Int {
        guard let name = model.stage, let stage = record.plan.stages.first(where: { $0.name == name }) else { return 0 }
        return (stage.from.map(epoch) ?? 0) + model.epoch
    }

    /// A line for each stage, from the model that it starts from.
    func series(_ points: [PlanModel: (y: Double, interval: [Double]?)]) -> [LineChart.Series] {
        let trained = record.plan.stages.filter { $0.dataset != nil && record.stages.contains($0.name) }
        let roots = trained.filter { $0.from?.stage == nil }.map(\.name)
        return trained.compactMap { stage in
            let models = [stage.from ?? .base] + stage.models
            let found = models.compactMap { model in
                points[model].map {
                    LineChart.Point(
                        x: Double(epoch(of: model)), y: $0.y, interval: $0.interval, name: model.description)
                }
            }
            guard found.count > 1 else { return nil }
            var root = stage
            while let from = root.from?.stage, let before = trained.first(where: { $0.name == from }) { root = before }
            return LineChart.Series(
                name: stage.name, points: found, colour: roots.firstIndex(of: root.name) ?? 0,
                isDashed: stage.from?.stage != nil
            )
        }
    }

    private func share(_ value: Double?, decimals: Int = 1) -> String {
        value.map { (100 * $0).fixed(decimals) + " %" } ?? "–"
    }

    /// F(C)/F(M) and its interval.
    private func cells(of circuit: Faithfulness) -> [String] {
        guard circuit.note != .meaningless else { return ["meaningless", ""] }
        return [
            share(circuit.ratio.value) + (circuit.note == .overshoot ? " (overshoot)" : ""),
            Self.interval(circuit.ratio.ci95, scale: 100, decimals: 1),
        ]
    }

    mutating func behaviour() -> HTMLPage.Section? {
        let evaluations = read(.eval, of: EvaluationExperiment.self).compactMap { model, results in
            if case .ioi(let evaluation) = results { (model, evaluation) } else { nil }
        }
        let faithfulness = Dictionary(
            uniqueKeysWithValues: read(.faithfulness, of: FaithfulnessExperiment.self).map {
                ($0.model, $0.results.faithfulness)
            }
        )
        guard !evaluations.isEmpty else { return nil }
        var rows: [[String]] = []
        var full: [[String]] = []
        var difference: [PlanModel: (y: Double, interval: [Double]?)] = [:]
        var (accuracy, loss, ratio) = (difference, difference, difference)
        for (model, evaluation) in evaluations {
            let all = evaluation.all
            let circuit = faithfulness[model]
            difference[model] = (all.logitDifference.mean, all.logitDifference.ci95)
            accuracy[model] = (100 * all.accuracy.mean, all.accuracy.ci95?.map { 100 * $0 })
            loss[model] = (all.loss.mean, all.loss.ci95)
            if let circuit, circuit.note != .meaningless, let value = circuit.ratio.value {
                ratio[model] = (100 * value, circuit.ratio.ci95?.map { 100 * $0 })
            }
            rows.append(
                [
                    model.description, all.logitDifference.mean.fixed(2),
                    Self.interval(all.logitDifference.ci95, decimals: 2), (100 * all.accuracy.mean).fixed(1) + " %",
                    (100 * all.top1.mean).fixed(1) + " %", all.loss.mean.fixed(3),
                ] + (circuit.map(cells) ?? ["–", ""]))
            full.append([
                model.description, Self.full(all.logitDifference.mean), Self.full(all.logitDifference.bounds[0]),
                Self.full(all.logitDifference.bounds[1]), Self.full(all.accuracy.value), Self.full(all.top1.value),
                Self.full(all.ioProbability.value), Self.full(all.loss.value), Self.full(circuit?.model.value),
                Self.full(circuit?.circuit.value), Self.full(circuit?.ratio.value), Self.full(circuit?.ratio.ci95?[0]),
                Self.full(circuit?.ratio.ci95?[1]),
                circuit?.note?.rawValue ?? "",
            ])
        }
        addTable(
            "behaviour",
            [
                "model", "logit_difference", "low", "high", "accuracy", "top1", "io_probability", "loss", "model_ld",
                "circuit_ld", "ratio", "ratio_low", "ratio_high", "ratio_note",
            ], full
        )
        let table = HTMLPage.table(
            [
                "model", "logit difference", "95 % interval", "IO over S", "IO first of all", "loss", "F(C)/F(M)",
                "95 % interval",
            ], rows, numbers: [1, 2, 3, 4, 5, 6, 7]
        )
        let pictures = [
            add("logit-difference", LineChart(title: "Logit difference", series: series(difference)).svg),
            add(
                "accuracy",
                LineChart(
                    title: "IO over S (IO first of all tokens is in the table)", unit: " %", decimals: 1,
                    series: series(accuracy)
                ).svg),
            add("loss", LineChart(title: "Loss of the indirect object, in nats", series: series(loss)).svg),
            add(
                "faithfulness",
                LineChart(
                    title: "Faithfulness of the circuit, F(C)/F(M)", unit: " %", decimals: 1, series: series(ratio),
                    reference: 100
                ).svg),
        ]
        return HTMLPage.Section(
            title: "Behaviour and circuit over epochs",
            body: table + HTMLPage.figures(pictures)
                + HTMLPage.paragraph(
                    "Dashed lines go on from another stage. Shares of a logit difference near zero mean nothing and are not "
                        + "drawn; above 100 % the circuit does more than the whole model.", style: "quiet"
                )
        )
    }

    mutating func otherTasks() -> HTMLPage.Section? {
        var (rows, full, pictures) = ([[String]](), [[String]](), [String]())
        for measure in Plan.Measure.allCases where measure.task != nil {
            var difference: [PlanModel: (y: Double, interval: [Double]?)] = [:]
            for (model, results) in read(measure, of: EvaluationExperiment.self) {
                guard case .choice(let evaluation) = results else { continue }
                let all = evaluation.all
                let estimates = [all.probabilityDifference, all.accuracy, all.loss]
                difference[model] = (all.probabilityDifference.mean, all.probabilityDifference.ci95)
                rows.append([
                    model.description, measure.rawValue, all.probabilityDifference.mean.fixed(3),
                    Self.interval(all.probabilityDifference.ci95, decimals: 3),
                    (all.probabilityDifference.std ?? 0).fixed(3),
                    (100 * all.accuracy.mean).fixed(1) + " %",
                    Self.interval(all.accuracy.ci95, scale: 100, decimals: 1),
                    all.loss.mean.fixed(3),
                ])
                full.append(
                    [model.description, measure.rawValue, "\(all.count)"]
                        + estimates.flatMap { ([$0.mean] + $0.bounds + [$0.std ?? 0]).map(Self.full) }
                )
            }
            let chart = LineChart(
                title: "\(measure.rawValue): P(right) − P(wrong)", decimals: 3, series: series(difference)
            )
            if !chart.series.isEmpty { pictures.append(add(measure.rawValue, chart.svg)) }
        }
        guard !rows.isEmpty else { return nil }
        let figures = ["probability_difference", "accuracy", "loss"]
        addTable(
            "other-tasks",
            ["model", "task", "count"]
                + figures.flatMap { [$0, "\($0)_low", "\($0)_high", "\($0)_std"] },
            full
        )
        return HTMLPage.Section(
            title: "Other tasks",
            body: HTMLPage.paragraph(
                "Held-out prompts of tasks that are not indirect-object identification: the probability of all right next "
                    + "tokens less that of all wrong ones, and the share of prompts on which it is above 0."
            )
                + HTMLPage.table(
                    [
                        "model", "task", "P(right) − P(wrong)", "95 % interval", "std", "accuracy", "95 % interval",
                        "loss of the label",
                    ], rows, numbers: [2, 3, 4, 5, 6, 7]
                ) + HTMLPage.figures(pictures)
        )
    }

    mutating func training() -> HTMLPage.Section? {
        var series: [LineChart.Series] = []
        for (index, name) in record.stages.enumerated() {
            guard let path = record.runs[name] else { continue }
            let metrics = readMetrics(of: RunFolder(folder.appendingPathComponent(path)))
            if !metrics.isEmpty { series.append(Self.losses(metrics, name: name, colour: index)) }
        }
        guard !series.isEmpty else { return nil }
        let chart = LineChart(
            title: "Loss while training, each on its own dataset, in nats", xLabel: "steps", series: series,
            hasMarks: false
        )
        return HTMLPage.Section(title: "Training", body: HTMLPage.figures([add("training-loss", chart.svg)]))
    }

    /// The sweeps from the trained models into the plan's own.
    private mutating func directed(_ measure: Plan.Measure) -> [(model: PlanModel, results: CrossModelResults)] {
        read(measure, of: PatchExperiment.self).compactMap { model, results in
            guard case .directions(let directions) = results else { return nil }
            return directions[PatchExperiment.CrossModel.Direction.donorToHost.rawValue].map { (model, $0) }
        }
    }

    mutating func changes() -> HTMLPage.Section? {
        let patterns = directed(.patterns)
        let outputs = directed(.outputs)
        guard !patterns.isEmpty || !outputs.isEmpty else { return nil }
        var body = HTMLPage.paragraph(
            "Each head's attention pattern, or output z, taken from the fine-tuned model into the plan's own model, on the same "
                + "prompts: the change of the logit difference in per cent. Carried over is the share of the whole change "
                + "that comes with a set of heads."
        )
        var rows: [[String]] = []
        for model in record.measurements.map(\.model).unique {
            let maps = [("patterns", patterns), ("outputs", outputs)].compactMap { name, all in
                all.first { $0.model == model }.map { (name, $0.results) }
            }
            guard !maps.isEmpty else { continue }
            let scale = MapChart.scale(of: maps.map(\.1.map.effects))
            body += "<h3>\(model.description.xml)</h3>"
            body += HTMLPage.figures(
                maps.map { name, figures in
                    add(
                        "\(model)-\(name)",
                        MapChart(
                            title: "\(name) of \(model) in \(record.model.name)", values: figures.map.effects,
                            intervals: figures.map.effectIntervals, scale: scale
                        ).svg)
                })
            for (name, figures) in maps {
                for set in figures.sets {
                    rows.append([
                        model.description, name, set.name, "\(set.heads.count)", Self.full(set.cell.effect.value),
                        Self.full(set.cell.recovered?.value), Self.full(set.cell.recovered?.ci95?[0]),
                        Self.full(set.cell.recovered?.ci95?[1]),
                    ])
                }
            }
            let sets = maps.flatMap { name, figures in
                figures.sets.map { set in
                    [
                        name, set.name, "\(set.heads.count)", set.cell.effect.value.map { $0.fixed(1) + " %" } ?? "–",
                        set.cell.recovered?.value.map { (100 * $0).fixed(1) + " %" } ?? "–",
                        Self.interval(set.cell.recovered?.ci95, scale: 100, decimals: 1),
                    ]
                }
            }
            if !sets.isEmpty {
                body += HTMLPage.table(
                    ["component", "heads of", "number", "change", "carried over", "95 % interval"], sets,
                    numbers: [2, 3, 4, 5]
                )
            }
        }
        addTable(
            "changes", ["model", "component", "set", "heads", "effect", "recovered", "low", "high"], rows
        )
        return HTMLPage.Section(title: "Where the changes lie", body: body)
    }

    mutating func circuits() -> HTMLPage.Section? {
        let found = read(.circuit, of: DiscoverExperiment.self)
        guard !found.isEmpty else { return nil }
        let base = found.first { $0.model == .base }?.results.circuit
        var (rows, pictures, none) = ([[String]](), [String](), "")
        var (shares, fullShares) = ([[String]](), [[String]]())
        for (model, results) in found {
            guard let circuit = results.circuit else {
                none += HTMLPage.paragraph("\(model): none. \(results.problem ?? "")", style: "quiet")
                continue
            }
            rows += circuit.classes.map {
                [
                    model.description, $0.name, $0.position.description,
                    $0.heads.map(\.description).joined(separator: " "),
                ]
            }
            if let faithfulness = results.faithfulness {
                shares.append(
                    [model.description, "\(circuit.heads.count)", share(results.sparsity, decimals: 2)]
                        + cells(of: faithfulness)
                )
                fullShares.append(
                    [
                        model.description, "\(circuit.heads.count)", Self.full(results.sparsity),
                        Self.full(faithfulness.model.value), Self.full(faithfulness.circuit.value),
                        Self.full(faithfulness.ratio.value), Self.full(faithfulness.ratio.ci95?[0]),
                        Self.full(faithfulness.ratio.ci95?[1]),
                        faithfulness.note?.rawValue ?? "",
                    ]
                )
            }
            let diagram = CircuitDiagram(
                title: "\(model): \(circuit.heads.count) heads", circuit, comparedWith: model == .base ? nil : base
            )
            pictures.append(add("\(model)-circuit", diagram.svg))
        }
        addTable("circuits", ["model", "class", "position", "heads"], rows)
        addTable(
            "circuit-faithfulness",
            [
                "model", "heads", "sparsity", "model_ld", "circuit_ld", "ratio", "ratio_low", "ratio_high",
                "ratio_note",
            ], fullShares
        )
        return HTMLPage.Section(
            title: "Circuits",
            body: HTMLPage.paragraph(
                "Found by path patching in each model. Beside the plan's own model's circuit, heads that are new in a class "
                    + "are bold, those that are gone struck through. F(C)/F(M) is that of the circuit found in the model "
                    + "itself, sparsity the share of all (head, position) pairs that it keeps."
            )
                + HTMLPage.table(
                    ["model", "heads", "sparsity", "F(C)/F(M)", "95 % interval"], shares, numbers: [1, 2, 3, 4]
                ) + HTMLPage.figures(pictures) + none
        )
    }

    mutating func mlps() -> HTMLPage.Section? {
        let knockouts = read(.mlps, of: KnockoutExperiment.self)
        guard let layers = knockouts.first?.results.each.count, layers > 0 else { return nil }
        let columns = ["all"] + (0..<layers).map { "MLP \($0)" }
        func effects(_ results: KnockoutResults) -> [Estimate] {
            [results.together.effect] + results.each.map(\.cell.effect)
        }
        let rows = knockouts.map { model, figures in
            [model.description] + effects(figures).map { $0.value.map { $0.fixed(1) + " %" } ?? "–" }
        }
        addTable(
            "mlps", ["model", "mlp", "effect", "low", "high"],
            knockouts.flatMap { model, figures in
                zip(columns, effects(figures)).map {
                    [
                        model.description, $0, Self.full($1.value), Self.full($1.ci95?[0]), Self.full($1.ci95?[1]),
                    ]
                }
            }
        )
        return HTMLPage.Section(
            title: "MLPs",
            body: HTMLPage.paragraph(
                "The change of the logit difference with all MLPs, or one, knocked out: replaced by their mean over prompts in "
                    + "which no name repeats."
            )
                + HTMLPage.table(
                    ["model"] + columns, rows, numbers: Set(1...columns.count)
                )
        )
    }

    mutating func surface() -> HTMLPage.Section? {
        let surfaces = read(.surface, of: FaithfulnessExperiment.self).filter { !$0.results.surface.isEmpty }
        guard !surfaces.isEmpty else { return nil }
        let heads = record.circuit?.heads.count ?? 0
        let pictures = surfaces.map { model, figures in
            let chart = IntervalChart(
                surface: figures.surface, heads: heads, of: "\(model), \(record.dataset.count) prompts",
                isWholeMeaningless: figures.faithfulness.note == .meaningless
            )
            return add("\(model)-surface", chart.svg)
        }
        return HTMLPage.Section(
            title: "Faithfulness by method",
            body: HTMLPage.paragraph(
                "One circuit, by every method of evaluation, beside random circuits with as many heads in each layer."
            ) + HTMLPage.figures(pictures)
        )
    }

    mutating func repetition() -> HTMLPage.Section? {
        let facts = [
            ["command", "ioi reproduce --plan \(record.plan.name) --model \(record.plan.model)"],
            ["stages", record.stages.joined(separator: ", ")],
            ["model", "\(record.model.name), SHA-256 \(record.model.sha256 ?? "unknown")"],
            ["prompts", "\(record.dataset.count), seed \(record.plan.prompts.seed), SHA-256 \(record.dataset.sha256)"],
            [
                "training",
                "\(record.plan.training.count) prompts of each dataset, rate \(record.plan.training.learningRate), batch "
                    + "\(record.plan.training.batch), seed \(record.plan.training.seed)",
            ],
            Self.version(record.environment),
        ]
        let files = record.measurements.map { [$0.model.description, $0.measure.rawValue, $0.file] }
        return Self.repetition(
            facts, files: "<h3>Files</h3>" + HTMLPage.table(["model", "measured", "file"], files)
        )
    }
}

extension Sequence where Element: Hashable {
    /// Each element once, where it stands first.
    var unique: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
