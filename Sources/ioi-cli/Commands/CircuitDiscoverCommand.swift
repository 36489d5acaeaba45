import ArgumentParser
import Foundation
import IOIKit

struct CircuitDiscoverCommand: BoundedCommand, ChartCommand, ShardedCommand {
    static let configuration = CommandConfiguration(
        commandName: "discover",
        abstract: "Find the circuit of a model.",
        discussion: """
            ioi circuit discover --method path --save circuit.json
            ioi circuit discover --method eap-ig --edges 400 --curve --save eap.json
            ioi circuit discover --method eap-ig --rule midpoint --save-scores scores.json
            ioi circuit discover --method eap-ig --steps 50 --against scores.json
            ioi circuit discover --method acdc --threshold 0.02 --count 16 --out acdc.json
            ioi faithfulness --circuit eap.json --granularity edge --ablate counterfactual

            \(Interrupt.help)
            """
    )
    static let ablation = Ablation.Kind.counterfactual

    /// The number of prompts for ACDC, which is slow.
    private static let promptCountOfACDC = 16

    enum Method: String, CaseIterable, ExpressibleByArgument {
        case path, walk, eap
        case integrated = "eap-ig"
        case acdc

        static var allValueDescriptions: [String: String] {
            [
                "path": """
                Path patching back from the logits, as the circuit of GPT-2 small was found: the heads that write to \
                the logits, the heads that their queries read from, and so on, in classes named by what they do. On \
                prompts of another task: walk.
                """,
                "walk": """
                The same for any task, with MLPs: the nodes that write to the logits, those that these read from at each \
                named position, and so on, in classes named by where they are and what they send to.
                """,
                "eap": """
                Scores every edge between heads, MLPs, input and logits to first order, in about the time of a few \
                forward passes, and keeps the best.
                """,
                "eap-ig": "The same with the gradient averaged between the counterfactual and the prompt.",
                "acdc": """
                Drops one edge after another if that costs less than a threshold. It is slow: without --count it \
                takes \(CircuitDiscoverCommand.promptCountOfACDC) prompts.
                """,
            ]
        }
    }

    enum Rank: String, CaseIterable, ExpressibleByArgument {
        case absolute, signed
    }

    struct Measurement: ParsableArguments {
        @Option(help: "How the circuit is found.")
        var method = Method.path
    }

    struct Attribution: ParsableArguments {
        private static let standard = DiscoverExperiment.Attribution()

        @Option(help: ArgumentHelp("Number of edges, before dangling ones are removed.", valueName: "n"))
        var edges = standard.edges

        @Option(help: "Rank edges by the size of their score, or by the score.")
        var rank = Rank.absolute

        @Option(help: ArgumentHelp("eap-ig: points at which the gradient is taken.", valueName: "n"))
        var steps = 5

        @Option(help: "eap-ig: where in its step each point lies, on the way from the counterfactual to the prompt.")
        var rule = EdgeAttribution.Rule.right

        @Option(
            help: ArgumentHelp("Measure stability over this many resamples of the prompts; 0 for none.", valueName: "n")
        )
        var resamples = standard.resamples

        @Flag(help: "Measure faithfulness at ten sizes from 0.1 % to all edges, with CPR and CMD.")
        var curve = false

        @Option(
            help: ArgumentHelp(
                "Compare the scores with those of a file: MIB's, or one of --save-scores.", valueName: "f.json"),
            completion: .file(extensions: ["json"])
        )
        var against: String?
    }

    struct Search: ParsableArguments {
        @Option(help: ArgumentHelp("The most that dropping an edge may cost.", valueName: "cost"))
        var threshold = 0.02
    }

