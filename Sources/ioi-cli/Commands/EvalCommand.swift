import ArgumentParser
import Foundation
import IOIKit

struct EvalCommand: PromptCommand, PerPromptCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Measure a model on prompts: logit difference, accuracy, top-1, P(IO), loss.",
        discussion: """
            The logit difference is logit(IO) − logit(S) at the last token. It also grows if only S loses, so IO is \
            compared with the names of the list that the prompt does not mention as well. Every mean has a 95 % \
            bootstrap interval, drawn with --seed. On other tasks, the probability of all right \
            next tokens minus that of all wrong ones is measured, and how often it is above 0.

            ioi eval --model gpt2 --count 1000 --seed 0
            ioi eval --model runs/clean/checkpoints/epoch-001 --data prompts.jsonl --format json --per-prompt
            ioi eval --model gpt2 --dataset greater-than --held-out
            """
    )
    static let promptCount = 1000
    static let datasets = PromptSource.datasets

    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<EvalCommand>
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.output) var figures: PerPromptOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    func experiment() throws -> EvaluationExperiment { EvaluationExperiment(prompts: try prompts.source()) }

    func view(_ results: TaskEvaluation, of experiment: EvaluationExperiment, on subject: Subject) -> ResultsView {
        let next =
            experiment.prompts.task.map { "finetune --dataset \($0.rawValue) --epochs 1 --out runs/\($0.rawValue)" }
            ?? "patch --mode path --receiver logits"
        return ResultsView(
            text: { results.text(title: subject.prompting) }, csv: { results.csv }, next: "ioi \(next)\(model.flag)"
        )
    }
}

extension EvaluationExperiment: ExperimentWithCommand {
    static var command: any ParsableCommand.Type { EvalCommand.self }
}
