import ArgumentParser
import Foundation
import IOIKit

struct FinetuneCommand: ParsableCommand, CommandDefaults {
    static let configuration = CommandConfiguration(
        commandName: "finetune",
        abstract: "Fine-tune a model on prompts, with checkpoints that Hugging Face loads.",
        discussion: """
            Writes a run folder: config.json, metrics.jsonl (one line per step), checkpoints/epoch-NNN (model folders) \
            and results/eval-epoch-NNN.json (held-out prompts). Ctrl-C finishes the step and saves; --resume continues, \
            bit for bit as if the run had never stopped.

            Clean, toxic, recovery:
            ioi finetune --dataset clean --epochs 25 --out runs/clean
            ioi finetune --dataset subject-duplication --epochs 5 --out runs/toxic
            ioi finetune --from runs/toxic/checkpoints/epoch-005 --dataset clean --epochs 5 --out runs/recovery
            Another task, and its effect on this one:
            ioi finetune --dataset agreement --epochs 10 --eval-dataset clean --out runs/agreement
            """
    )
    static let promptCount = 6360
    static let datasets = PromptSource.datasets

    struct StartOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp("Start from a checkpoint or model folder, with a new optimizer.", valueName: "dir"),
            completion: .directory
        )
        var from: String?
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
        var evalDataset: DatasetName<FinetuneCommand>?
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
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<FinetuneCommand>
    @OptionGroup(title: Section.training) var training: TrainingOptions
    @OptionGroup(title: "Evaluation") var evaluation: EvaluationOptions
    @OptionGroup(title: Section.execution) var common: RunOptions
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
                let speed = "\(decimal(metrics.samplesPerSecond, 1)) prompts/s"
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
        let source = try prompts.source()
        let settings = try training.settings(seed: source.seed, threads: workers.count)
        let evalCount = evaluation.evalCount
        try checkFlag("--eval-count", evalCount, in: 0...1_000_000)
        guard !source.heldOut else {
            throw IOIError.usage("--held-out: a run is measured on these prompts, expected others to train on")
        }
        guard start.from == nil || model.model == nil else {
            throw IOIError.usage("--from: does not go with --model; the checkpoint is the model to start from")
        }
        var chosen = model
        if let from = start.from { chosen.model = absolutePath(from) }
        let base = try chosen.load(workers: workers)
        var heldOut: PromptSource?
        if evalCount > 0, base.tokenizer != nil {
            var measured = source
            measured.file = nil
            measured.dataset = evaluation.evalDataset?.name ?? source.task?.rawValue ?? "clean"
            measured.count = evalCount
            measured.heldOut = true
            // The files are for the trained task's prompts.
            if measured.task != source.task { (measured.templates, measured.names) = (nil, nil) }
            heldOut = measured
        }
        let name = source.file.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent }
        let run = folder.out ?? "runs/\(base.location.name)-\(name ?? source.dataset)"
        return try FinetuneJob.start(
            in: RunFolder(URL(fileURLWithPath: run)), from: base, prompts: source, heldOut: heldOut,
            settings: settings
        )
    }

    private func resumed() throws -> FinetuneJob {
        guard let out = folder.out else { throw IOIError.usage("--resume: needs --out, the run folder to resume") }
        let fixed =
            ["--from", "--model", "--eval-count", "--eval-dataset"] + PromptOptions<FinetuneCommand>.flags
            + TrainingOptions.fixedFlags
        if let flag = Given.first(of: fixed) {
            throw IOIError.usage("\(flag): does not go with --resume, which keeps what the run began with")
        }
        return try FinetuneJob.resume(RunFolder(URL(fileURLWithPath: out))) { location in
            Terminal.say(location, as: "model")
            return try GPT2(location, workers: common.workers())
        } change: { settings in
            try training.extend(&settings)
            if common.threads != nil { settings.threads = try common.workers().count }
        }
    }

    private func announce(_ job: FinetuneJob) {
        let settings = job.record.settings
        print(
            "\(job.training.count) \(job.training.name) prompts, \(settings.epochs) epochs of "
                + "\(job.trainer.stepsPerEpoch) steps, batch \(settings.batch), "
                + "lr \(settings.optimizer.learningRate)\(settings.schedule.course == .linear ? " falling to 0" : ""), "
                + "loss over the \(settings.loss == .answer ? "answer" : "whole sequence"), "
                + "seed \(settings.seed), threads \(settings.threads)"
        )
        if job.heldOut == nil { print("no held-out prompts: nothing is measured at the saved epochs") }
        if job.trainer.step > 0 {
            print("resuming after step \(job.trainer.step) of \(job.trainer.steps)")
        }
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
            let dataset = job.record.prompts.task.map { " --dataset \($0.rawValue)" } ?? ""
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
