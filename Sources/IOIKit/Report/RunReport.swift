import Foundation

/// The report of a run folder of `ioi finetune`: what the model does on held-out prompts as it learns, the training loss,
/// what else was measured, and how to repeat it.
public struct RunReport: Report {
    public let html: String
    public let charts: [ReportChart]
    public let tables: [(name: String, csv: String)]

    /// - Parameter folder: the run folder.
    /// - Throws: ``IOIError`` where it holds no record of a run, or one that cannot be read. Metrics, checkpoints and
    ///   results that are missing or cannot be read are named in the report.
    public init(of folder: URL) throws {
        let run = RunFolder(folder)
        var builder = RunReportBuilder(run: run, record: try run.record())
        let sections = [
            builder.evaluation(), builder.training(), builder.checkpoints(), builder.others(), builder.repetition(),
        ].compactMap { $0 }
        html =
            HTMLPage(
                title: "Fine-tuning: \(folder.standardizedFileURL.lastPathComponent)", lead: builder.lead,
                sections: sections
            ).text
        charts = builder.charts
        tables = builder.tables
    }
}

/// A report being put together.
private struct RunReportBuilder: ReportParts {
    let run: RunFolder
    let record: RunRecord
    var charts: [ReportChart] = []
    var tables: [(name: String, csv: String)] = []
    var problems: [String] = []
    private let schedule: Schedule
    private var metrics: [StepMetrics] = []
    private var saved: [Checkpoint] = []
    private var evaluations: [(epoch: Int, document: EvaluationDocument)] = []

    init(run: RunFolder, record: RunRecord) {
        self.run = run
        self.record = record
        schedule = Schedule(settings: record.settings, examples: record.dataset.count)
        metrics = readMetrics(of: run)
        readCheckpoints()
        readEvaluations()
    }

    // MARK: What the folder holds

    private typealias EvaluationDocument = ResultsDocument<EvaluationExperiment, TaskEvaluation>

    /// What any results document says of itself.
    private struct Heading: Decodable {
        let schema, command: String
        let model, donor: ModelRecord?
        let dataset: DatasetRecord?
    }

    /// The steps that were done.
    private var steps: Int { max(metrics.last?.step ?? 0, saved.last?.step ?? 0) }

    /// The epochs so far of which a checkpoint was kept.
    private var keptEpochs: [Int] { steps == 0 ? [] : (1...steps).compactMap(schedule.keptEpoch) }

    private mutating func readCheckpoints() {
        do {
            saved = try run.savedCheckpoints()
        } catch {
            problems.append("\(error)")
        }
        for epoch in keptEpochs where !saved.contains(where: { $0.keptEpoch == epoch }) {
            problems.append("\(run.checkpointFolder(step: 0, epochEnding: epoch).path): found no checkpoint")
        }
    }

    /// The measurements of the run itself: those there have to be, and others that lie there.
    private mutating func readEvaluations() {
        guard record.heldOut != nil else { return }
        let found = resultsFiles.compactMap(FinetuneJob.epoch(of:))
        for epoch in Set([0] + keptEpochs + found).sorted() {
            do {
                let file = run.results.appendingPathComponent(FinetuneJob.evaluationFile(epoch: epoch))
                evaluations.append((epoch, try InputFile.decode(EvaluationDocument.self, from: file)))
            } catch {
                problems.append("\(error)")
            }
        }
    }

