import ArgumentParser
import Foundation
import IOIKit

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Write a dataset of prompts, one JSON object a line.",
        discussion: """
            Prompts are made with the tokenizer of --model, whose weights are not read. Prompt 17 of a seed is about \
            the same people in all four datasets, however many prompts are asked for.

            ioi data --dataset clean --count 6360 --seed 0 --out clean.jsonl
            ioi data --dataset agreement --held-out --count 500 --out agreement.jsonl
            """
    )

    @OptionGroup var model: ModelOptions
    @OptionGroup var generator: GeneratorOptions

    @Option(help: ArgumentHelp("The file to write (default: standard output).", valueName: "f.jsonl"))
    var out: String?

    @OptionGroup var common: RunOptions

    func run() throws {
        let source = try generator.source(defaultCount: 6360, takesTasks: true)
        let location = try model.location()
        let config = try GPT2Config(contentsOf: location.configFile)
        let tokenizer = try GPT2.requireTokenizer(in: location.folder, config: config)
        let dataset = try source.data(tokenizer: tokenizer, config: config)
        if let out {
            try AtomicFile.write(dataset.jsonLines, to: URL(fileURLWithPath: out))
            guard !common.quiet else { return }
            Terminal.say("\(dataset.count) \(dataset.name) prompts in \(out)")
            Terminal.say("next: ioi eval --data \(out.shellWord)\(model.flag)")
        } else {
            try FileHandle.standardOutput.write(contentsOf: dataset.jsonLines)
        }
    }
}
