import ArgumentParser
import Foundation
import IOIKit

struct EvalCommand: PromptCommand, PerPromptCommand, ChartCommand, ShardedCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Measure a model on prompts: logit difference, accuracy, top-1, P(IO), loss.",
        discussion: """
            The logit difference is logit(IO) − logit(S) at the last token. It also grows if only S loses, so IO is \
            compared with the names of the list that the prompt does not mention as well. Every mean has a 95 % \
            bootstrap interval, drawn with --seed. On other tasks, or with another --metric, the right and the wrong next \
            tokens are compared: their logits, their probabilities, and how often the right ones are more probable.

            ioi eval --model gpt2 --count 1000 --seed 0
            ioi eval --model runs/clean/checkpoints/epoch-001 --data prompts.jsonl --format json --per-prompt
            ioi eval --model gpt2 --dataset greater-than --held-out
            ioi eval --model gpt2 --data pairs.csv --metric log-probability
            """
    )
    static let promptCount = 1000

    @OptionGroup(title: Section.measurement) var metric: MetricOptions
    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<EvalCommand>
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.execution) var shards: ShardOptions
    @OptionGroup(title: Section.output) var figures: PerPromptOptions
    @OptionGroup(title: Section.output) var drawing: ChartOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    var measuresOtherNames: Bool { metric.metric ?? .logitDifference == .logitDifference }

    func experiment() throws -> EvaluationExperiment {
        var experiment = EvaluationExperiment(prompts: try prompts.source())
        experiment.metric = metric.metric
        return experiment
    }

    func view(_ results: TaskEvaluation, of experiment: EvaluationExperiment, on subject: Subject) -> ResultsView {
        let next =
            subject.dataset?.prompts.contains { $0.counterfactualTokens == nil } == true
            ? "finetune --epochs 1 --out runs/\(subject.dataset!.name)" : "patch --mode path --receiver logits"
        return ResultsView(
            text: {
                var text = results.printout(title: subject.prompting, metric: experiment.metric)
                text.parts.append(.lines([""] + Self.example(on: subject) + [results.meaning]))
                return text
            },
            csv: { results.csv }, next: "ioi \(next)\(model.flag)\(prompts.flag)"
        )
    }

    func chart(_ results: TaskEvaluation, of experiment: EvaluationExperiment, on subject: Subject) -> any Chart {
        results.chart(title: subject.prompting, metric: experiment.metric)
    }

    /// The first prompt, and what the model says to it.
    private static func example(on subject: Subject) -> [String] {
        // What cannot be shown has been measured.
        guard let prompt = subject.dataset?.prompts.first,
            let answer = try? Evaluator(subject.model.parameters, workers: Workers(count: 1)).answer(to: prompt)
        else { return [] }
        let word = subject.model.tokenizer?.decode([answer.token]).quoted ?? "token \(answer.token)"
        let isRight = prompt.rightTokens.contains(answer.token)
        let verdict = isRight ? "right" : "wrong" + (prompt.answer.isEmpty ? "" : ", right is \(prompt.answer.quoted)")
        let text = prompt.text.isEmpty ? "prompt \(prompt.id)" : prompt.text.quoted
        return ["The first prompt: \(text) → \(word), probability \(decimal(answer.probability, 3)): \(verdict)."]
    }
}

extension EvaluationExperiment: ExperimentWithCommand {
    static var command: any ParsableCommand.Type { EvalCommand.self }
}
