import Foundation

/// The report of a fine-tuning run: held-out evaluations, training loss, checkpoints, other results, and how to repeat
/// the run.
public struct RunReport: Report {
    public let html: String
    public let charts: [ReportChart]
    public let tables: [(name: String, csv: String)]
    public let problems: [String]

    /// - Parameter folder: the run folder.
    /// - Throws: `IOIError` if the folder contains no record of a run, or one that cannot be read. The report names
    ///   metrics, checkpoints and results that are missing or cannot be read.
    public init(of folder: URL) throws {
        let run = RunFolder(folder)
        var builder = RunReportBuilder(run: run, record: try run.record())
        let sections = [
            builder.evaluation(), builder.training(), builder.checkpoints(), builder.otherResults(),
            builder.repetition(),
        ].compactMap { $0 }
        html =
            HTMLPage(
                title: "Fine-tuning: \(folder.standardizedFileURL.lastPathComponent)", lead: builder.opening(),
                sections: sections
            ).text
        charts = builder.charts
        tables = builder.tables
        problems = builder.problems
    }
}

/// Writes the sections of a ``RunReport``; each has a file in `Sections`.
struct RunReportBuilder: ReportBuilder {
    typealias EvaluationDocument = ResultsDocument<EvaluationExperiment, TaskEvaluation>

    let run: RunFolder
    let record: RunRecord
    var charts: [ReportChart] = []
    var tables: [(name: String, csv: String)] = []
    var problems: [String] = []
    let schedule: Schedule
    private(set) var metrics: [StepMetrics] = []
    private(set) var saved: [Checkpoint] = []
    private(set) var evaluations: [(epoch: Int, document: EvaluationDocument)] = []
    /// The chart of the first held-out metric.
    var firstChart: String?

    init(run: RunFolder, record: RunRecord) {
        self.run = run
        self.record = record
        schedule = Schedule(settings: record.settings, examples: record.dataset.count)
        metrics = readMetrics(of: run, steps: schedule.steps)
        readCheckpoints()
        readEvaluations()
    }

    /// What the first screen shows: what was trained, the first held-out metric before and after, and its picture. It is
    /// written after the sections because it lists their problems.
    mutating func opening() -> String {
        let epochs = record.settings.epochs == 1 ? "1 epoch" : "\(record.settings.epochs) epochs"
        var opening = Opening()
        opening.facts = [
            "\(record.model.name), trained on \(record.dataset.count) \(record.settings.examples.noun) of "
                + "\(record.dataset.name) for \(epochs)"
        ]
        if let heldOut = record.heldOut { opening.facts.append("\(heldOut.count) held-out \(heldOut.dataset) prompts") }
        if let date = Self.date(of: run.metricsFile) { opening.facts.append(date) }
        let seconds = metrics.reduce(0) { $0 + Double(record.settings.batch) / max($1.samplesPerSecond, 1e-9) }
        if seconds > 0 {
            opening.facts.append("training \(seconds.duration) on \(Self.threads(record.settings.threads))")
        }
        opening.facts.append("ioi \(record.version)")
        if record.heldOut != nil { opening.facts.append("brackets are 95 % intervals over prompts") }
        if let note = (try? ModelLocation(folder: URL(fileURLWithPath: record.model.folder)))?.note {
            opening.notes += HTMLPage.paragraph("The model is \(note).", style: "note")
        }
        if steps < schedule.steps {
            opening.notes += HTMLPage.paragraph(
                "The run has done \(steps) of \(schedule.steps) steps. To continue it: \(run.resumeCommandLine)",
                style: "note"
            )
        }
        opening.notes += problemNotes
        opening.cards = cards
        opening.picture = firstChart
        return opening.html
    }

    // MARK: Contents of the folder

    /// The steps done so far.
    private var steps: Int { max(metrics.last?.step ?? 0, saved.last?.step ?? 0) }

    /// The epochs so far that should have a checkpoint.
    private var keptEpochs: [Int] { schedule.keptEpochs(through: steps) }

    private mutating func readCheckpoints() {
        do {
            saved = try run.savedCheckpoints().filter { checkpoint in
                try checkpoint.check(schedule)
                return true
            }
        } catch {
            problems.append("\(error)")
        }
        for epoch in keptEpochs where !saved.contains(where: { $0.keptEpoch == epoch }) {
            problems.append("\(run.checkpointFolder(step: 0, epochEnding: epoch).path): found no checkpoint")
        }
    }

    /// Reads the evaluations of the kept epochs, and of any other epoch that has one.
    private mutating func readEvaluations() {
        guard record.heldOut != nil else { return }
        let found = resultsFiles.compactMap(FinetuneJob.epoch(of:))
        for epoch in Set([0] + keptEpochs + found).sorted() {
            do {
                let file = run.results.appendingPathComponent(FinetuneJob.evaluationFile(epoch: epoch))
                let document = try InputFile.decode(EvaluationDocument.self, from: file)
                guard document.results.isOfIOI == (evaluations.first?.document.results ?? document.results).isOfIOI
                else {
                    throw IOIError("\(file.path): results: found another task than in the other evaluations of the run")
                }
                evaluations.append((epoch, document))
            } catch {
                problems.append("\(error)")
            }
        }
    }

    var resultsFiles: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: run.results.path)) ?? []
        return names.filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }.sorted()
    }
}
