import ArgumentParser
import Foundation
import IOIKit

/// What a command takes unless its flags say otherwise.
protocol CommandDefaults {
    /// The number of prompts.
    static var promptCount: Int { get }
    /// What knocked-out values are replaced by.
    static var ablation: Ablation.Kind { get }
}

extension CommandDefaults {
    static var promptCount: Int { 200 }
    static var ablation: Ablation.Kind { Ablation().kind }
}

/// A dataset that can be generated, or that was published.
struct DatasetName: ExpressibleByArgument {
    let name: String

    init(_ name: String) { self.name = name }

    init?(argument: String) {
        guard Self.allValueStrings.contains(argument) else { return nil }
        name = argument
    }

    var defaultValueDescription: String { name }
    static var allValueStrings: [String] { PromptSource.datasets }
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
        ]
    }
}

/// How prompts are generated.
struct GeneratorOptions<Command: CommandDefaults>: ParsableArguments {
    @Option(help: ArgumentHelp("The dataset.", valueName: "name"))
    var dataset = DatasetName("clean")

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
        try Given.refuse([
            (
                ["--names", "--abc"], source.task != nil,
                "does not go with --dataset \(source.dataset), whose prompts name nobody"
            )
        ])
        try source.validate()
        return source
    }
}

/// The prompts that a command works on: from a file, or generated.
struct PromptOptions<Command: CommandDefaults>: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Read prompts from a file, or - for standard input.",
            discussion: """
                Its contents tell its form: JSON lines or an array of prompts, of any task with text, counterfactual, \
                right, wrong and positions, or of IOI with text, io and s; EAP-IG's tables with clean, corrupted and \
                correct_idx, incorrect_idx (ids), correct, incorrect (words) or label (years); AutoCircuit's JSON.
                """,
            valueName: "file"
        ),
        completion: .file(extensions: ["jsonl", "json", "csv"])
    )
    var data: String?

    @Option(
        help: ArgumentHelp(
            "Take the answers that the file gives, or find IO and S in each sentence (IOI).", valueName: "from"
        )
    )
    var answers = PromptSource.Answers.given

    @Flag(help: "Leave out prompts whose counterfactual has another number of tokens.")
    var dropUnequal = false

    @Option(
        help: ArgumentHelp(
            "Refuse, or warn of, prompts that end in their answer, begin with <|endoftext|>, or name IO or S too often.",
            valueName: "how"
        )
    )
    var irregular = IrregularPrompts.refuse

    @OptionGroup var generator: GeneratorOptions<Command>

    /// The flags for a command to try next on the same prompts, unless they are of the dataset that is the default.
    var flag: String {
        if let data {
            return " --data \(data.shellWord)" + (answers == .given ? "" : " --answers \(answers.rawValue)")
                + (irregular == .refuse ? "" : " --irregular \(irregular.rawValue)")
        }
        return generator.dataset.name == "clean" ? "" : " --dataset \(generator.dataset.name)"
    }

    static var flags: [String] {
        ["--data", "--answers", "--drop-unequal", "--irregular"] + GeneratorOptions<Command>.flags
    }

    /// - Throws: `IOIError` of kind `usage` if a value is out of range or a flag has no effect.
    func source() throws -> PromptSource {
        var source = try generator.source()
        try Given.refuse([
            (
                ["--answers", "--drop-unequal", "--irregular"], data == nil,
                "does not go with generated prompts, expected --data"
            ),
            // The other flags fill in what a user's own prompts lack.
            (
                ["--dataset", "--count", "--templates", "--held-out"], data != nil,
                "does not go with --data, whose prompts are already made"
            ),
        ])
        guard let data else { return source }
        source.file = data == "-" ? data : absolutePath(data)
        (source.answers, source.dropUnequal, source.irregular) = (answers, dropUnequal, irregular)
        return source
    }
}

extension PromptSource.Answers: ExpressibleByArgument {}
extension IrregularPrompts: ExpressibleByArgument {}

/// Says on standard error how many prompts of a file were left out, if that was asked for, and which are irregular.
func report(dropped: Int?, irregular: [String]) {
    if let count = dropped {
        let prompts = count == 1 ? "1 prompt" : "\(count) prompts"
        Terminal.say("left out \(prompts) whose counterfactual has another number of tokens")
    }
    for doubt in irregular.prefix(3) { Terminal.say("irregular: \(doubt)") }
    if irregular.count > 3 { Terminal.say("irregular: \(irregular.count - 3) more prompts") }
}

/// A path that is independent of the working directory.
func absolutePath(_ path: String) -> String { URL(fileURLWithPath: path).path }
