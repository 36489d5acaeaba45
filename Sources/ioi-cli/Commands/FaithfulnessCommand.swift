import ArgumentParser
import Foundation
import IOIKit

struct FaithfulnessCommand: BoundedCommand, PerPromptCommand, ChartCommand, ShardedCommand {
    static let configuration = CommandConfiguration(
        commandName: "faithfulness",
        abstract: "How much of the model a circuit explains: its logit difference with everything else knocked out.",
        discussion: """
            F(C) is the mean logit difference with z of every head outside the circuit, and of its own heads at other \
            positions, replaced as --ablate says; F(M) is the whole model's. The result depends on the method, so \
            --surface measures it by all of them: each kind of ablation, positions, grouping and number of prompts for \
            means, heads or edges, and both aggregations, next to random circuits of the same size and depth.

            ioi faithfulness --circuit default
            ioi faithfulness --circuit default --ablate resample --positions all
            ioi faithfulness --circuit default --granularity edge --ablate counterfactual
            ioi faithfulness --circuit found.json --surface --chart surface.svg

            \(Interrupt.help)
            """
    )

    struct Measurement: ParsableArguments {
        @OptionGroup var circuit: CircuitOptions
        @OptionGroup var positions: CircuitPositionsOptions

        @Option(
            help: ArgumentHelp("Cut all other heads, or also every edge that is not in the circuit.", valueName: "what")
        )
        var granularity = CircuitMethod().granularity

        @Option(help: ArgumentHelp("The ratio of the means, or the mean of each prompt's ratio.", valueName: "how"))
        var aggregate = CircuitMethod().aggregation

        @Option(
            help: ArgumentHelp(
                "Compare with this many circuits of random heads, as many in each layer (default: 0, with --surface 20).",
                valueName: "n"
            )
        )
        var randomSets: Int?

        @Flag(help: "Also measure by all methods.")
        var surface = false
    }

    @OptionGroup(title: Section.measurement) var measurement: Measurement
    @OptionGroup(title: Section.measurement) var metric: MetricOptions
    @OptionGroup(title: Section.ablation) var ablation: AblationOptions<FaithfulnessCommand>
    @OptionGroup(title: Section.ablation) var reference: ReferenceOptions
    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<FaithfulnessCommand>
    @OptionGroup(title: Section.execution) var memory: MemoryOptions
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.execution) var shards: ShardOptions
    @OptionGroup(title: Section.output) var drawing: ChartOptions
    @OptionGroup(title: Section.output) var figures: PerPromptOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    var isStaged: Bool { measurement.surface }

    func chart(_ results: FaithfulnessResults, of experiment: FaithfulnessExperiment, on subject: Subject) -> any Chart
    {
        results.chart(subject.circuit!, on: subject.prompting(by: experiment.metric), metric: experiment.metric)
    }

    func view(
        _ results: FaithfulnessResults,
        of experiment: FaithfulnessExperiment,
        on subject: Subject
    ) throws -> ResultsView {
        let circuit = subject.circuit!
        let next = measurement.surface ? "circuit validate" : "faithfulness --surface"
        return ResultsView(
            text: {
                results.printout(circuit, on: subject.prompting(by: experiment.metric), metric: experiment.metric)
            },
            csv: { results.csv(experiment.method) },
            next: "ioi \(next)\(measurement.circuit.flag)\(model.flag)\(prompts.flag)"
        )
    }

    func experiment() throws -> FaithfulnessExperiment {
        let source = try prompts.source()
        var options = FaithfulnessExperiment(prompts: source)
        options.circuit = try measurement.circuit.name
        options.method.ablation = try ablation.ablation(seed: source.seed)
        options.method.reference = reference.abcCount
        options.method.everywhere = measurement.positions.areEverywhere
        options.method.granularity = measurement.granularity
        options.method.aggregation = measurement.aggregate
        options.randomSets = measurement.randomSets ?? (measurement.surface ? 20 : 0)
        options.surface = measurement.surface
        options.metric = metric.metric
        return options
    }
}

extension FaithfulnessExperiment: ExperimentWithCommand {
    static var command: any ParsableCommand.Type { FaithfulnessCommand.self }
}
