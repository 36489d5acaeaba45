import Foundation

// The command lines that pages print, for people who use the program.

extension RunFolder {
    /// The command that resumes the run.
    var resumeCommandLine: String { "ioi finetune --resume --out \(url.path.shellWord)" }
}

extension ReproductionRecord {
    /// The command that runs the plan in another folder.
    var commandLine: String {
        "ioi reproduce --plan \(plan.name) --model \(plan.model)"
            + (model.tokenizer.map { " --tokenizer \($0.shellWord)" } ?? "")
            + (plan.training.recipe.map { " --recipe \($0.rawValue)" } ?? "")
    }
}

extension RunRecord {
    /// The command that repeats the run in another folder: the main flags, and any other that is not at its default.
    var commandLine: String {
        var words = ["ioi", "finetune"]
        let ordinary = settings.recipe.settings(epochs: settings.epochs, seed: 0, threads: 1, savedEpochs: [])
        func add(_ flag: String, _ value: String?) {
            if let value { words += [flag, value.shellWord] }
        }
        func add(_ flag: String, _ isSet: Bool) {
            if isSet { words.append(flag) }
        }
        let known = ModelRecord(name: model.name, folder: URL(fileURLWithPath: model.folder), sha256: nil)
        add("--model", known.folder ?? known.name)
        add("--tokenizer", model.tokenizer)
        if let text {
            words += ["--text"] + text.paths.map(\.shellWord)
        } else if let file = prompts?.file {
            add("--data", file)
            add("--answers", prompts?.answers == .given ? nil : prompts?.answers.rawValue)
            add("--drop-unequal", prompts?.dropUnequal == true)
            add("--irregular", prompts?.irregular == .warn ? "warn" : nil)
        } else {
            add("--dataset", prompts?.dataset)
            add("--count", prompts.map { "\($0.count)" })
        }
        add("--seed", "\(settings.seed)")
        add("--templates", prompts?.templates)
        add("--names", prompts?.names)
        add("--abc", prompts?.counterfactual == .distinct ? nil : prompts?.counterfactual.rawValue)
        add("--bos", prompts?.beginningOfText == true)

        let optimizer = settings.optimizer
        add("--recipe", settings.recipe.rawValue)
        add("--block", settings.examples.length.map(String.init))
        add("--epochs", "\(settings.epochs)")
        // The last epoch is always kept.
        let kept = settings.savedEpochs.isEmpty ? [settings.epochs] : settings.savedEpochs
        add("--save-at", kept.map(String.init).joined(separator: ","))
        add("--batch", "\(settings.batch)")
        add("--lr", "\(optimizer.learningRate)")
        add("--weight-decay", "\(optimizer.weightDecay)")
        add(
            "--schedule", settings.schedule.course == ordinary.schedule.course ? nil : settings.schedule.course.rawValue
        )
        add("--warm-up", settings.schedule.warmUp == 0 ? nil : "\(settings.schedule.warmUp)")
        add("--clip", optimizer.clip.map { "\($0)" })
        add("--dropout", settings.dropout == ordinary.dropout ? nil : "\(settings.dropout)")
        add("--loss", settings.examples == .prompts && settings.loss == .all ? settings.loss.rawValue : nil)
        add("--order", settings.isShuffled ? nil : "file")
        add("--max-steps", settings.stepLimit.map(String.init))
        add("--checkpoint-every", settings.checkpointInterval.map(String.init))
        add("--keep-optimizer", settings.keepsOptimizer)
        add("--eval-count", "\(heldOut?.count ?? 0)")
        add("--eval-dataset", heldOut?.dataset == (prompts?.task?.rawValue ?? "clean") ? nil : heldOut?.dataset)
        add("--threads", "\(settings.threads)")
        return words.joined(separator: " ")
    }
}
