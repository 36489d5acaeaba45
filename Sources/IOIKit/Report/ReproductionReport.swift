import Foundation

/// The report of a plan's run folder: the claims, the measurements, and how to repeat them.
public struct ReproductionReport: Report {
    public let html: String
    public let charts: [ReportChart]
    public let tables: [(name: String, csv: String)]

    /// - Parameter folder: the run folder.
    /// - Throws: `IOIError` if the folder contains no record of a plan, or one that cannot be read. The report names
    ///   results files that are missing or cannot be read.
    public init(of folder: URL) throws {
        let record = try ReproductionRecord(in: folder)
        var builder = ReproductionReportBuilder(record: record, folder: folder)
        let sections = [
            builder.claims(), builder.behaviour(), builder.otherTasks(), builder.training(), builder.changes(),
            builder.directEffects(),
            builder.circuits(), builder.heads(), builder.mlps(), builder.surface(), builder.repetition(),
        ].compactMap { $0 }
        html =
            HTMLPage(
                title: "What fine-tuning changed: \(record.plan.name)", lead: builder.lead, sections: sections
            ).text
        charts = builder.charts
        tables = builder.tables
    }
}

/// Writes the sections of a ``ReproductionReport``; each has a file in `Sections`.
struct ReproductionReportBuilder: ReportBuilder {
    let record: ReproductionRecord
    let folder: URL
    var charts: [ReportChart] = []
    var tables: [(name: String, csv: String)] = []
    var problems: [String] = []

    init(record: ReproductionRecord, folder: URL) {
        self.record = record
        self.folder = folder
    }

    /// The text above the sections. It is written after them because it lists their problems.
    var lead: String {
        HTMLPage.paragraph(
            "\(record.plan.about) Model \(record.model.name), \(record.dataset.count) held-out prompts, seed "
                + "\(record.plan.prompts.seed). Brackets are 95 % intervals over prompts."
        ) + (record.note.map { HTMLPage.paragraph("The model is \($0).", style: "note") } ?? "") + problemNotes
    }

    /// The results of a measure for each model, in the plan's order.
    mutating func read<Kind: Experiment>(
        _ measure: Plan.Measure,
        of kind: Kind.Type
    ) -> [(model: PlanModel, results: Kind.Results)] {
        record.measurements.filter { $0.measure == measure }.compactMap { measurement in
            do {
                let file = folder.appendingPathComponent(measurement.file)
                let document = try InputFile.decode(ResultsDocument<Kind, Kind.Results>.self, from: file)
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
