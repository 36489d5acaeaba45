import ArgumentParser
import Foundation
import IOIKit

struct PatchCommand: BoundedCommand, PerPromptCommand, ChartCommand, ShardedCommand {
    static let configuration = CommandConfiguration(
        commandName: "patch",
        abstract: "Replace values inside a run and measure the effect on the prediction.",
        discussion: """
            --mode activation  Takes a site's value from the run on the prompt's counterfactual (for IOI: no \
            name repeats): what does the site carry? A map of layers and heads, or of layers and positions.

            --mode path  Patches the paths from each head or MLP to the receivers, through MLPs only: which heads \
            communicate? A head that helps has a negative effect.

            --mode cross-model  Takes a head's pattern, output or inputs from another model on the same prompt: what did \
            fine-tuning change? The share of the gap between the two models that is recovered, for every head, for a \
            circuit and its classes, for everything outside it, and for random sets of the same size.

            Effects are in percent of the unpatched mean of the --metric, or with --scale gap of its distance from the \
            counterfactuals', with 95 % bootstrap intervals; kl is in nats.

            --estimate  Estimates all effects to first order from one backward pass, in seconds, then measures the \
            strongest and says how near the estimates came. Saturated attention hides effects from it: q and k most.

            ioi patch --mode activation --site z --position END
            ioi patch --mode activation --site resid_pre --position IO,S1,S2,END
            ioi patch --mode path --receiver logits
            ioi patch --mode path --receiver q:9.9,9.6,10.0@END --receiver v:7.9@S2
            ioi patch --mode path --knockout 9.9@END,9.6@END,10.0@END
            ioi patch --mode path --dataset greater-than --sender mlps --receiver m8,m9,m10,m11@END
            ioi patch --mode cross-model
            ioi patch --mode cross-model --donor runs/clean/checkpoints/epoch-025 --component pattern --direction both
            ioi patch --mode cross-model --estimate --exact 10

            \(Interrupt.help)
            """
    )

    enum Mode: String, CaseIterable, ExpressibleByArgument {
        case activation, path
        case crossModel = "cross-model"
    }

    struct Measurement: ParsableArguments {
        @Option(help: "What is patched, and from where.")
        var mode: Mode

        @Option(
            help: ArgumentHelp(
                "activation, cross-model: positions to patch.",
                discussion: """
                    Sites of heads are replaced at all listed positions at once; other sites at each position separately, \
                    one column for each; cross-model takes one position. Default: END for heads, each position \
                    that the prompts name for other sites, all for cross-model.
                    """,
                valueName: "END,S2"
            )
        )
        var position: List<PositionSelection>?

        @Option(
            help: ArgumentHelp("The effect of the means, or the mean of each prompt's effect.", valueName: "how"))
        var aggregate = EffectAggregation.ratioOfMeans

        @Option(help: ArgumentHelp("What effects are percentages of.", valueName: "scale"))
        var scale = EffectScale.original

        @Flag(
            help: """
                activation, cross-model: estimate effects to first order from one backward pass, and measure only the \
                strongest.
                """
        )
        var estimate = false

        @Option(help: ArgumentHelp("Number of the strongest estimates to measure as well.", valueName: "n"))
        var exact = 20
    }

