extension ReproductionReportBuilder {
    func repetition() -> Section? {
        let training = record.plan.training
        let facts =
            [
                ["command", record.commandLine], ["stages", record.stages.joined(separator: ", ")],
                ["model", "\(record.model.name), SHA-256 \(record.model.sha256 ?? "unknown")"],
                [
                    "prompts",
                    "\(record.dataset.count), seed \(record.plan.prompts.seed), SHA-256 \(record.dataset.sha256)",
                ],
                [
                    "training",
                    "\(training.count) prompts of each dataset, recipe \(record.plan.recipe.rawValue), seed \(training.seed)",
                ],
                Self.version(record.environment),
            ] + (date.map { [["date", $0]] } ?? [])
        let files = record.measurements.map { ($0.model, [$0.measure.description, $0.file]) }
        return Self.repetition(
            facts + [["how to cite", citation]],
            files: HTMLPage.folded(
                "The \(files.count) results files",
                modelTable("Results files, in the run folder", ["model", "measured", "file"], files))
        )
    }
}

extension ReproductionReportBuilder {
    /// What a paper that uses the figures should name.
    private var citation: String {
        let weights = record.model.sha256.map { " (SHA-256 \($0.prefix(12))…)" } ?? ""
        return "ioi \(record.environment.version), plan \(record.plan.name), model \(record.model.name)\(weights), "
            + "seed \(record.plan.prompts.seed)\(date.map { ", \($0)" } ?? ""). The experiments are those of Chhabra et al., "
            + "Neuroplasticity and Corruption in Model Mechanisms, arXiv 2503.01896."
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
