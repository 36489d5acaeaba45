import ArgumentParser
import Foundation
import IOIKit

/// What a command takes unless its flags say otherwise.
protocol CommandDefaults {
    /// The number of prompts.
    static var promptCount: Int { get }
    /// The datasets that it takes.
    static var datasets: [String] { get }
    /// What knocked-out values are replaced by.
    static var ablation: Ablation.Kind { get }
}

extension CommandDefaults {
    static var promptCount: Int { 200 }
    static var datasets: [String] { PromptSource.ioiDatasets }
    static var ablation: Ablation.Kind { Ablation().kind }
}

/// A dataset that `Command` takes.
struct DatasetName<Command: CommandDefaults>: ExpressibleByArgument {
    let name: String

    init(_ name: String) { self.name = name }

    /// Knows the other tasks' datasets for every command, so that the library can say why a command does not take one.
    init?(argument: String) {
        guard Command.datasets.contains(argument) || ChoiceTask(dataset: argument) != nil else { return nil }
        name = argument
    }

    var defaultValueDescription: String { name }
    static var allValueStrings: [String] { Command.datasets }
    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }

    static var allValueDescriptions: [String: String] {
        [
            "clean": "IOI; the label is IO.",
            "name-moving": "The same prompts, labelled with a third name.",
            "subject-duplication": "The same prompts, labelled with S.",
            "duplication": "A third name at S2, so that no name repeats.",
            "published-clean": "The authors' clean sentences, which Scripts/fetch-paper-data.sh fetches.",
            "published-name-moving": "The authors' sentences for name moving.",
            "published-subject-duplication": "The authors' sentences for subject duplication.",
            "published-duplication": "The authors' sentences for duplication.",
            "agreement": "The number of a verb.",
            "greater-than": "A year later than another.",
            "greater-than-reversed": "The same prompts, labelled with a year that is not later.",
            "pronouns": "The gender of a pronoun.",
            "colours": "The colour of one object of a list.",
        ].filter { Command.datasets.contains($0.key) }
    }
}

/// How prompts are generated.
struct GeneratorOptions<Command: CommandDefaults>: ParsableArguments {
    @Option(help: ArgumentHelp("The dataset.", valueName: "name"))
    var dataset = DatasetName<Command>("clean")

    @Option(
        help: ArgumentHelp(
            "Number of prompts.", discussion: "Of a published dataset at most so many, drawn at random.",
            valueName: "n"
        )
    )
    var count = Command.promptCount

    @Option(help: ArgumentHelp("Seed of everything that is drawn at random.", valueName: "n"))
    var seed: UInt64 = 0

    @Option(
        help: ArgumentHelp(
            "Sentences, places and objects, or another task's nouns and sentences (default: built in).",
            valueName: "f.json"
        ),
        completion: .file(extensions: ["json"])
    )
    var templates: String?

    @Option(
        help: ArgumentHelp("Names, one a line (default: built in).", valueName: "f.txt"),
        completion: .file(extensions: ["txt"])
    )
    var names: String?

    @Flag(help: "Use the pairs of names that are held out from training.")
    var heldOut = false

    @Option(help: ArgumentHelp("How each prompt's counterfactual is made.", valueName: "kind"))
    var abc = Counterfactual.distinct

    @Flag(help: "Begin each prompt with <|endoftext|>.")
    var bos = false

    static var flags: [String] {
        ["--dataset", "--count", "--seed", "--templates", "--names", "--held-out", "--abc", "--bos"]
    }

    /// - Throws: `IOIError` of kind `usage` if a value is out of range or a flag has no effect.
    func source() throws -> PromptSource {
        var source = PromptSource(count: count)
        source.dataset = dataset.name
        source.seed = seed
        source.heldOut = heldOut
        source.beginningOfText = bos
        source.templates = templates.map(absolutePath)
        source.names = names.map(absolutePath)
        source.counterfactual = abc
        if !Command.datasets.contains(source.dataset) { _ = try DatasetRule.named(source.dataset) }
        if source.task != nil, let flag = Given.first(of: ["--names", "--abc"]) {
            throw IOIError.usage("\(flag): does not go with --dataset \(source.dataset), whose prompts name nobody")
        }
        try source.validate()
        return source
    }
}

/// The prompts that a command works on: from a file, or generated.
struct PromptOptions<Command: CommandDefaults>: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Read prompts from a file: what `ioi data` writes, or lines with text, io and s only.", valueName: "f.jsonl"
        ),
        completion: .file(extensions: ["jsonl", "json", "csv"])
    )
    var data: String?

    @OptionGroup var generator: GeneratorOptions<Command>

    static var flags: [String] { ["--data"] + GeneratorOptions<Command>.flags }

    /// - Throws: `IOIError` of kind `usage` if a value is out of range or a flag has no effect.
    func source() throws -> PromptSource {
        var source = try generator.source()
        guard let data else { return source }
        // The other flags fill in what a user's own prompts lack.
        if let flag = Given.first(of: ["--dataset", "--count", "--templates", "--held-out"]) {
            throw IOIError.usage("\(flag): does not go with --data, whose prompts are already made")
        }
        source.file = absolutePath(data)
        return source
    }
}

/// A path that is independent of the working directory.
func absolutePath(_ path: String) -> String { URL(fileURLWithPath: path).path }
