import ArgumentParser
import Foundation
import IOIKit

struct DataCommand: ParsableCommand, CommandDefaults {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Write a dataset of prompts, one JSON object a line.",
        discussion: """
            Prompts are generated with the tokenizer of --model, whose weights are not read. Prompt 17 of a seed is about \
            the same people in all four IOI datasets, whatever --count is.

            ioi data --dataset clean --count 6360 --seed 0 --out clean.jsonl
            ioi data --dataset agreement --held-out --count 500 --out agreement.jsonl
            """
    )
    static let promptCount = 6360
    static let datasets = PromptSource.datasets

    struct FileOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp("The file to write (default: standard output).", valueName: "f.jsonl"),
            completion: .file(extensions: ["jsonl"])
        )
        var out: String?
    }

    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var generator: GeneratorOptions<DataCommand>
    @OptionGroup(title: Section.execution) var common: RunOptions
    @OptionGroup(title: Section.output) var file: FileOptions

    func run() throws {
        let source = try generator.source()
        let location = try model.location()
        let config = try GPT2Config(contentsOf: location.configFile)
        let tokenizer = try GPT2.requireTokenizer(in: location.folder, config: config)
        let dataset = try source.data(tokenizer: tokenizer, config: config)
        if let out = file.out {
            try AtomicFile.write(dataset.jsonLines, to: URL(fileURLWithPath: out))
            guard !common.quiet else { return }
            Terminal.say("\(dataset.count) \(dataset.name) prompts in \(out)")
            Terminal.say("next: ioi eval --data \(out.shellWord)\(model.flag)")
        } else {
            try FileHandle.standardOutput.write(contentsOf: dataset.jsonLines)
        }
    }
}
