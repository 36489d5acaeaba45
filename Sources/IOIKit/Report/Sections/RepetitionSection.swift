extension ReproductionReportBuilder {
    func repetition() -> Section? {
        let training = record.plan.training
        let facts = [
            ["command", record.commandLine], ["stages", record.stages.joined(separator: ", ")],
            ["model", "\(record.model.name), SHA-256 \(record.model.sha256 ?? "unknown")"],
            ["prompts", "\(record.dataset.count), seed \(record.plan.prompts.seed), SHA-256 \(record.dataset.sha256)"],
            [
                "training",
                "\(training.count) prompts of each dataset, recipe \(record.plan.recipe.rawValue), seed \(training.seed)",
            ],
            Self.version(record.environment),
        ]
        let files = record.measurements.map { [$0.model.description, $0.measure.description, $0.file] }
        return Self.repetition(
            facts, files: "<h3>Files</h3>" + HTMLPage.table(["model", "measured", "file"], files)
        )
    }
}

extension RunReportBuilder {
    func repetition() -> Section? {
        let settings = record.settings
        var facts = [
            ["command", record.commandLine], ["model", "\(record.model.name), SHA-256 \(record.model.sha256)"],
            ["training data", "\(settings.examples.noun): \(Self.text(record.dataset))"],
        ]
        if let heldOut = record.heldOut {
            let seed = heldOut.file == nil ? ", seed \(heldOut.seed)" : ""
            facts.append(["held-out prompts", "\(heldOut.count) \(heldOut.dataset)\(seed)"])
        }
        facts += [
            [
                "training", "recipe \(settings.recipe.rawValue): \(settings.text), seed \(settings.seed)",
            ],
            evaluations.first.map { Self.version($0.document.environment) }
                ?? ["version", "ioi \(record.version), \(settings.threads) threads"],
        ]
        return Self.repetition(facts)
    }

    private static func text(_ dataset: DatasetRecord) -> String {
        let seed = dataset.seed.map { ", seed \($0)" } ?? ""
        return "\(dataset.count) \(dataset.name)\(seed), SHA-256 \(dataset.sha256)"
    }
}
