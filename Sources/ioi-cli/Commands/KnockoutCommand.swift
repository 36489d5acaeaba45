import ArgumentParser
import Foundation
import IOIKit

struct KnockoutCommand: BoundedCommand, PerPromptCommand, ChartCommand, ShardedCommand {
    static let configuration = CommandConfiguration(
        commandName: "knockout",
        abstract: "Knock out heads, classes of a circuit or MLPs and measure what is left of the task.",
        discussion: """
            A head's output before W_O, or an MLP's output, is replaced by its mean over the counterfactuals of the \
            prompts, or as --ablate says. Everything named is knocked out at once; with \
            --each also one at a time.

            ioi knockout --heads 9.9@END,9.6@END,10.0@END
            ioi knockout --class "name mover" --class "S-inhibition"
            ioi knockout --heads all --position END --each
            ioi knockout --mlps 0,1 --ablate zero

            \(Interrupt.help)
            """
    )

    struct Measurement: ParsableArguments {
        @Option(
            help: ArgumentHelp("Heads such as 9.9@END,9.6@END, or all.", valueName: "heads"),
            transform: Selection<PlacedHead>.read
        )
        var heads: Selection<PlacedHead>?

        @Option(
            name: .customLong("class"),
            help: ArgumentHelp("A class of the circuit, at its own position. May be repeated.", valueName: "name")
        )
        var classes: [String] = []

        @Option(
            help: ArgumentHelp("MLPs by layer, such as 0,3@END, or all.", valueName: "layers"),
            transform: Selection<PlacedMLP>.read
        )
        var mlps: Selection<PlacedMLP>?

        @OptionGroup var circuit: CircuitOptions

        @Option(
            help: ArgumentHelp(
                "The position of heads and MLPs that name none (default: all), and of classes (default: their own).",
                valueName: "position"
            )
        )
        var position: PositionSelection?

        @Flag(help: "Also knock out each of them alone.")
        var each = false

        @Option(help: ArgumentHelp("What effects are percentages of.", valueName: "scale"))
        var scale = EffectScale.original
    }

    @OptionGroup(title: Section.measurement) var measurement: Measurement
    @OptionGroup(title: Section.measurement) var metric: MetricOptions
    @OptionGroup(title: Section.ablation) var ablation: AblationOptions<KnockoutCommand>
    @OptionGroup(title: Section.ablation) var reference: ReferenceOptions
    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<KnockoutCommand>
    @OptionGroup(title: Section.execution) var memory: MemoryOptions
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.execution) var shards: ShardOptions
    @OptionGroup(title: Section.output) var figures: PerPromptOptions
    @OptionGroup(title: Section.output) var drawing: ChartOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    func view(_ results: KnockoutResults, of experiment: KnockoutExperiment, on subject: Subject) -> ResultsView {
        ResultsView(
            text: { results.printout(on: subject.prompting, metric: experiment.metric ?? .logitDifference) },
            csv: { results.csv },
            next: "ioi faithfulness --random-sets 20\(model.flag)\(prompts.flag)"
        )
    }

    func chart(_ results: KnockoutResults, of experiment: KnockoutExperiment, on subject: Subject) -> any Chart {
        results.chart(on: subject.prompting(by: experiment.metric), metric: experiment.metric ?? .logitDifference)
    }

    func experiment() throws -> KnockoutExperiment {
        let source = try prompts.source()
        var options = KnockoutExperiment(prompts: source)
        options.heads = measurement.heads ?? options.heads
        options.mlps = measurement.mlps ?? options.mlps
        options.classes = measurement.classes
        guard Given.first(of: ["--heads", "--mlps", "--class"]) != nil else {
            throw IOIError.usage("expected --heads, --class or --mlps: what to knock out")
        }
        try Given.refuse([
            (["--circuit"], measurement.classes.isEmpty, "needs --class, a class of it to knock out"),
            (
                ["--position"], options.classes.isEmpty && options.namesAllPositions,
                "has no effect on heads and MLPs that name their own"
            ),
        ])
        options.circuit = try measurement.circuit.name
        options.position = measurement.position
        options.each = measurement.each
        options.scale = measurement.scale
        options.metric = metric.metric
        options.ablation = try ablation.ablation(seed: source.seed)
        options.reference = reference.abcCount
        return options
    }
}

extension KnockoutExperiment: ExperimentWithCommand {
    static var command: any ParsableCommand.Type { KnockoutCommand.self }
}
