import ArgumentParser
import Foundation
import IOIKit

struct FaithfulnessCommand: BoundedCommand {
    static let configuration = CommandConfiguration(
        commandName: "faithfulness",
        abstract: "How much of the model a circuit is: its logit difference with everything else knocked out.",
        discussion: """
            F(C) is the mean logit difference with z of every head outside the circuit, and of its own heads at other \
            positions, replaced by what --ablate says; F(M) is the whole model's. The figure depends on the method, so \
            --surface measures it by all of them: each stand-in value, positions, grouping and number of prompts for \
            means, heads or edges, and both ways of averaging, beside random circuits of the same size and depth.

            ioi faithfulness --circuit default
            ioi faithfulness --circuit default --ablate resample --positions all
            ioi faithfulness --circuit default --granularity edge --ablate counterfactual
            ioi faithfulness --circuit found.json --surface --chart surface.svg

            Ctrl-C keeps what was measured beside --out; the same command then goes on from there.
            """
    )

    @Option(help: ArgumentHelp("default, the one that belongs to the model, or a file.", valueName: "file"))
    var circuit = "default"

    @OptionGroup var ablation: AblationOptions

    @OptionGroup var reference: ReferenceOptions

    @OptionGroup var positions: CircuitPositionsOptions

    @Option(
        help: ArgumentHelp(
            "Cut out all other heads, or every edge that is not the circuit's as well (default: node).",
            valueName: "node|edge"
        )
    )
    var granularity: String?

    @Option(
        help: ArgumentHelp(
            "ratio-of-means or mean-of-ratios over prompts (default: ratio-of-means).", valueName: "kind"
        )
    )
    var aggregate: String?

    @Option(
        help: ArgumentHelp(
            "Compare with so many circuits of random heads, as many in each layer (default: 0; with --surface 20).",
            valueName: "n"
        )
    )
    var randomSets: Int?

    @Flag(help: "Measure by the whole grid of methods as well.")
    var surface = false

    @Option(help: ArgumentHelp("Draw the surface as a picture.", valueName: "f.svg"))
    var chart: String?

    @OptionGroup var model: ModelOptions
    @OptionGroup var prompts: PromptOptions
    @OptionGroup var memory: MemoryOptions
    @Flag(help: .perPrompt) var perPrompt = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: RunOptions

    var isStaged: Bool { surface }

    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?) { (try model.load(workers: workers), nil) }

    func keep(_ results: FaithfulnessResults, of experiment: FaithfulnessExperiment, on subject: Subject) throws {
        guard let chart, let circuit = try experiment.circuit(of: subject.model) else { return }
        let picture = results.chart(circuit, on: subject.prompting)
        try AtomicFile.write(Data(picture.svg.utf8), to: URL(fileURLWithPath: chart))
    }

    func view(
        _ results: FaithfulnessResults,
        of experiment: FaithfulnessExperiment,
        on subject: Subject
    ) throws -> ResultsView {
        let circuit = try experiment.circuit(of: subject.model)!
        return ResultsView(
            text: { results.text(circuit, on: subject.prompting) }, csv: { results.csv(experiment.method) },
            next: "ioi \(surface ? "circuit validate" : "faithfulness --surface")\(circuitFlag)\(model.flag)"
        )
    }

    private var circuitFlag: String { circuit == "default" ? "" : " --circuit \(circuit.shellWord)" }

    func experiment() throws -> FaithfulnessExperiment {
        let source = try prompts.source(defaultCount: 200)
        var options = FaithfulnessExperiment(prompts: source)
        options.circuit = circuit == "default" ? circuit : absolutePath(circuit)
        options.method.ablation = try ablation.ablation(seed: source.seed)
        options.method.reference = reference.abcCount
        options.method.everywhere = try positions.areEverywhere()
        options.method.granularity = try choice("--granularity", granularity, default: .node)
        options.method.aggregation = try choice("--aggregate", aggregate, default: .ratioOfMeans)
        options.randomSets = randomSets ?? (surface ? 20 : 0)
        options.surface = surface
        guard chart == nil || surface else { throw IOIError.usage("--chart: needs --surface, which it draws") }
        return options
    }
}
