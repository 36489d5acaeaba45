import ArgumentParser
import Foundation
import IOIKit

struct ModelDiffCommand: ChartCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Compare the weights of two models of the same shape.",
        discussion: """
            How far B's weights are from A's: for each tensor, for each part of each block (the heads' inputs q, k, v and \
            their output o, the MLP's two layers, LayerNorm), and for the whole model. ‖ΔW‖ is the Euclidean norm of \
            B − A as one vector, ‖W_A‖ that of A; a part's weights and biases are taken together. Config and tokenizer \
            are compared too. Models that differ are no failure: the exit code is 0.

            ioi model diff
            ioi model diff embedded runs/clean/checkpoints/epoch-003
            ioi model diff gpt2 runs/toxic/checkpoints/epoch-005 --format csv
            """
    )

    @Argument(
        help: ArgumentHelp("The first model: a name or a folder, with --model's default.", valueName: "a"),
        completion: .models)
    var a: String?

    @Argument(
        help: ArgumentHelp(
            "The second model (default: the newest checkpoint below runs that was trained from A).", valueName: "b"),
        completion: .models)
    var b: String?

    @OptionGroup(title: Section.execution) var common: ThreadOptions
    @OptionGroup(title: Section.output) var drawing: ChartOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    func experiment() -> ModelDiffExperiment { ModelDiffExperiment() }

    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?) {
        let model = try ModelOptions.load(a, as: "model", workers: workers)
        return (model, try ModelOptions.load(donor: b, as: "b", trainedFrom: model, workers: workers))
    }

    func chart(_ results: ModelDifference, of experiment: ModelDiffExperiment, on subject: Subject) -> any Chart {
        results.chart(from: subject.model.location.name, to: subject.donor?.location.name ?? "")
    }

    func view(_ results: ModelDifference, of experiment: ModelDiffExperiment, on subject: Subject) -> ResultsView {
        let a = a ?? subject.model.location.given
        let b = b ?? subject.donor?.location.given ?? ""
        return ResultsView(
            text: { results.printout(a: a, b: b) }, csv: { results.csv },
            next: "ioi heads --model \(a.shellWord) --donor \(b.shellWord)"
        )
    }
}

extension ModelDiffExperiment: ExperimentWithCommand {
    static var command: any ParsableCommand.Type { ModelDiffCommand.self }
}
