import ArgumentParser
import Foundation
import IOIKit

/// A command that runs an experiment: its flags make one, its view shows the results.
protocol ExperimentCommand: ParsableCommand {
    associatedtype Kind: Experiment

    var output: OutputOptions { get }
    var common: RunOptions { get }
    /// Whether the results hold the figures of each prompt.
    var perPrompt: Bool { get }
    /// Whether work has many stages, of which how many prompts are done says little.
    var isStaged: Bool { get }

    func settings(workers: Workers) throws -> RunSettings

    /// The experiment that the flags ask for.
    ///
    /// - Throws: `IOIError` of kind `usage` for flags that do not go together.
    func experiment() throws -> Kind

    /// Loads what is measured; the first lines on standard error name it.
    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?)

    /// Decides what only the model can tell.
    func complete(_ experiment: inout Kind, for model: GPT2) throws

    /// Writes what other flags ask for beside the results document.
    func keep(_ results: Kind.Results, of experiment: Kind, on subject: Subject) throws

    /// What standard output gets.
    func view(_ results: Kind.Results, of experiment: Kind, on subject: Subject) throws -> ResultsView
}

/// Results for people and as a table, and a command worth trying after them.
struct ResultsView {
    let text: () -> String
    let csv: () -> String
    var next: String?
}

/// A command whose caches and stacked runs the user can bound.
protocol BoundedCommand: ExperimentCommand {
    var memory: MemoryOptions { get }
}

extension BoundedCommand {
    func settings(workers: Workers) throws -> RunSettings { try memory.settings(workers: workers) }
}

extension ExperimentCommand {
    var perPrompt: Bool { false }
    var isStaged: Bool { false }
    func complete(_ experiment: inout Kind, for model: GPT2) throws {}
    func keep(_ results: Kind.Results, of experiment: Kind, on subject: Subject) throws {}

    func settings(workers: Workers) throws -> RunSettings {
        var settings = RunSettings(workers: workers)
        settings.isInterrupted = { Interrupt.isPending }
        return settings
    }

    func run() throws {
        let started = ContinuousClock.now
        let workers = try common.workers()
        var work = Work(try settings(workers: workers), perPrompt: perPrompt)
        var experiment = try experiment()
        try experiment.validate()
        let (model, donor) = try models(workers: workers)
        try complete(&experiment, for: model)
        let subject = try Subject(of: experiment, model, donor: donor)
        var records: (model: ModelRecord, donor: ModelRecord?)?
        // The hash of a model takes reading it through.
        if output.holdsDocument { records = (try ModelRecord(model), try donor.map(ModelRecord.init)) }
        work.partial = try PartialResults(
            besides: output.out.map { URL(fileURLWithPath: $0) },
            deciding: [
                try Self.text(experiment), try Self.text(experiment.circuit(of: model)), records?.model.sha256 ?? "",
                records?.donor?.sha256 ?? "", subject.dataset.map { DatasetRecord($0).sha256 } ?? "",
            ]
        )
        let progress = ProgressLine(Kind.name, total: 1000, isQuiet: common.quiet)
        work.progress = { progress.show(Int($0 * 1000)) }
        let results = try stoppable(subject) {
            defer { progress.clear() }
            let results = try experiment.run(on: subject, work)
            try keep(results, of: experiment, on: subject)
            return results
        }
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        let view = try view(results, of: experiment, on: subject)
        try output.write(
            isQuiet: common.quiet,
            json: {
                try JSONEncoder.readable.encode(
                    ResultsDocument(
                        command: Kind.name, options: experiment, model: records!.model, donor: records!.donor,
                        dataset: subject.dataset.map { DatasetRecord($0) },
                        environment: EnvironmentRecord(workers: workers), seconds: seconds, results: results
                    )
                )
            },
            csv: view.csv, text: view.text, next: { view.next }
        )
        work.partial.remove()
    }

    private static func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder.readable.encode(value), as: UTF8.self)
    }

    /// Runs `body` so that Ctrl-C ends it with what it has measured saved, and says so.
    ///
    /// - Throws: what `body` throws, and the exit code of an interruption.
    private func stoppable<Results>(_ subject: Subject, _ body: () throws -> Results) throws -> Results {
        Interrupt.listen()
        do {
            return try body()
        } catch let interruption as PatchInterruption {
            let isTelling = !isStaged && interruption.measures.count > 0
            throw stopped(
                after: isTelling ? subject.dataset.map { "\(interruption.measures.count) of \($0.count) prompts" } : nil
            )
        } catch let interruption as ACDC.Interruption {
            throw stopped(after: "\(interruption.done) of \(interruption.total) edges")
        }
    }

    private func stopped(after progress: String?) -> ExitCode {
        let done = progress.map { " after \($0)" } ?? ""
        if let out = output.out, FileManager.default.fileExists(atPath: out + ".partial") {
            Terminal.complain(
                "interrupted\(done); what was measured is kept in \(out).partial, and the same command resumes from it"
            )
        } else {
            let hint = output.out == nil ? "; with --out what was measured would be kept" : ""
            Terminal.complain("interrupted\(done)\(hint)")
        }
        return ExitCode(130)
    }
}

extension Subject {
    /// What was measured, as in "200 clean prompts".
    var prompting: String { dataset.map { "\($0.count) \($0.name) prompts" } ?? "" }
}

extension ArgumentHelp {
    static var perPrompt: ArgumentHelp { "Put the figures of each prompt in the JSON as well." }
}
