import ArgumentParser
import Foundation
import IOIKit

struct ModelPretrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pretrain",
        abstract: "Train a small model of GPT-2's kind that does the task, from nothing.",
        discussion: """
            The embedded model is made by `ioi model pretrain --preset embedded --seed 0`: 4 layers of 8 heads, half a \
            million weights, trained on sentences of the task, on lists and on a few others. For the first 800 of its \
            3,400 steps seven heads are told where to look, as in GPT-2's circuit; so its circuit is partly planted. \
            embedded-unguided leaves that out, and learns the task in some other way.

            While it trains, its state lies in DIR.run; after Ctrl-C the same command goes on from there. The same \
            seed and number of threads give the same bytes.
            """
    )

    @Option(help: ArgumentHelp("The recipe: embedded or embedded-unguided.", valueName: "name"))
    var preset = "embedded"

    @Option(help: "What weights and documents are drawn from.")
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("The model folder to write (default: models/PRESET-SEED).", valueName: "dir"))
    var out: String?

    @OptionGroup var common: RunOptions

    func run() throws {
        let recipe = try PretrainRecipe.named(preset)
        let workers = try common.workers()
        let out = out ?? "models/\(preset)-\(seed)"
        let job = try PretrainJob(recipe, seed: seed, to: URL(fileURLWithPath: out), workers: workers)
        let trainer = job.trainer
        if !common.quiet {
            let hint = recipe.guidance.map { ", \($0.pulls.count) heads guided for \($0.steps)" } ?? ", no head guided"
            print(
                "\(trainer.parameters.count) weights, \(trainer.steps) steps of \(recipe.batch) documents\(hint), "
                    + "seed \(seed), threads \(workers.count)"
            )
            if trainer.step > 0 { print("going on after step \(trainer.step)") }
        }
        Interrupt.listen()
        let progress = ProgressLine("train", total: trainer.steps, done: trainer.step, isQuiet: common.quiet)
        let outcome = try job.train(shouldStop: { Interrupt.isPending }) { metrics in
            progress.show(metrics.step, note: "loss \(decimal(metrics.loss, 4))")
        }
        progress.clear()
        guard outcome == .finished else {
            Terminal.complain(
                "interrupted after step \(trainer.step) of \(trainer.steps), which is saved; "
                    + "the same command goes on from there"
            )
            throw ExitCode(130)
        }
        if !common.quiet {
            print("done: the model is in \(out)")
            print("next: ioi eval --model \(out) --held-out")
        }
    }
}
