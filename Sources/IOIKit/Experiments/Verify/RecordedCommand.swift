import Foundation

/// A command whose results can be had again from what their file records. One line in ``all`` makes a command one.
struct RecordedCommand: Sendable {
    /// What a command is run again with.
    struct Context {
        let model: ModelLocation
        let donor: ModelLocation?
        /// Whether the results have figures of each prompt.
        let perPrompt: Bool
        let settings: RunSettings
        let progress: (Double) -> Void
    }

    /// What a measurement is made on.
    struct Setting<Prompts> {
        let model: GPT2
        let donor: GPT2?
        let dataset: Prompts
        let context: Context

        var settings: RunSettings { context.settings }
        var perPrompt: Bool { context.perPrompt }
        var progress: (Double) -> Void { context.progress }
        /// Results are whole or not at all.
        var partial: PartialResults { get throws { try PartialResults(besides: nil, deciding: []) } }
    }

    /// What came out.
    struct Outcome {
        let results: JSONValue
        /// The hashes of what it was measured on.
        let model: String?
        let donor: String?
        let dataset: String?
    }

    typealias Run = (Context) throws -> Outcome

    /// Fields of its results that say in words what others say in figures.
    let ignored: Set<String>
    /// Reads the options; what they ask for is done when the result is called.
    let prepare: @Sendable (RecordedResults) throws -> Run

    /// By the names in results files.
    static let all: [String: RecordedCommand] = [
        "eval": measuring(on: { try $0.data(for: $1) }, record: { DatasetRecord($0) }) {
            (options: EvaluationOptions, setting: Setting<TaskDataset>) in
            let dataset = setting.dataset
            return try Evaluator(setting.model.parameters, workers: setting.settings.workers).evaluate(
                dataset, seed: options.prompts.seed, perPrompt: setting.perPrompt
            ) {
                if setting.settings.isInterrupted() { throw PatchInterruption(measures: PatchMeasures(cells: 0)) }
                setting.progress(Double($0) / Double(dataset.count))
            }
        },
        "patch": measuring { (options: PatchOptions, setting) in
            try PatchJob(options).run(
                setting.model, donor: setting.donor, setting.dataset, settings: setting.settings,
                partial: setting.partial, perPrompt: setting.perPrompt, progress: setting.progress
            )
        },
        "knockout": measuring { (options: KnockoutOptions, setting) in
            try KnockoutJob(options, model: setting.model).run(
                setting.model, setting.dataset, settings: setting.settings, partial: setting.partial,
                perPrompt: setting.perPrompt, progress: setting.progress
            )
        },
        "faithfulness": measuring { (options: FaithfulnessOptions, setting) in
            try FaithfulnessJob(options, model: setting.model).run(
                setting.model, setting.dataset, settings: setting.settings, partial: setting.partial,
                perPrompt: setting.perPrompt, progress: setting.progress
            )
        },
        "heads": measuring { (options: HeadsOptions, setting) in
            try HeadsJob(options, model: setting.model, donor: setting.donor).run(
                setting.model, donor: setting.donor, setting.dataset, settings: setting.settings,
                partial: setting.partial, progress: setting.progress
            )
        },
        "circuit validate": measuring { (options: ValidateOptions, setting) in
            try ValidateJob(options, model: setting.model).run(
                setting.model, setting.dataset, settings: setting.settings, partial: setting.partial,
                perPrompt: setting.perPrompt, progress: setting.progress
            )
        },
        "circuit discover": measuring { (options: DiscoverOptions, setting) in
            let job = try DiscoverJob(options, config: setting.model.config)
            return try FoundCircuit {
                try job.run(
                    setting.model, setting.dataset, settings: setting.settings, partial: setting.partial,
                    progress: setting.progress
                )
            }
        },
        "model check": RecordedCommand(ignored: ["found"]) { recorded in
            let options = try recorded.options(ModelCheckOptions.self)
            return { context in
                let check = ModelCheck(
                    name: context.model.name, folder: context.model.folder, expectations: options.expectations
                )
                let results = check.run(workers: context.settings.workers, progress: context.progress)
                return Outcome(
                    results: try JSONValue(results), model: results.sha256, donor: nil,
                    dataset: results.dataset.map { DatasetRecord($0).sha256 }
                )
            }
        },
        "model diff": RecordedCommand(ignored: []) { recorded in
            guard recorded.donor != nil else {
                throw IOIError("\(recorded.path): donor: found nothing, expected the other model")
            }
            return { context in
                let workers = context.settings.workers
                let (model, donor) = (
                    try GPT2(context.model, workers: workers), try GPT2(context.donor!, workers: workers)
                )
                let difference = try ModelDifference(model, donor, workers: workers)
                return Outcome(
                    results: try JSONValue(difference), model: try model.sha256(), donor: try donor.sha256(),
                    dataset: nil
                )
            }
        },
    ]

    /// A command that measures a model on prompts of indirect-object identification.
    private static func measuring<Options: RecordedOptions, Results: Encodable>(
        _ body: @escaping @Sendable (Options, Setting<Dataset>) throws -> Results
    ) -> RecordedCommand {
        measuring(on: { try $0.prompts(for: $1) }, record: { DatasetRecord($0) }, body)
    }

    /// A command that measures a model on the prompts that `prompts` makes for it.
    private static func measuring<Options: RecordedOptions, Prompts, Results: Encodable>(
        on prompts: @escaping @Sendable (PromptSource, GPT2) throws -> Prompts,
        record: @escaping @Sendable (Prompts) -> DatasetRecord,
        _ body: @escaping @Sendable (Options, Setting<Prompts>) throws -> Results
    ) -> RecordedCommand {
        RecordedCommand(ignored: []) { recorded in
            let options = try recorded.options(Options.self)
            try options.check(path: recorded.path)
            return { context in
                let workers = context.settings.workers
                let model = try GPT2(context.model, workers: workers)
                let donor = try context.donor.map { try GPT2($0, workers: workers) }
                let dataset = try prompts(options.prompts, model)
                let results = try body(
                    options, Setting(model: model, donor: donor, dataset: dataset, context: context)
                )
                return Outcome(
                    results: try JSONValue(results), model: try model.sha256(), donor: try donor?.sha256(),
                    dataset: record(dataset).sha256
                )
            }
        }
    }
}
