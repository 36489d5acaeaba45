import ArgumentParser
import Foundation
import IOIKit

/// A command that runs an experiment: its flags describe one, its view shows the results.
protocol ExperimentCommand: ParsableCommand, SharedCommand {
    associatedtype Kind: Experiment

    var output: OutputOptions { get }
    associatedtype Execution: ExecutionOptions
    var common: Execution { get }
    /// Whether the results hold the figures of each prompt.
    var perPrompt: Bool { get }
    /// Whether names that no prompt has are measured as well.
    var measuresOtherNames: Bool { get }
    /// Whether the work has several stages, so that a count of prompts says little about its progress.
    var isStaged: Bool { get }

    func settings(workers: Workers) throws -> RunSettings

    /// The experiment that the flags describe.
    ///
    /// - Throws: `IOIError` of kind `usage` if flags conflict.
    func experiment() throws -> Kind

    /// Loads the models and names them on standard error.
    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?)

    /// Fills in what depends on the model.
    func complete(_ experiment: inout Kind, for model: GPT2) throws

    /// Checks the flags against the prompts.
    ///
    /// - Throws: `IOIError` of kind `usage` for a flag without effect on them.
    func check(_ subject: Subject) throws

    /// Checks the files that other flags ask for by their names.
    ///
    /// - Throws: `IOIError` of kind `usage` for a file that cannot be made.
    func checkOutputs() throws

    /// The files that other flags ask for in addition to the results document.
    var otherOutputs: [(flag: String, path: String?)] { get }

    /// Writes them.
    func keep(_ results: Kind.Results, of experiment: Kind, on subject: Subject, in outputs: Outputs) throws

    /// What is printed.
    func view(_ results: Kind.Results, of experiment: Kind, on subject: Subject) throws -> ResultsView
}

/// Results as text and as a table, and a command to try next.
struct ResultsView {
    let text: () -> Printout
    let csv: () -> String
    var next: String?
}

/// An experiment on a model and prompts, with a donor if a flag names one.
protocol PromptCommand: ExperimentCommand, CommandDefaults {
    var model: ModelOptions { get }
    var donor: String? { get }
}

extension PromptCommand {
    var donor: String? { nil }

    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?) {
        (try model.load(workers: workers), try donor.map { try ModelOptions.load(donor: $0, workers: workers) })
    }
}

/// A command whose memory for caches and patched runs the user can limit.
protocol BoundedCommand: PromptCommand {
    var memory: MemoryOptions { get }
}

extension BoundedCommand {
    func settings(workers: Workers) throws -> RunSettings { try memory.settings(workers: workers) }
}

/// A command that can put the figures of each prompt in its results.
protocol PerPromptCommand: ExperimentCommand {
    var figures: PerPromptOptions { get }
}

extension PerPromptCommand {
    var perPrompt: Bool { figures.perPrompt }
}

extension ExperimentCommand {
    var perPrompt: Bool { false }
    var measuresOtherNames: Bool { false }
    var isStaged: Bool { false }
    func complete(_ experiment: inout Kind, for model: GPT2) throws {}
    func check(_ subject: Subject) throws {}
    func checkOutputs() throws {}
    var otherOutputs: [(flag: String, path: String?)] { [] }
    func keep(_ results: Kind.Results, of experiment: Kind, on subject: Subject, in outputs: Outputs) throws {}

    func settings(workers: Workers) throws -> RunSettings {
        RunSettings.ofCommand(workers: workers)
    }