    struct SaveOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp("Write the circuit to a file that --circuit takes.", valueName: "f.json"),
            completion: .circuits
        )
        var save: String?

        @Option(
            help: ArgumentHelp(
                "eap, eap-ig: write the scores of all edges and the circuit in the form of MIB's circuits.",
                valueName: "f.json"),
            completion: .file(extensions: ["json"])
        )
        var saveScores: String?
    }

    @OptionGroup(title: Section.measurement) var measurement: Measurement
    @OptionGroup(title: Section.measurement) var metric: MetricOptions
    @OptionGroup(title: "path and walk") var walk: PathWalkOptions
    @OptionGroup(title: "eap and eap-ig") var attribution: Attribution
    @OptionGroup(title: "acdc") var search: Search
    @OptionGroup(title: "Ablation of eap, eap-ig and acdc") var ablation: AblationOptions<CircuitDiscoverCommand>
    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<CircuitDiscoverCommand>
    @OptionGroup(title: Section.execution) var memory: MemoryOptions
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.execution) var shards: ShardOptions
    @OptionGroup(title: Section.output) var saving: SaveOptions
    @OptionGroup(title: Section.output) var drawing: ChartOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    var isStaged: Bool { measurement.method == .path || measurement.method == .walk }

    func check(_ subject: Subject) throws {
        try Given.refuse([
            (
                PathWalkOptions.flagsOfIOI, subject.dataset?.namesIOI == false,
                "applies to prompts of indirect-object identification only"
            )
        ])
    }

    var otherOutputs: [(flag: String, path: String?)] {
        [("--save", saving.save), ("--save-scores", saving.saveScores), ("--chart", drawing.chart)]
    }

    func keep(
        _ results: DiscoverResults,
        of experiment: DiscoverExperiment,
        on subject: Subject,
        in outputs: Outputs
    ) throws {
        let circuit = try results.found()
        outputs.write("--save") { circuit.json }
        if let scores = results.allScores { outputs.write("--save-scores") { scores.json } }
        try drawing.write(to: outputs) { try chart(results, of: experiment, on: subject) }
    }

    func chart(_ results: DiscoverResults, of experiment: DiscoverExperiment, on subject: Subject) throws -> any Chart {
        let circuit = try results.found()
        return circuit.diagram(
            title: "\(circuit.size), found in \(subject.model.location.name) on \(subject.prompting)",
            scores: results.scores?.edges ?? [])
    }

    func view(_ results: DiscoverResults, of experiment: DiscoverExperiment, on subject: Subject) throws -> ResultsView
    {
        let circuit = try results.found()
        return ResultsView(
            text: {
                results.printout(
                    circuit, on: subject.prompting(by: experiment.metric), metric: experiment.metric,
                    saved: saving.save
                )
            },
            csv: { results.csv(circuit) },
            next: saving.save.map { "ioi faithfulness --circuit \($0.shellWord) --surface\(model.flag)\(prompts.flag)" }
                ?? "ioi heads\(model.flag)\(prompts.flag)"
        )
    }

    func experiment() throws -> DiscoverExperiment {
        try checkFlags()
        var source = try prompts.source()
        let method: DiscoverExperiment.Method
        switch measurement.method {
        case .path: method = .path(walk.walk(seed: source.seed))
        case .walk: method = .walk(walk.general(seed: source.seed))
        case .eap, .integrated:
            var options = DiscoverExperiment.Attribution()
            options.steps = measurement.method == .eap ? nil : attribution.steps
            options.rule = attribution.rule == .right ? nil : attribution.rule
            options.edges = attribution.edges
            options.resamples = attribution.resamples
            options.isAbsolute = attribution.rank == .absolute
            options.curve = attribution.curve
            options.against = attribution.against.map(absolutePath)
            method = .attribution(options)
        case .acdc:
            if !Given.has("--count") { source.count = Self.promptCountOfACDC }
            method = .acdc(threshold: search.threshold, metric: metric.metric ?? .divergence)
        }
        var options = DiscoverExperiment(prompts: source, method: method)
        // A divergence decides well, but there is no share of it to say how faithful a circuit is.
        options.metric = metric.metric == .divergence && measurement.method == .acdc ? nil : metric.metric
        // Circuits of edges name the MLPs on them.
        if !isStaged { options.mlps = true }
        if ablation.given != nil { options.ablation = try ablation.ablation(seed: source.seed) }
        return options
    }

    /// - Throws: `IOIError` of kind `usage` for a flag of another method.
    private func checkFlags() throws {
        let method = measurement.method
        let flags: [(flags: [String], methods: [Method])] = [
            (["--edges", "--rank", "--resamples", "--curve", "--against", "--save-scores"], [.eap, .integrated]),
            (["--steps", "--rule"], [.integrated]),
            (["--threshold"], [.acdc]),
            (ablation.flags, [.eap, .integrated, .acdc]), (PathWalkOptions.flags, [.path, .walk]),
            (PathWalkOptions.flagsOfIOI, [.path]), (["--sender-effect"], [.walk]),
        ]
        try Given.refuse(
            flags.map { flags, methods in
                let names = methods.map(\.rawValue).joined(separator: ", ")
                return (
                    flags, !methods.contains(method),
                    "does not go with --method \(method.rawValue), only with \(names)"
                )
            }
        )
    }
}

extension DiscoverExperiment: ExperimentWithCommand {
    static var command: any ParsableCommand.Type { CircuitDiscoverCommand.self }
}

extension EdgeAttribution.Rule: ExpressibleByArgument {
    public static var allValueDescriptions: [String: String] {
        [
            "right": "At its end: the last point is the prompt, as in the paper of EAP-IG.",
            "left": "At its beginning: the first point is the counterfactual, as in the code of EAP-IG.",
            "midpoint": "In its middle, which is nearest to the integral for few points.",
        ]
    }
}
