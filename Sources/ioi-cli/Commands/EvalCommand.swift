import ArgumentParser
import Foundation
import IOIKit

struct EvalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Measure a model on prompts: logit difference, accuracy, top-1, P(IO), loss.",
        discussion: """
            The logit difference is logit(IO) − logit(S) at the last token. Every mean has its 95 % bootstrap \
            interval, drawn with --seed.

            ioi eval --model gpt2 --count 1000 --seed 0
            ioi eval --model runs/clean/checkpoints/epoch-001 --data prompts.jsonl --format json --per-prompt
            """
    )

    @OptionGroup var model: ModelOptions
    @OptionGroup var prompts: PromptOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var common: RunOptions

    @Flag(help: "Put the figures of each prompt in the JSON as well.")
    var perPrompt = false

    func run() throws {
        let started = ContinuousClock.now
        let workers = try common.workers()
        let source = try prompts.source(defaultCount: 1000)
        let model = try model.load(workers: workers)
        let dataset = try source.prompts(for: model)
        let progress = ProgressLine("eval", total: dataset.count, isQuiet: common.quiet)
        let measures = try Evaluator(model.parameters, workers: workers).measure(dataset.prompts) {
            progress.show($0)
        }
        progress.clear()
        let evaluation = Evaluation(measures, seed: source.seed, perPrompt: perPrompt)
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        try output.write(
            isQuiet: common.quiet,
            json: {
                try JSONEncoder.readable.encode(
                    ResultsDocument(
                        command: "eval", options: EvaluationOptions(prompts: source),
                        model: ModelRecord(model),
                        dataset: DatasetRecord(dataset), environment: EnvironmentRecord(workers: workers),
                        seconds: seconds, results: evaluation
                    )
                )
            },
            csv: { evaluation.csv },
            text: { evaluation.text(title: "\(dataset.count) \(dataset.name) prompts") },
            next: { "ioi patch --mode path --receiver logits\(self.model.flag)" }
        )
    }
}