    func run() throws {
        let (started, ranks) = (ContinuousClock.now, IOI.ranks)
        let workers = try common.workers()
        var work = Work(try settings(workers: workers), perPrompt: perPrompt)
        var described = try experiment()
        try described.validate()
        try checkOutputs()
        var outputs = Outputs.none
        try ranks.onFirst { outputs = try output.open(otherOutputs) }
        let (model, donor) = try models(workers: workers)
        if let note = donor.flatMap(model.vocabularyNote) { Terminal.say(note) }
        if output.holdsDocument, ranks.isFirst { for model in [model, donor] { model?.beginHashing() } }
        try complete(&described, for: model)
        if described.circuitName == "default" { try ModelOptions.reportBorrowedCircuit(of: model) }
        let subject = try Subject(of: described, model, donor: donor)
        try Given.refuse(
            subject.dataset?.idle ?? [:],
            but: measuresOtherNames && subject.dataset?.ioi?.names.isEmpty == false ? ["names"] : []
        )
        try check(subject)
        if !common.quiet, let dataset = subject.dataset {
            report(dropped: dataset.dropped, irregular: dataset.irregular)
        }
        described.complete(for: subject)
        let experiment = described
        let hasPromptTable = Kind.Results.self is any PromptFigures.Type
        try Given.refuse([
            (["--abc"], experiment.counterfactuals == .none, "has no effect, because counterfactuals are not used"),
            (
                ["--per-prompt"], !output.holdsDocument && !(hasPromptTable && output.holdsTable),
                "needs \(hasPromptTable ? "--format json or csv, or --out with JSON or CSV" : "--format json or --out with JSON"), "
                    + "which holds the figures"
            ),
        ])
        if !common.quiet, let note = subject.dataset?.counterfactualNote(for: experiment.counterfactuals) {
            Terminal.say(note)
        }
        work.partial = try PartialResults(
            besides: outputs["--out"].flatMap { $0.isReplaced ? $0.url : nil }, ranks: ranks,
            deciding: [
                try Self.text(experiment), try Self.text(subject.circuit), try model.sha256(),
                try donor?.sha256() ?? "", subject.dataset.map { DatasetRecord($0).sha256 } ?? "",
            ]
        )
        outputs.whenWritten = { [partial = work.partial] flag in if flag == "--out" { partial.remove() } }
        let progress = ProgressLine(Kind.name, total: 1000, isQuiet: common.quiet)
        work.progress = { progress.show(Int($0 * 1000)) }
        let results = try stoppable(subject) {
            defer { progress.clear() }
            let results = try experiment.run(on: subject, work)
            if ranks.isFirst { try keep(results, of: experiment, on: subject, in: outputs) }
            return results
        }
        guard ranks.isFirst else { return }
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        let view = try view(results, of: experiment, on: subject)
        try output.write(
            to: outputs, isQuiet: common.quiet,
            json: {
                try JSONEncoder.readable.encode(
                    ResultsDocument(
                        command: Kind.name, options: experiment, model: ModelRecord(model),
                        donor: donor.map(ModelRecord.init),
                        dataset: subject.dataset.map { DatasetRecord($0) },
                        environment: EnvironmentRecord(workers: workers), seconds: seconds, results: results
                    )
                )
            },
            csv: {
                guard perPrompt, let results = results as? any PromptFigures else { return view.csv() }
                return PromptTable(results.promptColumns(on: subject), on: subject).csv
            }, text: view.text, next: { view.next }
        )
    }

    private static func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder.readable.encode(value), as: UTF8.self)
    }

    /// Runs `body`. Ctrl-C saves what was measured and ends it with a message.
    ///
    /// - Throws: what `body` throws, or the exit code of an interruption.
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

extension RunSettings {
    /// Those of a command: it can be interrupted, and other processes may share its work.
    static func ofCommand(workers: Workers) -> RunSettings {
        var settings = RunSettings(workers: workers)
        settings.isInterrupted = { Interrupt.isPending }
        settings.ranks = IOI.ranks
        return settings
    }
}

extension Subject {
    /// What was measured, as in "200 clean prompts".
    var prompting: String { dataset.map { "\($0.count) \($0.name) prompt\($0.count == 1 ? "" : "s")" } ?? "" }

    /// What was measured, with the metric unless it is the logit difference.
    func prompting(by metric: Metric?) -> String { prompting + (metric.map { ", \($0.noun)" } ?? "") }
}

/// An experiment that has a command, which the registry of experiments then makes known to the program.
protocol ExperimentWithCommand: Experiment {
    static var command: any ParsableCommand.Type { get }
}

extension Experiments {
    /// The commands of all experiments in a group of commands, such as `circuit`; nil for those in no group.
    static func commands(in group: String?) -> [any ParsableCommand.Type] {
        all.filter { kind in
            let words = kind.name.split(separator: " ").map(String.init)
            return (words.count > 1 ? words[0] : nil) == group
        }.compactMap { ($0 as? any ExperimentWithCommand.Type)?.command }
    }
}
