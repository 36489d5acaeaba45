import ArgumentParser
import Foundation
import IOIKit

/// How prompts are made.
struct GeneratorOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "clean, name-moving, subject-duplication or duplication (default: clean).",
            discussion: """
                clean: the label is IO. name-moving: the same prompts, labelled with a third name. \
                subject-duplication: labelled with S. duplication: S is not repeated, a third name stands there. \
                data, eval and finetune also take two other tasks: agreement (the number of a verb) and greater-than \
                (a year later than another).
                """,
            valueName: "name"
        )
    )
    var dataset: String?

    @Option(
        help: ArgumentHelp("How many prompts (default: 6360; eval 1000; patch, knockout, circuit 200).", valueName: "n")
    )
    var count: Int?

    @Option(
        help: ArgumentHelp(
            "What the prompts, the order of training and intervals are drawn from (default: 0).", valueName: "n"))
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            "Sentences, places and objects, or another task's nouns and sentences (default: the program's own).",
            valueName: "f.json"
        )
    )
    var templates: String?

    @Option(help: ArgumentHelp("Names, one a line (default: the program's own).", valueName: "f.txt"))
    var names: String?

    @Flag(help: "Prompts with the pairs of names that training never uses.")
    var heldOut = false

    @Option(
        help: ArgumentHelp(
            "Each prompt's counterfactual partner (default: distinct).",
            discussion: """
                distinct: three different random names. wang: as in the original code, names may collide. Also \
                s2-to-io, swap-first-clause and random-names.
                """,
            valueName: "kind"
        )
    )
    var abc: String?

    @Flag(help: "Begin each prompt with <|endoftext|>.")
    var bos = false

    /// The flags that were given, for telling a user what does not go together.
    var given: [String] {
        [
            ("--dataset", dataset != nil), ("--count", count != nil), ("--seed", seed != nil),
            ("--templates", templates != nil), ("--names", names != nil), ("--held-out", heldOut),
            ("--abc", abc != nil), ("--bos", bos),
        ].filter(\.1).map(\.0)
    }

    /// - Parameters:
    ///   - defaultCount: how many prompts without `--count`.
    ///   - takesTasks: whether the command takes tasks other than indirect-object identification.
    /// - Throws: `IOIError` of kind `usage` for a value that cannot be.
    func source(defaultCount: Int, takesTasks: Bool = false) throws -> PromptSource {
        var source = PromptSource(count: count ?? defaultCount)
        try checkFlag("--count", source.count, in: 1...10_000_000)
        source.dataset = try datasetName("--dataset", dataset ?? source.dataset, takesTasks: takesTasks)
        source.seed = seed ?? source.seed
        source.heldOut = heldOut
        source.beginningOfText = bos
        source.templates = templates.map(absolutePath)
        source.names = names.map(absolutePath)
        if let abc {
            guard let kind = Counterfactual(rawValue: abc) else {
                let kinds = Counterfactual.allCases.map(\.rawValue).joined(separator: ", ")
                throw IOIError.usage("--abc: found \"\(abc)\", expected one of \(kinds)")
            }
            source.counterfactual = kind
        }
        if source.task != nil, let flag = given.first(where: { ["--names", "--abc"].contains($0) }) {
            throw IOIError.usage("\(flag): does not go with --dataset \(source.dataset), whose prompts name nobody")
        }
        return source
    }
}

/// - Throws: `IOIError` of kind `usage` where no dataset that the command takes has this name.
func datasetName(_ flag: String, _ name: String, takesTasks: Bool) throws -> String {
    guard takesTasks else { return try DatasetRule.named(name).name }
    guard PromptSource.datasets.contains(name) else {
        let names = PromptSource.datasets.joined(separator: ", ")
        throw IOIError.usage("\(flag): found \"\(name)\", expected one of \(names)")
    }
    return name
}

/// The prompts that a command works on: read from a file, or made on the spot.
struct PromptOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Prompts from a file, as `ioi data` writes it or with text, io and s only.", valueName: "f.jsonl"
        )
    )
    var data: String?

    @OptionGroup var generator: GeneratorOptions

    /// The flags that were given.
    var given: [String] { (data == nil ? [] : ["--data"]) + generator.given }

    func source(defaultCount: Int, takesTasks: Bool = false) throws -> PromptSource {
        var source = try generator.source(defaultCount: defaultCount, takesTasks: takesTasks)
        guard let data else { return source }
        // Names and counterfactuals are of use where a user's own prompts lack theirs.
        let useless = generator.given.filter { !["--names", "--abc", "--bos", "--seed"].contains($0) }
        guard useless.isEmpty else {
            throw IOIError.usage("\(useless[0]): does not go with --data, whose prompts are already made")
        }
        source.file = absolutePath(data)
        return source
    }
}

/// A path that means the same from any working directory.
func absolutePath(_ path: String) -> String { URL(fileURLWithPath: path).path }
