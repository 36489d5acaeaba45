import ArgumentParser
import Foundation
import IOIKit

struct HeadsCommand: BoundedCommand, PerPromptCommand, ChartCommand, ShardedCommand {
    static let configuration = CommandConfiguration(
        commandName: "heads",
        abstract:
            "Measure what each head does: attribution, attention, copying, spectra, and a class with its evidence.",
        discussion: """
            Each head gets a class from what was measured, by thresholds that are flags. With --donor the same is done for \
            another model of the same shape, such as a fine-tuned one, and the two are compared: patterns at END, \
            weights, attribution, classes, and whether name movers and negative name movers change together. On prompts \
            of another task, heads are classed as writers by their attribution, and no names are analysed.

            ioi heads
            ioi heads --analyses dla,copying --all
            ioi heads --donor runs/clean/checkpoints/epoch-025 --out heads.json --per-prompt

            \(Interrupt.help)
            """
    )
    static let promptCount = 128

    struct Measurement: ParsableArguments {
        @Option(help: ArgumentHelp("Another model to compare with.", valueName: "name|dir"), completion: .models)
        var donor: String?

        @Option(help: ArgumentHelp("Analyses, separated by commas.", valueName: "dla,copying"))
        var analyses = List(HeadsExperiment.Analysis.allCases)

        @Option(
            help: ArgumentHelp(
                "The circuit whose classes are measured and whose name movers are knocked out: default, a file or a name.",
                discussion: """
                    default is the model's own. If none belongs to the model, the name movers are those found by \
                    attribution, attention and copying.
                    """,
                valueName: "file|name"
            ),
            completion: .circuits
        )
        var circuit = "default"

        @Flag(help: "Print the figures of every head, not only the heads that have a role and the evidence for it.")
        var all = false
    }

    @OptionGroup(title: Section.measurement) var measurement: Measurement
    @OptionGroup(title: "Classes") var criteria: HeadCriteriaOptions
    @OptionGroup(title: Section.ablation) var ablation: AblationOptions<HeadsCommand>
    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<HeadsCommand>
    @OptionGroup(title: Section.execution) var memory: MemoryOptions
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.execution) var shards: ShardOptions
    @OptionGroup(title: Section.output) var figures: PerPromptOptions
    @OptionGroup(title: Section.output) var drawing: ChartOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    var isStaged: Bool { true }
    var donor: String? { measurement.donor }

    func view(_ results: HeadsResults, of experiment: HeadsExperiment, on subject: Subject) -> ResultsView {
        ResultsView(
            text: { results.printout(on: subject.prompting, all: measurement.all) }, csv: { results.csv },
            next: results.next(donor: donor, model: model.flag + prompts.flag)
        )
    }

    func chart(_ results: HeadsResults, of experiment: HeadsExperiment, on subject: Subject) throws -> any Chart {
        guard let chart = results.chart(on: subject.prompting) else {
            throw IOIError.usage("--chart: --analyses measures nothing that is a map of heads")
        }
        return chart
    }

    func check(_ subject: Subject) throws {
        try Given.refuse([
            (
                [
                    "--circuit", "--copying", "--correlation", "--inhibition-effect", "--backup-effect",
                ] + ablation.flags, subject.dataset?.namesIOI == false,
                "applies to prompts of indirect-object identification only"
            )
        ])
    }

    func experiment() throws -> HeadsExperiment {
        let source = try prompts.source()
        var options = HeadsExperiment(prompts: source)
        options.analyses = measurement.analyses.items
        func lacks(_ analysis: HeadsExperiment.Analysis) -> Bool { !options.analyses.contains(analysis) }
        try Given.refuse([
            (ablation.flags, lacks(.backup), "needs backup among --analyses, which knocks out name movers"),
            (["--attribution-share"], lacks(.attribution), "needs dla among --analyses"),
            (["--copying"], lacks(.attribution) || lacks(.copying), "needs dla and copying among --analyses"),
            (["--correlation"], lacks(.attribution) || lacks(.scatter), "needs dla and scatter among --analyses"),
            (["--inhibition-effect"], lacks(.inhibition), "needs inhibition among --analyses"),
            (["--backup-effect"], lacks(.backup), "needs backup among --analyses"),
            (
                ["--all"], output.format != .text,
                "has no effect on --format \(output.format.rawValue), which has all heads"
            ),
        ])
        options.circuit = try Circuit.recordedName(measurement.circuit)
        options.criteria = criteria.criteria
        options.perPrompt = perPrompt ? .all : nil
        options.ablation = try ablation.ablation(seed: source.seed)
        return options
    }
}

extension HeadsExperiment: ExperimentWithCommand {
    static var command: any ParsableCommand.Type { HeadsCommand.self }
}