    struct Activation: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "The site that is replaced.",
                discussion: "resid, attn and mlp are short for resid_pre, attn_out and mlp_out.", valueName: "site"
            )
        )
        var site = Site.z

        @Flag(help: "Patch the prompt's values into the counterfactual's run, not the other way round.")
        var denoise = false
    }

    struct Path: ParsableArguments {
        @Option(help: ArgumentHelp("The senders.", valueName: "what"))
        var sender = PatchExperiment.Path.Sender.heads

        @Option(
            help: ArgumentHelp(
                "Where paths end (default: logits). May be repeated.",
                discussion: """
                    logits, inputs of heads at a position such as "q:9.9,9.6,10.0@END", "v:7.3,7.9@S2" or "k:5.5@S1+1", \
                    or a file with one of these a line. If logits is among them the others change nothing, because \
                    the recorded residual stream replaces all that comes before the logits.
                    """,
                valueName: "receiver"
            ),
            completion: .file()
        )
        var receiver: [String] = []

        @Option(
            help: ArgumentHelp("Recompute the MLPs between sender and receivers, or freeze them.", valueName: "how"))
        var pathMlp = PatchExperiment.Path.Passage.recompute

        @Option(
            help: ArgumentHelp("Recompute LayerNorm scales up to the receivers' own, or freeze them.", valueName: "how")
        )
        var pathLn = PatchExperiment.Path.Passage.recompute

        @Option(
            help: ArgumentHelp(
                "Heads to knock out in every run, such as 9.9@END,9.6@END, to find backup heads.", valueName: "heads"
            ),
            transform: PlacedHead.list
        )
        var knockout: [PlacedHead]?

        /// The receivers, including those in files.
        func receivers() throws -> [Receiver] {
            try (receiver.isEmpty ? ["logits"] : receiver).flatMap { text in
                if let receiver = Receiver(text) { return [receiver] }
                guard FileManager.default.fileExists(atPath: text) else {
                    throw IOIError.usage(
                        "--receiver: found \(text.quoted), expected \(Receiver.form), or a file of such lines")
                }
                return try Receiver.list(contentsOf: URL(fileURLWithPath: text))
            }
        }
    }

    struct CrossModel: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "The model that values come from (default: the newest checkpoint below runs trained from --model).",
                discussion:
                    "Of the runs that started from --model itself, the one that saved a checkpoint last counts.",
                valueName: "name|dir"
            ),
            completion: .models
        )
        var donor: String?

        @Option(help: ArgumentHelp("pattern, z, result, or any of q, k and v together, as in q,k.", valueName: "site"))
        var component = List([HeadSite(.z)])

        @Option(help: ArgumentHelp("Which of --model (the host) and --donor is patched.", valueName: "which"))
        var direction = OneOrBoth(PatchExperiment.CrossModel.Direction.donorToHost)

        @Option(
            help: ArgumentHelp(
                "A circuit file, default for the model's own, greater-than or another name, or none (default: default if there is one).",
                valueName: "file|name"
            ),
            completion: .circuits
        )
        var circuit: String?

        @Option(help: ArgumentHelp("Number of random sets to compare the circuit with.", valueName: "n"))
        var randomSets = 20
    }

    @OptionGroup(title: Section.measurement) var measurement: Measurement
    @OptionGroup(title: Section.measurement) var metric: MetricOptions
    @OptionGroup(title: "Activation patching") var activation: Activation
    @OptionGroup(title: "Path patching") var path: Path
    @OptionGroup(title: "Cross-model patching") var crossModel: CrossModel
    @OptionGroup(title: "Ablation of --knockout") var ablation: AblationOptions<PatchCommand>
    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<PatchCommand>
    @OptionGroup(title: Section.execution) var memory: MemoryOptions
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.execution) var shards: ShardOptions
    @OptionGroup(title: Section.output) var figures: PerPromptOptions
    @OptionGroup(title: Section.output) var drawing: ChartOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    var donor: String? { crossModel.donor }

    func experiment() throws -> PatchExperiment {
        try checkFlags()
        let source = try prompts.source()
        var experiment = PatchExperiment(
            mode: try options(seed: source.seed), prompts: source, aggregation: measurement.aggregate
        )
        experiment.scale = measurement.scale
        experiment.metric = metric.metric
        if measurement.estimate { experiment.estimate = .init(exact: measurement.exact) }
        return experiment
    }

    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?) {
        let model = try model.load(workers: workers)
        guard measurement.mode == .crossModel else { return (model, nil) }
        return (
            model, try ModelOptions.load(donor: donor, as: "--donor", trainedFrom: model, workers: workers)
        )
    }

    func complete(_ experiment: inout PatchExperiment, for model: GPT2) throws {
        guard case .crossModel(var options) = experiment.mode else { return }
        options.circuit = try circuitName(for: model)
        experiment.mode = .crossModel(options)
    }

    static func arguments(for experiment: PatchExperiment) -> [String] {
        let mode: Mode =
            switch experiment.mode {
            case .activation: .activation
            case .path: .path
            case .crossModel: .crossModel
            }
        return ["--mode", mode.rawValue]
    }

    func view(_ results: PatchResults, of experiment: PatchExperiment, on subject: Subject) -> ResultsView {
        ResultsView(
            text: { results.printout(experiment, on: subject.prompting(by: experiment.metric)) },
            csv: { results.csv },
            next: results.next(
                experiment, donor: donor ?? subject.donor?.location.given, model: model.flag + prompts.flag
            )
        )
    }

    func chart(_ results: PatchResults, of experiment: PatchExperiment, on subject: Subject) -> any Chart {
        results.chart(experiment, on: subject.prompting(by: experiment.metric))
    }

    /// - Throws: `IOIError` of kind `usage` for a flag of another mode.
    private func checkFlags() throws {
        let modes: [(flags: [String], modes: [Mode])] = [
            (["--site"], [.activation]), (["--position"], [.activation, .crossModel]), (["--denoise"], [.activation]),
            (["--estimate", "--exact"], [.activation, .crossModel]),
            (["--sender", "--receiver", "--path-mlp", "--path-ln", "--knockout"], [.path]),
            (["--donor", "--component", "--direction", "--circuit", "--random-sets"], [.crossModel]),
        ]
        try Given.refuse(
            modes.map { flags, modes in
                let names = modes.map(\.rawValue).joined(separator: " or ")
                return (
                    flags, !modes.contains(measurement.mode),
                    "belongs to --mode \(names), found --mode \(measurement.mode.rawValue)"
                )
            } + [
                (["--exact"], !measurement.estimate, "needs --estimate, whose strongest effects it measures"),
                (ablation.flags, path.knockout == nil, "needs --knockout, the heads that it applies to"),
                (
                    ["--random-sets"], crossModel.circuit == "none",
                    "does not go with --circuit none, which is not compared"
                ),
                (
                    ["--aggregate"], metric.metric == .divergence && measurement.scale == .original,
                    "has no effect on kl, which is given in nats"
                ),
            ]
        )
    }

    private func options(seed: UInt64) throws -> PatchExperiment.Mode {
        switch measurement.mode {
        case .activation:
            let standard: [PositionSelection] =
                activation.site.isPerHead ? [.one(.end)] : []
            return .activation(
                .init(
                    site: activation.site, positions: measurement.position?.items ?? standard,
                    denoise: activation.denoise
                )
            )
        case .path:
            return .path(
                .init(
                    sender: path.sender, receivers: try path.receivers(), mlps: path.pathMlp,
                    layerNorms: path.pathLn, knockout: path.knockout ?? [],
                    ablation: try ablation.ablation(seed: seed)
                )
            )
        case .crossModel:
            let positions = measurement.position?.items ?? [.all]
            guard positions.count == 1 else {
                throw IOIError.usage("--position: found \(positions.count) positions, expected one for cross-model")
            }
            return .crossModel(
                .init(
                    components: crossModel.component.items.map(\.site), position: positions[0],
                    directions: crossModel.direction.items, circuit: crossModel.circuit,
                    randomSets: crossModel.randomSets
                )
            )
        }
    }

    /// The circuit whose sets are patched as well; nil for none.
    private func circuitName(for model: GPT2) throws -> String? {
        switch crossModel.circuit {
        case "none": return nil
        case nil:
            // If no circuit belongs to the model, only the map is measured.
            guard DefaultCircuit(of: model.location, model.config) == nil else { return "default" }
            try Given.refuse([(["--random-sets"], true, "needs --circuit, because no circuit belongs to the model")])
            if !common.quiet {
                Terminal.say("no circuit belongs to this model: no sets of heads (--circuit FILE)")
            }
            return nil
        case .some(let name): return try Circuit.recordedName(name)
        }
    }
}

extension PatchExperiment: ExperimentWithCommand {
    static var command: any ParsableCommand.Type { PatchCommand.self }
}
