import Foundation

/// The report of a plan's run folder: the claims, the measurements, and how to repeat them.
public struct ReproductionReport: Report {
    public let html: String
    public let charts: [ReportChart]
    public let tables: [(name: String, csv: String)]
    public let problems: [String]

    /// - Parameter folder: the run folder.
    /// - Throws: `IOIError` if the folder contains no record of a plan, or one that cannot be read. The report names
    ///   results files that are missing or cannot be read.
    public init(of folder: URL) throws {
        let record = try ReproductionRecord(in: folder)
        var builder = ReproductionReportBuilder(record: record, folder: folder)
        var sections = [
            builder.claims(), builder.behaviour(), builder.otherTasks(), builder.changes(), builder.directEffects(),
            builder.circuits(), builder.heads(), builder.mlps(), builder.classes(), builder.surface(),
        ]
        for dataset in record.otherDatasets { sections += builder.sections(on: dataset) }
        sections += [builder.training(), builder.repetition()]
        html =
            HTMLPage(
                title:
                    "What fine-tuning changed inside \(record.model.name == "embedded" ? "the embedded model" : record.model.name)",
                lead: builder.opening(),
                sections: sections.compactMap { $0 }
            ).text
        charts = builder.charts
        tables = builder.tables
        problems = builder.problems
    }
}

/// Writes the sections of a ``ReproductionReport``; each has a file in `Sections`.
struct ReproductionReportBuilder: ReportBuilder {
    let record: ReproductionRecord
    let folder: URL
    var charts: [ReportChart] = []
    var tables: [(name: String, csv: String)] = []
    var problems: [String] = []
    /// The dataset of the measures that sections are about; nil for the plan's own.
    private(set) var dataset: String?
    /// What the results read last measure.
    private(set) var metric = Metric.logitDifference
    /// That of the maps read so far: all models have one shape.
    private var shape: MapShape?
    let palette: StagePalette
    /// The time that each results file took.
    private(set) var measuringSeconds: [String: Double] = [:]
    /// The time that the steps of all runs took.
    var trainingSeconds = 0.0

    init(record: ReproductionRecord, folder: URL) {
        self.record = record
        self.folder = folder
        palette = StagePalette(record.plan.stages.filter { $0.dataset != nil && record.stages.contains($0.name) })
    }

    /// The day on which the record was written.
    var date: String? { Self.date(of: folder.appendingPathComponent(ReproductionRecord.fileName)) }

    /// A table with a row for each model, without the columns that no model has figures for.
    func modelTable(
        _ caption: String,
        _ header: [String],
        _ rows: [(model: PlanModel, cells: [String])],
        numbers: Set<Int> = [],
        heads: Set<Int> = []
    ) -> String {
        let rows = rows.map { (model: $0.model, cells: [$0.model.description] + $0.cells) }
        let kept = header.indices.filter { column in
            rows.contains { !["", "–"].contains($0.cells[column]) }
        }
        func places(_ columns: Set<Int>) -> Set<Int> { Set(kept.indices.filter { columns.contains(kept[$0]) }) }
        return HTMLTable(
            caption, kept.map { header[$0] },
            rows.map { row in HTMLTable.Row(cells: kept.map { row.cells[$0] }, model: row.model) },
            numbers: places(numbers), heads: places(heads), palette: palette
        ).html
    }

    /// The sections about measures on other prompts than the plan's own, whose titles and files have the dataset's name.
    mutating func sections(on dataset: String) -> [Section?] {
        self.dataset = dataset
        defer { self.dataset = nil }
        let (firstChart, firstTable) = (charts.count, tables.count)
        let sections = [
            behaviour(), changes(), directEffects(), circuits(), heads(), mlps(), classes(), surface(),
        ].map { section in section.map { Section(title: "\($0.title): \(dataset)", body: $0.body) } }
        for index in charts.indices[firstChart...] {
            charts[index] = ReportChart(name: "\(dataset)-\(charts[index].name)", svg: charts[index].svg)
        }
        for index in tables.indices[firstTable...] { tables[index].name = "\(dataset)-\(tables[index].name)" }
        return sections
    }

    /// The task of the prompts that sections are about; nil for IOI.
    var task: ChoiceTask? { ChoiceTask(dataset: dataset ?? record.plan.ownDataset) }

