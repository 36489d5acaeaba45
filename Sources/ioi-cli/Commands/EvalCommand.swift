import ArgumentParser
import Foundation
import IOIKit

struct EvalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Measure a model on prompts: logit difference, accuracy, top-1, P(IO), loss.",
        discussion: """
            The logit difference is logit(IO) − logit(S) at the last token. Every mean has its 95 % bootstrap \
            interval, drawn with --seed. Of the other tasks, agreement and greater-than: the probability of all right \
            next tokens less that of all wrong ones, and how often it is above 0.

            ioi eval --model gpt2 --count 1000 --seed 0
            ioi eval --model runs/clean/checkpoints/epoch-001 --data prompts.jsonl --format json --per-prompt
            ioi eval --model gpt2 --dataset greater-than --held-out
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
        let source = try prompts.source(defaultCount: 1000, takesTasks: true)
        let model = try model.load(workers: workers)
        let dataset = try source.data(for: model)
        let progress = ProgressLine("eval", total: dataset.count, isQuiet: common.quiet)
        let evaluation = try Evaluator(model.parameters, workers: workers).evaluate(
            dataset, seed: source.seed, perPrompt: perPrompt
        ) { progress.show($0) }
        progress.clear()
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
            next: {
                source.task.map {
                    "ioi finetune --dataset \($0.rawValue) --epochs 1 --out runs/\($0.rawValue)\(self.model.flag)"
                }
                    ?? "ioi patch --mode path --receiver logits\(self.model.flag)"
            }
        )
    }
}
