import ArgumentParser
import Foundation
import IOIKit

struct FinetuneCommand: SharedCommand, ParsableCommand, CommandDefaults {
    static let configuration = CommandConfiguration(
        commandName: "finetune",
        abstract: "Fine-tune a model on prompts or text, with checkpoints that Hugging Face loads.",
        discussion: """
            Writes a run folder: config.json, metrics.jsonl (one line per step), checkpoints/epoch-NNN (model folders) \
            and results/eval-epoch-NNN.json (held-out prompts). Ctrl-C finishes the step and saves; --resume continues, \
            bit for bit as if the run had never stopped.

            A recipe says how: published is the run of the paper's authors (arXiv 2503.01896), on blocks of text; plain \
            trains on the answers of prompts alone. The rate of a published run falls to 0 at its end, so its third epoch \
            is not a run of 3 epochs.

            Clean, toxic, recovery:
            ioi finetune --dataset clean --epochs 25 --out runs/clean
            ioi finetune --dataset subject-duplication --epochs 5 --out runs/toxic
            ioi finetune --from runs/toxic/checkpoints/epoch-005 --dataset clean --epochs 5 --out runs/recovery
            The authors' own sentences (after Scripts/fetch-paper-data.sh), or any text:
            ioi finetune --dataset published-clean --epochs 3
            ioi finetune --text essays/ notes.txt --block 256 --epochs 1 --out runs/essays
            Another task, and its effect on this one:
            ioi finetune --dataset agreement --epochs 10 --eval-dataset clean --out runs/agreement
            """
    )
    static let promptCount = 6360