    /// The results of a measure for each model, in the plan's order.
    mutating func read<Kind: Experiment>(
        _ measure: Plan.Measure.Kind,
        of kind: Kind.Type
    ) -> [(model: PlanModel, results: Kind.Results)] {
        let measure = Plan.Measure(measure, on: dataset)
        return record.measurements.filter { $0.measure == measure }.compactMap { measurement in
            do {
                let file = folder.appendingPathComponent(measurement.file)
                let (decoder, shared) = (JSONDecoder(), MapShape.Shared(shape))
                decoder.userInfo[.mapShape] = shared
                let document = try InputFile.decode(ResultsDocument<Kind, Kind.Results>.self, from: file, decoder)
                measuringSeconds[measurement.file] = document.seconds
                shape = shared.shape
                // Files that state none measure the logit difference.
                if let options = document.options as? any MetricExperiment {
                    metric = options.metric ?? .logitDifference
                }
                return (measurement.model, document.results)
            } catch {
                problems.append("\(error)")
                return nil
            }
        }
    }

    // MARK: Charts over epochs

    /// A line for each stage, starting at the model that the stage starts from.
    func chart(
        _ title: String,
        _ figures: [PlanModel: Estimate],
        _ format: FigureFormat = .number,
        reference: Double? = nil
    ) -> LineChart {
        let trained = record.plan.stages.filter { $0.dataset != nil && record.stages.contains($0.name) }
        let series = trained.compactMap { stage -> LineChart.Series? in
            let points = ([stage.from ?? .base] + stage.models).compactMap { model in
                figures[model].map { figure in
                    LineChart.Point(
                        x: Double(epoch(of: model)), y: format.scale * figure.mean,
                        interval: figure.ci95?.map { format.scale * $0 }, name: model.description
                    )
                }
            }
            guard points.count > 1 else { return nil }
            return LineChart.Series(
                name: stage.name, points: points, colour: palette.colour(of: stage.name),
                isDashed: palette.isContinued(stage.name)
            )
        }
        return LineChart(
            title: title, unit: format.unit, decimals: format.decimals, series: series, reference: reference
        )
    }

    /// The number of epochs from the plan's base model to a model.
    private func epoch(of model: PlanModel) -> Int {
        guard let name = model.stage, let stage = record.plan.stages.first(where: { $0.name == name }) else { return 0 }
        return (stage.from.map(epoch) ?? 0) + model.epoch
    }

    // MARK: Faithfulness

    /// The faithfulness of each model's circuit.
    mutating func faithfulness() -> [PlanModel: Faithfulness] {
        Dictionary(
            read(.faithfulness, of: FaithfulnessExperiment.self).map { ($0.model, $0.results.faithfulness) },
            uniquingKeysWith: { $1 }
        )
    }

    /// The charts of behaviour that have lines, and that of the circuits' faithfulness. The first is the picture of the
    /// first screen if they are about the plan's own prompts.
    mutating func pictures(_ charts: [(name: String, chart: LineChart)], _ circuits: [PlanModel: Faithfulness])
        -> String
    {
        let ratios = circuits.filter { $1.note != .meaningless && $1.ratio.value != nil }.mapValues(\.ratio)
        let all =
            charts + [
                ("faithfulness", chart("Faithfulness of the circuit, F(C)/F(M)", ratios, .share, reference: 100))
            ]
        var pictures: [String] = []
        for (name, chart) in all.dropFirst(dataset == nil ? 1 : 0) where !chart.series.isEmpty {
            pictures.append(add(name, chart.svg))
        }
        return HTMLPage.figures(pictures)
    }

    /// What a reader has to know of lines over epochs and of ratios.
    var chartsNote: String {
        "A dashed line continues another stage. Ratios to a \(metric.noun) near zero are meaningless and are not drawn. "
            + "Above 100 %, the circuit scores higher than the whole model."
    }

    /// F(C)/F(M) and its interval.
    func cells(of circuit: Faithfulness) -> [String] {
        guard circuit.note != .meaningless else { return ["meaningless", ""] }
        let cells = FigureFormat.share.cells(circuit.ratio)
        return [cells[0] + (circuit.note == .overshoot ? " (overshoot)" : ""), cells[1]]
    }

    /// The columns of a circuit's faithfulness in full precision.
    static let faithfulnessColumns = ["model_ld", "circuit_ld", "ratio", "ratio_low", "ratio_high", "ratio_note"]

    static func full(_ circuit: Faithfulness?) -> [String] {
        [full(circuit?.model.value), full(circuit?.circuit.value)] + full(circuit?.ratio)
            + [circuit?.note?.rawValue ?? ""]
    }
}
