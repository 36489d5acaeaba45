import ArgumentParser
import Foundation
import IOIKit

struct ModelDiffCommand: ExperimentCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "What is different about two models of one shape.",
        discussion: """
            How far B's weights lie from A's: for each tensor, for each part of each block (the heads' inputs q, k, v and \
            their output o, the MLP's two layers, LayerNorm), and for all. ‖ΔW‖ is the Euclidean length of B − A, of all \
            numbers as one vector, ‖W_A‖ that of A. Weights and biases are taken together in a part. Says also whether \
            config and tokenizer are the same. Different models are no failure: the exit code is 0.

            ioi model diff embedded runs/clean/checkpoints/epoch-003
            ioi model diff gpt2 runs/toxic/checkpoints/epoch-005 --format csv
            """
    )

    @Argument(help: ArgumentHelp("The model to compare with: a name or a folder, as of --model.", valueName: "a"))
    var a: String

    @Argument(help: ArgumentHelp("The other model, such as a checkpoint of A's fine-tuning.", valueName: "b"))
    var b: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var common: RunOptions

    func experiment() -> ModelDiffExperiment { ModelDiffExperiment() }

    func models(workers: Workers) throws -> (model: GPT2, donor: GPT2?) {
        (
            try ModelOptions.load(a, as: "model", workers: workers),
            try ModelOptions.load(donor: b, workers: workers)
        )
    }

    func view(_ results: ModelDifference, of experiment: ModelDiffExperiment, on subject: Subject) -> ResultsView {
        ResultsView(
            text: { results.text(a: a, b: b) }, csv: { results.csv },
            next: "ioi heads --model \(a.shellWord) --donor \(b.shellWord)"
        )
    }
}
