import ArgumentParser
import Foundation
import IOIKit

struct DataCommand: ParsableCommand, CommandDefaults {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Write prompts: generated, made of sentences, or from a file in another form.",
        discussion: """
            Prompts are generated with the tokenizer of --model, whose weights are not read. Prompt 17 of a seed is about \
            the same people in all four IOI datasets, whatever --count is.

            Sentences that end in their answer become prompts without a list of names: two names first, joined by \
            "and" or the first two capitalised words inside the sentence, then one of them again or a third one, and \
            the answer as the last word. Each line shows by itself which of the four datasets it is of.

            The extension of --out decides the form: .jsonl holds all that is known of the prompts, one JSON object a \
            line; .json is AutoCircuit's form, with positions if all prompts share them; .csv has EAP-IG's columns: clean, \
            corrupted and correct_idx, incorrect_idx, or label for years, or correct, incorrect with | between several words.

            ioi data --dataset clean --count 6360 --seed 0 --out clean.jsonl
            ioi data --dataset agreement --held-out --count 500 --out agreement.jsonl
            ioi data --sentences mine.txt --out mine.jsonl
            ioi data --data pairs.csv --out pairs.jsonl
            """
    )
    static let promptCount = 6360

    struct SentenceOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "Make prompts of sentences that end in their answer, one a line, instead.", valueName: "f.txt"
            ),
            completion: .file(extensions: ["txt"])
        )
        var sentences: String?
    }

    struct FileOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "The file to write: .jsonl, .json or .csv (default: JSON lines on standard output).", valueName: "file"
            ),
            completion: .file(extensions: PromptForm.allCases.map(\.rawValue))
        )
        var out: String?
    }

    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var text: SentenceOptions
    @OptionGroup(title: Section.prompts) var prompts: PromptOptions<DataCommand>
    @OptionGroup(title: Section.execution) var speech: QuietOptions
    @OptionGroup(title: Section.output) var file: FileOptions

    func run() throws {
        let source = try prompts.source()
        let form = try file.out.map(PromptForm.init(path:)) ?? .lines
        try Given.refuse([
            (
                [
                    "--data", "--answers", "--drop-unequal", "--irregular", "--dataset", "--count", "--seed",
                    "--templates",
                    "--held-out",
                ], text.sentences != nil, "does not go with --sentences, which are all used as they are"
            ),
            (["--seed"], source.file != nil, "does not go with --data, whose prompts are already made"),
        ])
        let outputs = try Outputs([("--out", file.out)])
        let location = try model.location(needing: .tokenizer)
        let config = try GPT2Config(contentsOf: location.configFile)
        let tokenizer = try GPT2.requireTokenizer(in: location.tokenizerFolder, config: config)
        let dataset =
            try text.sentences.map {
                try source.data(ofSentencesIn: URL(fileURLWithPath: $0), tokenizer: tokenizer, config: config)
            } ?? source.data(tokenizer: tokenizer, config: config)
        try Given.refuse(dataset.idle)
        try Given.refuse([
            (["--seed"], source.published != nil && dataset.count < source.count, "has no effect on all of a dataset")
        ])
        if !speech.quiet { report(dropped: dataset.dropped, irregular: dataset.irregular) }
        let contents = try dataset.contents(as: form, tokenizer: tokenizer)
        guard let out = file.out, outputs.write("--out", { contents }) else {
            print(contents)
            return try outputs.finish()
        }
        guard !speech.quiet else { return }
        Terminal.say("\(dataset.kinds) prompts in \(out)")
        let losses = dataset.losses(in: form)
        if !losses.isEmpty { Terminal.say("without \(losses.joined(separator: ", ")), which .jsonl holds") }
        // Tokens are only in JSON lines.
        let beginning = form != .lines && source.beginningOfText ? " --bos" : ""
        Terminal.say("next: ioi eval --data \(out.shellWord)\(beginning)\(model.flag)")
    }
}

extension TaskDataset {
    /// How many prompts there are of each dataset, as in "90 clean, 10 duplication".
    fileprivate var kinds: String {
        guard ioi != nil else { return "\(count) \(name)" }
        let counts = Dictionary(grouping: prompts, by: \.dataset).mapValues(\.count)
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) \($0.key)" }
            .joined(separator: ", ")
    }
}
