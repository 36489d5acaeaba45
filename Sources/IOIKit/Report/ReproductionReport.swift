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
            builder.claims(), builder.behaviour(), builder.otherTasks(), builder.training(), builder.changes(),
            builder.directEffects(), builder.circuits(), builder.heads(), builder.mlps(), builder.classes(),
            builder.surface(),
        ]
        for dataset in record.otherDatasets { sections += builder.sections(on: dataset) }
        sections.append(builder.repetition())
        html =
            HTMLPage(
                title: "What fine-tuning changed: \(record.plan.name)", lead: builder.lead,
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

    init(record: ReproductionRecord, folder: URL) {
        self.record = record
        self.folder = folder
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

    /// The text above the sections. It is written after them because it lists their problems.
    var lead: String {
        HTMLPage.paragraph(
            "\(record.plan.about) Model \(record.model.name), \(record.dataset.count) held-out prompts, seed "
                + "\(record.plan.prompts.seed). Brackets are 95 % intervals over prompts."
        ) + (record.note.map { HTMLPage.paragraph("The model is \($0).", style: "note") } ?? "") + problemNotes
    }

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
        let roots = trained.filter { $0.from?.stage == nil }.map(\.name)
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
            var root = stage
            while let from = root.from?.stage, let before = trained.first(where: { $0.name == from }) { root = before }
            return LineChart.Series(
                name: stage.name, points: points, colour: roots.firstIndex(of: root.name) ?? 0,
                isDashed: stage.from?.stage != nil
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

    mutating func faithfulnessChart(_ circuits: [PlanModel: Faithfulness]) -> String {
        let ratios = circuits.filter { $1.note != .meaningless && $1.ratio.value != nil }.mapValues(\.ratio)
        return add(
            "faithfulness", chart("Faithfulness of the circuit, F(C)/F(M)", ratios, .share, reference: 100).svg)
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
