import ArgumentParser
import Foundation
import IOIKit

struct LensCommand: PromptCommand, PerPromptCommand, ChartCommand, ShardedCommand {
    static let configuration = CommandConfiguration(
        commandName: "lens",
        abstract: "Read a model's residual stream after each layer, as if the model ended there.",
        discussion: """
            The logit lens (nostalgebraist 2020): the final LayerNorm and the unembedding turn the residual stream between \
            two layers into logits. The last layer's are the model's own.

            Of a text it shows, after the embedding and after each layer, the token with the largest logit at each position \
            and its probability. Of prompts it shows a metric at END after the embedding and after the attention and the \
            MLP of each layer, and what each of them adds to the reading before it, prompt by prompt, with 95 % intervals. \
            A reading says what the final layers would make of the stream, not what the next layer makes of it; early ones \
            mean little.

            ioi lens "When Mary and John went to the store, John gave a drink to"
            ioi lens --dataset clean --count 200 --chart lens.svg
            ioi lens --data prompts.jsonl --metric log-probability --format csv
            """
    )

    @Argument(
        help: ArgumentHelp(
            "A text, or - for standard input; after -- if it begins with a dash (default: read prompts instead).",
            valueName: "text"))
    var text: String?

    @OptionGroup(title: Section.measurement) var metric: MetricOptions
    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<LensCommand>
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.execution) var shards: ShardOptions
    @OptionGroup(title: Section.output) var figures: PerPromptOptions
    @OptionGroup(title: Section.output) var drawing: ChartOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    func experiment() throws -> LensExperiment {
        guard let text else {
            var experiment = LensExperiment(prompts: try prompts.source())
            experiment.metric = metric.metric
            return experiment
        }
        try Given.refuse([
            (
                PromptOptions<LensCommand>.flags.filter { $0 != "--bos" } + ["--metric", "--per-prompt"], true,
                "does not go with a text, which is read in place of prompts"
            )
        ])
        return LensExperiment(try TextInput(argument: text, bos: prompts.generator.bos))
    }

    func view(_ results: LensResults, of experiment: LensExperiment, on subject: Subject) -> ResultsView {
        switch results {
        case .text(let lens):
            ResultsView(
                text: { lens.printout(width: Terminal.outputWidth) }, csv: { lens.csv },
                next: "ioi predict \(experiment.input?.words ?? "-")\(model.flag)")
        case .prompts(let lens):
            ResultsView(
                text: {
                    Printout([.lines(["\(subject.prompting), read at END"]), .table(lens.table(experiment.metric))])
                },
                csv: { lens.csv },
                next:
                    "ioi \(subject.prompts.allSatisfy { $0.counterfactualTokens != nil } ? "patch --mode path" : "eval")"
                    + model.flag + prompts.flag)
        }
    }

    func chart(_ results: LensResults, of experiment: LensExperiment, on subject: Subject) -> any Chart {
        switch results {
        case .text(let lens): TokenMapChart(lens, of: subject.model.location.name)
        case .prompts(let lens):
            LineChart(lens, metric: experiment.metric ?? .logitDifference, of: subject.prompting)
        }
    }
}

extension LensExperiment: ExperimentWithCommand {
    static var command: any ParsableCommand.Type { LensCommand.self }
}
