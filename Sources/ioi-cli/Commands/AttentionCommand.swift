import ArgumentParser
import Foundation
import IOIKit

struct AttentionCommand: BoundedCommand, ChartCommand, ShardedCommand {
    static let configuration = CommandConfiguration(
        commandName: "attention",
        abstract: "Show what heads attend to: on a text, on a prompt, or in the mean over prompts.",
        discussion: """
            A pattern has a row for each token that attends (query) and a column for each token attended to (key), after \
            the softmax: each row adds up to 1. Without TEXT the first prompt is shown, or the one that --prompt names. \
            --mean takes the mean over all prompts between the positions that they name, with 95 % bootstrap intervals, \
            and between all tokens where the prompts have one sentence and length. With --donor another model of the same \
            shape is shown beside it, and the difference, donor − model.

            ioi attention "When Mary and John went to the store, John gave a drink to" --heads 9.9,9.6
            ioi attention --heads 9.9,9.6 --donor runs/clean/checkpoints/epoch-003 --page attention.html
            ioi attention --mean --count 500 --heads 9.9,10.7 --chart attention.svg
            """
    )
    static let promptCount = 128

    @Argument(help: TextInput.argumentHelp)
    var text: String?

    struct Measurement: ParsableArguments {
        @Option(help: ArgumentHelp("Heads, separated by commas.", valueName: "9.9,9.6"), transform: Head.list)
        var heads: [Head]

        @Option(help: ArgumentHelp("The id of the prompt to show (default: the first prompt).", valueName: "id"))
        var prompt: Int?

        @Flag(help: "Take the mean over all prompts.")
        var mean = false

        @Option(help: ArgumentHelp("Another model to compare with.", valueName: "name|dir"), completion: .models)
        var donor: String?
    }

    struct PageOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "Write a page on which each token shows what it attends to and what attends to it.",
                valueName: "f.html"
            ),
            completion: .file(extensions: ["html"])
        )
        var page: String?
    }

    @OptionGroup(title: Section.measurement) var measurement: Measurement
    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<AttentionCommand>
    @OptionGroup(title: Section.execution) var memory: MemoryOptions
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.execution) var shards: ShardOptions
    @OptionGroup(title: Section.output) var drawing: ChartOptions
    @OptionGroup(title: Section.output) var page: PageOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    var donor: String? { measurement.donor }

    func experiment() throws -> AttentionExperiment {
        let source = try prompts.source()
        try Given.refuse([
            (
                PromptOptions<Self>.flags.filter { $0 != "--bos" } + ["--prompt", "--mean"], text != nil,
                "does not go with a text"
            ),
            (
                ["--seed"], prompts.data != nil && !measurement.mean,
                "has no effect on one prompt of a file, expected --mean beside it"
            ),
            (["--prompt"], measurement.mean, "does not go with --mean, which takes all prompts"),
            (
                ["--count"], !measurement.mean && measurement.prompt == nil && source.published == nil,
                "has no effect on the first prompt, which alone is shown; expected --mean or --prompt beside it"
            ),
        ])
        if let page = page.page, page != "-", !page.lowercased().hasSuffix(".html") {
            throw IOIError.usage("--page: found \(page), expected a file that ends in .html")
        }
        guard let text else {
            var experiment = AttentionExperiment(prompts: source, heads: measurement.heads)
            (experiment.prompt, experiment.mean) = (measurement.prompt, measurement.mean)
            return experiment
        }
        return AttentionExperiment(
            try TextInput(argument: text, bos: source.beginningOfText), heads: measurement.heads)
    }

    var otherOutputs: [(flag: String, path: String?)] { [("--chart", drawing.chart), ("--page", page.page)] }

    func keep(
        _ results: AttentionResults, of experiment: AttentionExperiment, on subject: Subject, in outputs: Outputs
    ) throws {
        try drawing.write(to: outputs) { chart(results, of: experiment, on: subject) }
        outputs.write("--page") {
            let lead = [results.prompt?.text ?? "", Self.models(subject)].filter { !$0.isEmpty }
            return Data(
                AttentionPage(title: results.title(on: subject), lead: lead, patterns: results.drawn).html.utf8)
        }
    }

    func chart(_ results: AttentionResults, of experiment: AttentionExperiment, on subject: Subject) -> any Chart {
        PanelChart(results.drawn, title: results.title(on: subject), subtitle: Self.models(subject))
    }

    private static func models(_ subject: Subject) -> String {
        "model \(subject.model.location.name)" + (subject.donor.map { ", donor \($0.location.name)" } ?? "")
    }

    static func arguments(for experiment: AttentionExperiment) -> [String] {
        ["--heads", experiment.heads.map(\.description).joined(separator: ",")]
    }

    func view(_ results: AttentionResults, of experiment: AttentionExperiment, on subject: Subject) -> ResultsView {
        // Tables for papers have room for a whole matrix.
        let width = output.format == .text ? Terminal.outputWidth : .max
        return ResultsView(
            text: { results.printout(title: results.title(on: subject), width: width) }, csv: { results.csv },
            next: page.page == nil && text != "-" ? "ioi attention\(flags) --page attention.html" : nil
        )
    }
}

extension AttentionCommand {
    /// What was asked for, for a command to try next.
    private var flags: String {
        let heads = " --heads " + measurement.heads.map(\.description).joined(separator: ",")
        let prompt = measurement.prompt.map { " --prompt \($0)" } ?? ""
        let donor = measurement.donor.map { " --donor \($0.shellWord)" } ?? ""
        return (text.map { " \($0.shellWord)" } ?? "") + heads + prompt + (measurement.mean ? " --mean" : "") + donor
            + model.flag + prompts.flag
    }
}

extension AttentionExperiment: ExperimentWithCommand {
    static var command: any ParsableCommand.Type { AttentionCommand.self }
}

extension Head {
    /// Heads that are separated by commas.
    ///
    /// - Throws: `IOIError` for what is no head.
    fileprivate static func list(_ text: String) throws -> [Head] {
        try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard let head = Head(String(part)) else {
                throw IOIError.usage("found \(String(part).debugDescription), expected heads such as 9.9,9.6")
            }
            return head
        }
    }
}
