import ArgumentParser
import Foundation
import IOIKit

struct ModelPretrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pretrain",
        abstract: "Pretrain a small GPT-2 that does the task, from scratch.",
        discussion: """
            `ioi model pretrain --preset embedded --seed 0` makes the embedded model: 4 layers of 8 heads, half a million \
            weights, trained on sentences of the task, on lists and on a few others. For the first 800 of its 3,400 steps \
            seven heads are guided to attend as in GPT-2's circuit, so its circuit is partly planted. embedded-unguided \
            leaves that out and learns the task differently.

            During training its state is in DIR.run; after Ctrl-C the same command resumes from it. Equal seeds and equal \
            numbers of threads give identical results.
            """
    )

    enum Preset: String, CaseIterable, ExpressibleByArgument {
        case embedded
        case unguided = "embedded-unguided"

        var recipe: PretrainRecipe {
            switch self {
            case .embedded: .embedded
            case .unguided: .embeddedUnguided
            }
        }
    }

    struct TrainingOptions: ParsableArguments {
        @Option(help: ArgumentHelp("The recipe.", valueName: "name"))
        var preset = Preset.embedded

        @Option(help: "Seed of weights and documents.")
        var seed: UInt64 = 0
    }

    struct FolderOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp("The model folder to write (default: models/PRESET-SEED).", valueName: "dir"),
            completion: .directory
        )
        var out: String?
    }

    @OptionGroup(title: Section.training) var training: TrainingOptions
    @OptionGroup(title: Section.execution) var common: RunOptions
    @OptionGroup(title: Section.output) var folder: FolderOptions

    func run() throws {
        let (recipe, seed) = (training.preset.recipe, training.seed)
        let workers = try common.workers()
        let out = folder.out ?? "models/\(recipe.name)-\(seed)"
        let url = try Outputs.named("--out") { try OutputFolder.new(out) }
        let job = try PretrainJob(recipe, seed: seed, to: url, workers: workers)
        let trainer = job.trainer
        if !common.quiet {
            let hint = recipe.guidance.map { ", \($0.pulls.count) heads guided for \($0.steps)" } ?? ", no head guided"
            print(
                "\(trainer.parameters.count) weights, \(trainer.steps) steps of \(recipe.batch) documents\(hint), "
                    + "seed \(seed), threads \(workers.count)"
            )
            if trainer.step > 0 { print("resuming after step \(trainer.step)") }
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
                    + "the same command resumes from there"
            )
            throw ExitCode(130)
        }
        if !common.quiet {
            print("done: the model is in \(out)")
            print("next: ioi eval --model \(out) --held-out")
        }
    }
}
