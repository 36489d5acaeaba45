import ArgumentParser
import Foundation
import IOIKit

struct CircuitValidateCommand: BoundedCommand, PerPromptCommand, ChartCommand, ShardedCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Does a circuit need each of its heads (minimality), and does it have all (completeness)?",
        discussion: """
            F(C) is the mean logit difference with everything but the circuit's heads knocked out, F(M) that of the \
            whole model. C∖K and M∖K are the circuit and the model with a set K of the circuit's heads knocked out as \
            well, at the positions where the circuit keeps them.

            Minimality of a head v: the change of F(C∖K) when v is knocked out too, in percent of F(M), for a set K that \
            shows the need for v. Below 1 % the head is not shown to be needed.

            Completeness: |F(C∖K) − F(M∖K)| for many K. It is large if the model has heads for the task that the circuit \
            lacks.

            ioi circuit validate --model gpt2
            ioi circuit validate --circuit found.json --minimality-sets greedy --completeness none
            ioi circuit validate --no-minimality --completeness random --random-sets 100
            ioi circuit validate --completeness greedy --objective both

            \(Interrupt.help)
            """
    )

    private static let standard = ValidateExperiment(prompts: PromptSource(count: promptCount))

    struct Measurement: ParsableArguments {
        @OptionGroup var circuit: CircuitOptions
        @OptionGroup var positions: CircuitPositionsOptions
    }

    struct MinimalityOptions: ParsableArguments {
        @Flag(name: .customLong("no-minimality"), help: "Do not measure minimality.")
        var noMinimality = false

        @Option(help: ArgumentHelp("Where the set K of each head comes from.", valueName: "sets"))
        var minimalitySets = Minimality.Sets.auto
    }

    /// The kinds of sets K besides the empty one; nil for no completeness.
    struct Kinds: ExpressibleByArgument {
        let kinds: [Completeness.Kind]?

        init(_ kinds: [Completeness.Kind]?) { self.kinds = kinds }

        init?(argument: String) {
            if argument == "none" {
                kinds = nil
            } else if let list = List<Completeness.Kind>(argument: argument), !list.items.contains(.empty) {
                kinds = list.items
            } else {
                return nil
            }
        }

        var defaultValueDescription: String { kinds.map { List($0).defaultValueDescription } ?? "none" }
        static var allValueStrings: [String] {
            Completeness.Kind.allCases.filter { $0 != .empty }.map(\.rawValue) + ["none"]
        }
        static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
    }

    struct CompletenessOptions: ParsableArguments {
        @Option(help: ArgumentHelp("Kinds of sets K besides the empty one, separated by commas.", valueName: "kinds"))
        var completeness = Kinds(standard.completeness)

        @Option(help: ArgumentHelp("Random sets, each head with probability 1/2.", valueName: "n"))
        var randomSets = standard.randomSets

        @Option(help: ArgumentHelp("What a greedy search for completeness maximises.", valueName: "what"))
        var objective = OneOrBoth(standard.objectives[0])

        @Option(help: ArgumentHelp("Greedy sets for completeness.", valueName: "n"))
        var greedyRuns = standard.greedy.runs
    }

    struct GreedyOptions: ParsableArguments {
        @Option(help: ArgumentHelp("Maximum number of heads of a greedy set.", valueName: "n"))
        var greedySteps = standard.greedy.steps

        @Option(help: ArgumentHelp("Heads that are tried at each step.", valueName: "n"))
        var greedyCandidates = standard.greedy.candidates

        @Option(
            help: ArgumentHelp("Prompts that a search measures on; its sets are then measured on all.", valueName: "n"))
        var greedyPrompts = standard.greedy.prompts
    }

    @OptionGroup(title: Section.measurement) var measurement: Measurement
    @OptionGroup(title: Section.measurement) var metric: MetricOptions
    @OptionGroup(title: "Minimality") var minimality: MinimalityOptions
    @OptionGroup(title: "Completeness") var completeness: CompletenessOptions
    @OptionGroup(title: "Greedy search") var search: GreedyOptions
    @OptionGroup(title: Section.ablation) var ablation: AblationOptions<CircuitValidateCommand>
    @OptionGroup(title: Section.ablation) var reference: ReferenceOptions
    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<CircuitValidateCommand>
    @OptionGroup(title: Section.execution) var memory: MemoryOptions
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.execution) var shards: ShardOptions
    @OptionGroup(title: Section.output) var figures: PerPromptOptions
    @OptionGroup(title: Section.output) var drawing: ChartOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    var isStaged: Bool { true }

    func view(_ results: ValidateResults, of experiment: ValidateExperiment, on subject: Subject) -> ResultsView {
        ResultsView(
            text: { results.printout(on: subject.prompting(by: experiment.metric), metric: experiment.metric) },
            csv: { results.csv },
            next: "ioi heads\(model.flag)\(prompts.flag)"
        )
    }

    func chart(_ results: ValidateResults, of experiment: ValidateExperiment, on subject: Subject) -> any Chart {
        results.chart(on: subject.prompting(by: experiment.metric))
    }

    func experiment() throws -> ValidateExperiment {
        let source = try prompts.source()
        var options = ValidateExperiment(prompts: source)
        options.circuit = try measurement.circuit.name
        options.everywhere = measurement.positions.areEverywhere
        options.minimality = minimality.noMinimality ? nil : minimality.minimalitySets
        options.completeness = completeness.completeness.kinds
        options.randomSets = completeness.randomSets
        options.objectives = completeness.objective.items
        options.greedy.runs = completeness.greedyRuns
        options.greedy.steps = search.greedySteps
        options.greedy.candidates = search.greedyCandidates
        options.greedy.prompts = search.greedyPrompts
        options.metric = metric.metric
        try checkFlags(options)
        options.ablation = try ablation.ablation(seed: source.seed)
        options.reference = reference.abcCount
        return options
    }

    /// - Throws: `IOIError` of kind `usage` if nothing is measured or a flag has no effect.
    private func checkFlags(_ options: ValidateExperiment) throws {
        guard options.minimality != nil || options.completeness != nil else {
            throw IOIError.usage("--completeness: found none with --no-minimality, which leaves nothing to measure")
        }
        let kinds = options.completeness ?? []
        let isSearching = kinds.contains(.greedy)
        try Given.refuse([
            (["--minimality-sets"], minimality.noMinimality, "does not go with --no-minimality"),
            (["--random-sets"], !kinds.contains(.random), "needs random in --completeness"),
            (["--objective", "--greedy-runs"], !isSearching, "needs greedy in --completeness"),
            (
                ["--greedy-steps", "--greedy-candidates", "--greedy-prompts"],
                !isSearching && options.minimality != .greedy,
                "needs greedy in --completeness or --minimality-sets greedy"
            ),
        ])
    }
}

extension ValidateExperiment: ExperimentWithCommand {
    static var command: any ParsableCommand.Type { CircuitValidateCommand.self }
}