    private var resultsFiles: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: run.results.path)) ?? []
        return names.filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }.sorted()
    }

    // MARK: Sections

    /// What stands before them; last, because it names what they did not find.
    var lead: String {
        let heldOut = record.heldOut.map { "measured on \($0.count) held-out \($0.dataset) prompts" }
        var text = HTMLPage.paragraph(
            "\(record.model.name), trained on \(record.dataset.count) \(record.dataset.name) prompts for "
                + "\(record.settings.epochs == 1 ? "1 epoch" : "\(record.settings.epochs) epochs")"
                + (heldOut.map { ", \($0). Brackets are 95 % intervals over prompts." } ?? ".")
        )
        if let note = (try? ModelLocation(folder: URL(fileURLWithPath: record.model.folder)))?.note {
            text += HTMLPage.paragraph("The model is \(note).", style: "note")
        }
        if steps < schedule.steps {
            text += HTMLPage.paragraph(
                "The run has done \(steps) of \(schedule.steps) steps; it goes on by: ioi finetune --resume --out "
                    + run.url.path.shellWord, style: "note"
            )
        }
        return text + gaps
    }

    mutating func evaluation() -> HTMLPage.Section? {
        let title = "Held-out prompts over epochs"
        guard record.heldOut != nil else {
            let body = HTMLPage.paragraph("The run was made without held-out prompts, so that none were measured.")
            return HTMLPage.Section(title: title, body: body)
        }
        guard !evaluations.isEmpty else { return nil }
        let measured = evaluations.map { (epoch: $0.epoch, quantities: $0.document.results.quantities) }
        let quantities = measured[0].quantities
        addTable(
            "evaluation", ["epoch"] + quantities.flatMap { [$0.name, "\($0.name)_low", "\($0.name)_high"] },
            measured.map { epoch, quantities in
                ["\(epoch)"] + quantities.flatMap { [$0.mean, $0.ci95?[0], $0.ci95?[1]].map(Self.full) }
            }
        )
        let table = HTMLPage.table(
            ["epoch"] + quantities.flatMap { [$0.title, "95 % interval"] },
            measured.map { epoch, quantities in
                [epoch == 0 ? "0 (before)" : "\(epoch)"]
                    + quantities.flatMap { quantity in
                        [
                            (quantity.scale * quantity.mean).fixed(quantity.decimals) + quantity.unit,
                            Self.interval(quantity.ci95, scale: quantity.scale, decimals: quantity.decimals),
                        ]
                    }
            }, numbers: Set(1...2 * quantities.count)
        )
        var pictures: [String] = []
        for (index, quantity) in quantities.enumerated() {
            let points = measured.map { epoch, quantities in
                let (scale, now) = (quantity.scale, quantities[index])
                return LineChart.Point(
                    x: Double(epoch), y: scale * now.mean, interval: now.ci95?.map { scale * $0 },
                    name: "epoch \(epoch)"
                )
            }
            let chart = LineChart(
                title: quantity.title, unit: quantity.unit, decimals: quantity.decimals,
                series: [LineChart.Series(name: "held-out prompts", points: points, colour: 0)]
            )
            pictures.append(add(quantity.name.replacing("_", with: "-"), chart.svg))
        }
        return HTMLPage.Section(title: title, body: table + HTMLPage.figures(pictures))
    }

    mutating func training() -> HTMLPage.Section? {
        guard let last = metrics.last else { return nil }
        addTable(
            "training", ["step", "epoch", "loss", "lr"],
            metrics.map { ["\($0.step)", "\($0.epoch)", Self.full($0.loss), Self.full($0.lr)] }
        )
        let chart = LineChart(
            title: "Loss while training on \(record.dataset.name) prompts, in nats", xLabel: "steps",
            series: [Self.losses(metrics, name: record.dataset.name, colour: 0)], hasMarks: false
        )
        let speed = metrics.map(\.samplesPerSecond).sorted()[metrics.count / 2]
        return HTMLPage.Section(
            title: "Training",
            body: HTMLPage.figures([add("training-loss", chart.svg)])
                + HTMLPage.paragraph(
                    "\(last.step) steps of \(record.settings.batch) prompts, \(schedule.stepsPerEpoch) an epoch; "
                        + "\(speed.fixed(1)) prompts a second (median)."
                        + (metrics.count >= 200 ? " The line shows means of \(metrics.count / 100) steps." : ""),
                    style: "quiet"
                )
        )
    }

    func checkpoints() -> HTMLPage.Section? {
        guard !saved.isEmpty else { return nil }
        let hashes = Dictionary(
            evaluations.map { ($0.epoch, $0.document.model.sha256 ?? "") }, uniquingKeysWith: { first, _ in first }
        )
        let rows = saved.map { checkpoint in
            [
                "\(run.checkpoints.lastPathComponent)/\(checkpoint.folder.lastPathComponent)", "\(checkpoint.step)",
                checkpoint.holdsOptimizer ? "yes" : "", checkpoint.keptEpoch.flatMap { hashes[$0] } ?? "",
            ]
        }
        return HTMLPage.Section(
            title: "Checkpoints",
            body: HTMLPage.table(
                ["folder", "step", "training can go on from it", "SHA-256 when it was measured"], rows, numbers: [1]
            )
        )
    }

    mutating func others() -> HTMLPage.Section? {
        var rows: [[String]] = []
        for name in resultsFiles where record.heldOut == nil || FinetuneJob.epoch(of: name) == nil {
            let file = run.results.appendingPathComponent(name)
            do {
                let heading = try InputFile.decode(
                    Heading.self, from: InputFile.read(file, limit: .max), path: file.path)
                guard heading.schema == "ioi/1" else {
                    throw IOIError("\(file.path): schema: found \(heading.schema.quoted), expected \"ioi/1\"")
                }
                rows.append([
                    "ioi \(heading.command)", heading.model?.name ?? "", heading.donor?.name ?? "",
                    heading.dataset.map { "\($0.count) \($0.name)" } ?? "",
                    "\(run.results.lastPathComponent)/\(name)",
                ])
            } catch {
                problems.append("\(error)")
            }
        }
        guard !rows.isEmpty else { return nil }
        return HTMLPage.Section(
            title: "Other results", body: HTMLPage.table(["command", "model", "donor", "prompts", "file"], rows)
        )
    }

    func repetition() -> HTMLPage.Section? {
        let settings = record.settings
        var facts = [
            ["command", record.commandLine],
            ["model", "\(record.model.name), SHA-256 \(record.model.sha256)"],
            ["training prompts", Self.say(record.dataset)],
        ]
        if let heldOut = record.heldOut {
            let seed = heldOut.file == nil ? ", seed \(heldOut.seed)" : ""
            facts.append(["held-out prompts", "\(heldOut.count) \(heldOut.dataset)\(seed)"])
        }
        facts += [
            [
                "training",
                "batch \(settings.batch), rate \(settings.optimizer.learningRate), weight decay "
                    + "\(settings.optimizer.weightDecay), loss over the \(settings.loss == .answer ? "answer" : "whole sequence"), "
                    + "seed \(settings.seed)",
            ],
            evaluations.first.map { Self.version($0.document.environment) }
                ?? ["version", "ioi \(record.version), \(settings.threads) threads"],
        ]
        return Self.repetition(facts)
    }

    private static func say(_ dataset: DatasetRecord) -> String {
        let seed = dataset.seed.map { ", seed \($0)" } ?? ""
        return "\(dataset.count) \(dataset.name)\(seed), SHA-256 \(dataset.sha256)"
    }
}