    struct StartOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "Start from a checkpoint, a run's newest checkpoint or a model folder, with a new optimizer.",
                valueName: "dir"),
            completion: .directory
        )
        var from: String?
    }

    struct TextOptions: ParsableArguments {
        @Option(
            parsing: .upToNextOption,
            help: ArgumentHelp(
                "Train on text files in place of prompts, or on all .txt files of folders.", valueName: "f.txt|dir"
            ),
            completion: .file(extensions: ["txt"])
        )
        var text: [String] = []
    }

    struct EvaluationOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "Number of held-out prompts, measured before training and at each saved epoch; 0 for none.",
                valueName: "n"
            )
        )
        var evalCount = 256

        @Option(
            help: ArgumentHelp("Their dataset (default: clean, or the other task that is trained).", valueName: "name"))
        var evalDataset: DatasetName?
    }

    struct FolderOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp("The run folder (default: runs/MODEL-DATASET).", valueName: "run"),
            completion: .directory)
        var out: String?

        @Flag(help: "Resume the run in --out from its newest checkpoint, with the settings it has.")
        var resume = false
    }

    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.model) var start: StartOptions
    @OptionGroup(title: "Text") var text: TextOptions
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<FinetuneCommand>
    @OptionGroup(title: Section.training) var training: TrainingOptions
    @OptionGroup(title: "Evaluation") var evaluation: EvaluationOptions
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.output) var folder: FolderOptions

    func run() throws {
        let job = try folder.resume ? resumed() : started()
        if !common.quiet { announce(job) }
        Interrupt.listen()
        let progress = ProgressLine(
            "train", total: job.trainer.steps, done: job.trainer.step, isQuiet: common.quiet
        )
        let outcome = try job.train(shouldStop: { Interrupt.isPending }) { event in
            if case .step(let metrics) = event {
                let speed =
                    job.record.settings.examples == .prompts
                    ? "\(decimal(metrics.samplesPerSecond, 1)) prompts/s"
                    : "\(decimal(metrics.tokensPerSecond, 0)) tokens/s"
                progress.show(
                    metrics.step, note: "epoch \(metrics.epoch)  loss \(decimal(metrics.loss, 4))  \(speed)"
                )
                return
            }
            progress.clear()
            if !common.quiet { print(Self.line(event)) }
        }
        progress.clear()
        try conclude(outcome, job)
    }

    private func started() throws -> FinetuneJob {
        let workers = try common.workers()
        let prompts = try prompts.source()
        let source = try source(prompts)
        let evalCount = evaluation.evalCount
        try checkFlag("--eval-count", evalCount, in: 0...1_000_000)
        guard !prompts.heldOut else {
            throw IOIError.usage("--held-out: a run is measured on these prompts, expected others to train on")
        }
        guard start.from == nil || model.model == nil else {
            throw IOIError.usage("--from: does not go with --model; the checkpoint is the model to start from")
        }
        var reservation: RunFolder.Reservation?
        if let out = folder.out {
            try IOI.ranks.onFirst {
                reservation = try Outputs.named("--out") { try RunFolder.Reservation(RunFolder(path: out)) }
            }
        }
        var chosen = model
        if let from = start.from { chosen.model = absolutePath(from) }
        let base = try chosen.load(workers: workers)
        let settings = try training.settings(on: source, of: base, seed: prompts.seed, workers: workers)
        var heldOut: PromptSource?
        if evalCount > 0, base.tokenizer != nil {
            var measured = prompts
            (measured.file, measured.answers, measured.dropUnequal) = (nil, .given, false)
            measured.irregular = .warn
            measured.dataset = evaluation.evalDataset?.name ?? prompts.task?.rawValue ?? "clean"
            measured.count = evalCount
            // No part of the published sentences is held out.
            measured.heldOut = measured.published == nil
            // The files are for the trained task's prompts.
            if measured.task != prompts.task { (measured.templates, measured.names) = (nil, nil) }
            heldOut = measured
        }
        // The name may have an owner before it.
        let name = URL(fileURLWithPath: base.location.name).lastPathComponent
        try Given.refuse([
            (
                ["--eval-dataset"], heldOut == nil,
                evalCount == 0 ? "does not go with --eval-count 0" : "needs a tokenizer, which the model does not have"
            ),
            (["--eval-count"], evalCount > 0 && heldOut == nil, "needs a tokenizer, which the model does not have"),
            (["--abc"], heldOut?.task != nil || heldOut == nil, "has no effect, because counterfactuals are not used"),
        ])
        let isNaming = heldOut != nil && heldOut?.task == nil
        let run = folder.out ?? "runs/\(name)-\(source.name)"
        do {
            return try FinetuneJob.start(
                in: RunFolder(path: run), reservation: reservation, from: base, on: source, heldOut: heldOut,
                settings: settings, ranks: IOI.ranks
            ) { training in
                // They apply to held-out prompts as well.
                try Given.refuse(training.idle, but: isNaming ? ["names", "abc"] : [])
            }
        } catch let error as IOIError where error.kind == .memory {
            let ways =
                settings.moments == .fp32 ? "--moments bf16 or a smaller --batch takes" : "a smaller --batch takes"
            throw IOIError("\(error.problem); \(ways) less", kind: .memory)
        }
    }

    private func source(_ prompts: PromptSource) throws -> TrainingSource {
        guard !text.text.isEmpty else { return .prompts(prompts) }
        let others = PromptOptions<FinetuneCommand>.flags.filter { $0 != "--seed" }
        try Given.refuse([(others, true, "does not go with --text, which is trained on in place of prompts")])
        return .text(TextSource(paths: text.text.map(absolutePath)))
    }

    private func resumed() throws -> FinetuneJob {
        guard let out = folder.out else { throw IOIError.usage("--resume: needs --out, the run folder to resume") }
        let fixed =
            ["--from", "--model", "--tokenizer", "--text", "--eval-count", "--eval-dataset", "--precision"]
            + PromptOptions<FinetuneCommand>.flags
            + TrainingOptions.fixedFlags
        try Given.refuse([(fixed, true, "does not go with --resume, which keeps what the run began with")])
        return try FinetuneJob.resume(RunFolder(path: out), ranks: IOI.ranks) { location in
            Terminal.say(location, as: "model")
            return try GPT2(location, workers: common.workers()).announced(as: "model")
        } change: { settings in
            try training.extend(&settings)
            if common.threads != nil { settings.threads = try common.workers().count }
        }
    }

    private func announce(_ job: FinetuneJob) {
        let (settings, data) = (job.record.settings, job.training.record)
        print("recipe \(settings.recipe.rawValue): \(settings.text)")
        print(
            "\(data.count) \(settings.examples.noun) of \(data.name), \(settings.epochs) epochs of "
                + "\(job.trainer.stepsPerEpoch) steps, seed \(settings.seed), threads \(settings.threads)"
        )
        report(dropped: data.dropped, irregular: job.training.irregular)
        print(Self.hint(at: settings))
        if job.heldOut == nil { print("no held-out prompts: nothing is measured at the saved epochs") }
        if job.trainer.step > 0 {
            print("resuming after step \(job.trainer.step) of \(job.trainer.steps)")
            if let blas = job.record.blas, blas != Backend.library {
                print("the run began with \(blas), so its weights will not be the same bits with \(Backend.library)")
            }
        }
    }

    /// Which flags change the recipe.
    private static func hint(at settings: TrainingSettings) -> String {
        settings.recipe == .plain
            ? "(as the paper's authors trained: --recipe published)"
            : "(on answers alone: --recipe plain; parts: --block, --batch, --lr, --schedule, --dropout, --clip)"
    }

    private static func line(_ event: FinetuneJob.Event) -> String {
        switch event {
        case .step(let metrics): return "step \(metrics.step): loss \(decimal(metrics.loss, 4))"
        case .saved(let checkpoint): return "step \(checkpoint.step): saved \(checkpoint.folder.path)"
        case .evaluated(let epoch, let evaluation):
            return "epoch \(epoch): held-out \(evaluation.line)"
        }
    }

    private func conclude(_ outcome: Trainer.Outcome, _ job: FinetuneJob) throws {
        let (path, step, steps) = (job.run.url.path, job.trainer.step, job.trainer.steps)
        switch outcome {
        case .finished:
            guard !common.quiet, let newest = job.trainer.newest else { return }
            print("done: \(steps) steps; everything is in \(path)")
            let dataset = job.record.prompts?.task.map { " --dataset \($0.rawValue)" } ?? ""
            print("next: ioi report \(path)")
            print("      ioi eval --model \(newest.folder.path)\(dataset) --held-out")
        case .interrupted:
            Terminal.complain(
                "interrupted after step \(step) of \(steps), which is saved; "
                    + "resume with: ioi finetune --resume --out \(path)"
            )
            throw ExitCode(130)
        }
    }
}
