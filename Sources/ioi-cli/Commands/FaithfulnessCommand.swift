import ArgumentParser
import Foundation
import IOIKit

struct FaithfulnessCommand: ParsableCommand {
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
    @OptionGroup var patching: PatchRunOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: RunOptions

    func run() throws {
        let started = ContinuousClock.now
        let workers = try common.workers()
        let settings = try patching.settings(workers: workers)
        let options = try options()
        let model = try model.load(workers: workers)
        let job = try FaithfulnessJob(options, model: model)
        let dataset = try options.prompts.prompts(for: model)
        let measurement = Measurement(
            command: "faithfulness", options: options, started: started, workers: workers, output: output,
            isQuiet: common.quiet, circuit: job.circuit, isStaged: surface
        )
        try measurement.run(model, dataset) { partial, progress in
            let results = try job.run(
                model, dataset, settings: settings, partial: partial, perPrompt: patching.perPrompt, progress: progress
            )
            if let chart {
                try AtomicFile.write(
                    Data(results.chart(circuit: job.circuit, dataset).svg.utf8), to: URL(fileURLWithPath: chart)
                )
            }
            return results
        } csv: {
            $0.csv
        } text: {
            $0.text(circuit: job.circuit, dataset)
        } next: {
            _ in
            "ioi \(surface ? "circuit validate" : "faithfulness --surface")\(circuitFlag)\(self.model.flag)"
        }
    }

    private var circuitFlag: String { circuit == "default" ? "" : " --circuit \(circuit.shellWord)" }

    private func options() throws -> FaithfulnessOptions {
        let source = try prompts.source(defaultCount: 200)
        var options = FaithfulnessOptions(prompts: source)
        options.circuit = circuit == "default" ? circuit : absolutePath(circuit)
        options.method.ablation = try ablation.ablation(seed: source.seed)
        options.method.reference = try reference.count(source, options.method.ablation)
        options.method.everywhere = try positions.areEverywhere()
        options.method.granularity = try choice("--granularity", granularity, default: .node)
        options.method.aggregation = try choice("--aggregate", aggregate, default: .ratioOfMeans)
        options.randomSets = randomSets ?? (surface ? 20 : 0)
        try checkFlag("--random-sets", options.randomSets, in: 0...100_000)
        options.surface = surface
        guard chart == nil || surface else { throw IOIError.usage("--chart: needs --surface, which it draws") }
        return options
    }
}