/// A figure of an evaluation, as a page shows it.
private struct Quantity {
    let name: String
    let title: String
    let mean: Double
    let ci95: [Double]?
    /// 100 of a share, which is shown in per cent.
    var scale = 1.0
    let decimals: Int

    var unit: String { scale == 100 ? " %" : "" }
}

extension TaskEvaluation {
    /// What a page shows of it.
    fileprivate var quantities: [Quantity] {
        func share(_ name: String, _ title: String, _ mean: Double, _ ci95: [Double]?) -> Quantity {
            Quantity(name: name, title: title, mean: mean, ci95: ci95, scale: 100, decimals: 1)
        }
        func number(_ name: String, _ title: String, _ mean: Double, _ ci95: [Double]?, decimals: Int = 3) -> Quantity {
            Quantity(name: name, title: title, mean: mean, ci95: ci95, decimals: decimals)
        }
        switch self {
        case .ioi(let evaluation):
            let all = evaluation.all
            return [
                number(
                    "logit_difference", "Logit difference", all.logitDifference.mean, all.logitDifference.ci95,
                    decimals: 2
                ),
                share("accuracy", "IO over S", all.accuracy.mean, all.accuracy.ci95),
                share("top1", "IO first of all tokens", all.top1.mean, all.top1.ci95),
                number("io_probability", "P(IO)", all.ioProbability.mean, all.ioProbability.ci95),
                number("loss", "Loss of the indirect object, in nats", all.loss.mean, all.loss.ci95),
            ]
        case .choice(let evaluation):
            let all = evaluation.all
            return [
                number(
                    "probability_difference", "P(right) − P(wrong)", all.probabilityDifference.mean,
                    all.probabilityDifference.ci95
                ),
                share("accuracy", "Right over wrong", all.accuracy.mean, all.accuracy.ci95),
                number("loss", "Loss of the label, in nats", all.loss.mean, all.loss.ci95),
            ]
        }
    }
}
