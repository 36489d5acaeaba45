import ArgumentParser
import Foundation
import IOIKit

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "List, inspect, check and compare models, or make one: pretrained from scratch, or random.",
        subcommands: [
            ModelListCommand.self, ModelInfoCommand.self, ModelCheckCommand.self, ModelPretrainCommand.self,
            ModelRandomCommand.self,
        ] + Experiments.commands(in: "model")
    )
}

struct ModelInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Print the name, shape, size and hash of a model."
    )

    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.output) var output: FormatOptions

    private struct Info: Encodable {
        let name, folder, sha256: String
        let layers, heads, width, innerWidth, context, vocabulary, parameters: Int
        let hasTokenizer: Bool

        enum CodingKeys: String, CodingKey {
            case name, folder, sha256, layers, heads, width
            case innerWidth = "inner_width"
            case context, vocabulary, parameters
            case hasTokenizer = "tokenizer"
        }
    }

    func run() throws {
        let model = try model.load(workers: Workers())
        let config = model.config
        let info = Info(
            name: model.location.name, folder: model.location.folder.path, sha256: try model.sha256(),
            layers: config.layers, heads: config.heads, width: config.width, innerWidth: config.innerWidth,
            context: config.contextLength, vocabulary: config.vocabularySize, parameters: model.parameters.count,
            hasTokenizer: model.tokenizer != nil
        )
        let facts: KeyValuePairs<String, String> = [
            "name": info.name, "folder": info.folder, "layers": "\(info.layers)", "heads": "\(info.heads)",
            "width": "\(info.width)", "inner_width": "\(info.innerWidth)", "context": "\(info.context)",
            "vocabulary": "\(info.vocabulary)", "parameters": "\(info.parameters)",
            "tokenizer": "\(info.hasTokenizer)", "sha256": info.sha256,
        ]
        var table = TextTable(header: [], leftColumns: [0, 1])
        table.rows = facts.map { [$0.key, $0.value] }
        try output.write(
            json: { try JSONEncoder.readable.encode(info) },
            csv: { csvTable("field,value", facts.map { "\($0.key),\($0.value.csvField)" }) },
            text: { Printout([.table(table)]) })
    }
}

struct ModelRandomCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "random",
        abstract: "Make a model folder with random weights, for trying things out.",
        discussion: """
            Weights are drawn as GPT-2's were before training. Without --tokenizer the folder gets a small tokenizer \
            whose vocabulary covers the built-in sentences, names, places and objects only.

            ioi model random --layers 4 --heads 8 --width 96 --out models/tiny
            ioi model random --like gpt2 --tokenizer models/gpt2 --out models/random-gpt2
            """
    )

    struct Shape: ParsableArguments {
        @Option(help: ArgumentHelp("Take the shape and context of a published model.", valueName: "name"))
        var like: PublishedShape?

        @Option(help: "Number of blocks.")
        var layers: Int = 4

        @Option(help: "Heads per block.")
        var heads: Int = 8

        @Option(help: "Width of the residual stream.")
        var width: Int = 96

        @Option(
            help: ArgumentHelp("A folder whose vocab.json and merges.txt are used.", valueName: "dir"),
            completion: .directory
        )
        var tokenizer: String?

        @Option(help: "Seed of the weights.")
        var seed: UInt64 = 0
    }

    struct FolderOptions: ParsableArguments {
        @Option(help: ArgumentHelp("The folder to write.", valueName: "dir"), completion: .directory)
        var out: String
    }

    @OptionGroup(title: Section.model) var shape: Shape
    @OptionGroup(title: Section.execution) var common: ThreadOptions
    @OptionGroup(title: Section.output) var folder: FolderOptions

    func run() throws {
        try Given.refuse([
            (["--layers", "--heads", "--width"], shape.like != nil, "does not go with --like, which has a shape")
        ])
        let workers = try common.workers()
        let out = try Outputs.named("--out") { try OutputFolder.new(folder.out) }
        let tokenizer =
            try shape.tokenizer.map { try BPETokenizer(directory: URL(fileURLWithPath: $0)) }
            ?? .covering(.standard(), .standard())
        let like = shape.like?.config
        let config = try GPT2Config(
            vocabularySize: tokenizer.vocabularySize, contextLength: like?.contextLength ?? 64,
            width: like?.width ?? shape.width, layers: like?.layers ?? shape.layers, heads: like?.heads ?? shape.heads
        )
        try GPT2Parameters.checkMemory(for: config)
        let parameters = GPT2Parameters(random: config, seed: shape.seed, workers: workers)
        try GPT2.write(parameters, tokenizer: tokenizer, to: out)
        guard !common.quiet else { return }
        Terminal.say("\(parameters.count) random weights in \(folder.out)")
        Terminal.say("next: ioi eval --model \(folder.out.shellWord) --held-out")
    }
}
