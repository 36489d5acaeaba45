import ArgumentParser
import Foundation
import IOIKit

struct EvalCommand: ExperimentCommand {
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

    @Flag(help: .perPrompt) var perPrompt = false

    func experiment() throws -> EvaluationExperiment {
        EvaluationExperiment(prompts: try prompts.source(defaultCount: 1000, takesTasks: true))
    }

    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?) { (try model.load(workers: workers), nil) }

    func view(_ results: TaskEvaluation, of experiment: EvaluationExperiment, on subject: Subject) -> ResultsView {
        let next =
            experiment.prompts.task.map { "finetune --dataset \($0.rawValue) --epochs 1 --out runs/\($0.rawValue)" }
            ?? "patch --mode path --receiver logits"
        return ResultsView(
            text: { results.text(title: subject.prompting) }, csv: { results.csv }, next: "ioi \(next)\(model.flag)"
        )
    }
}
