import ArgumentParser
import Foundation
import IOIKit

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Look at a model folder, check it, compare two, or make one: trained from nothing, or random.",
        subcommands: [
            ModelInfoCommand.self, ModelCheckCommand.self, ModelDiffCommand.self, ModelPretrainCommand.self,
            ModelRandomCommand.self,
        ]
    )
}

struct ModelInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Name, shape, size and hash of a model."
    )

    @OptionGroup var model: ModelOptions
    @OptionGroup var common: RunOptions

    @Option(help: "What standard output gets.")
    var format: OutputFormat = .text

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
        let model = try model.load(workers: common.workers())
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
        switch format {
        case .text:
            for (name, value) in facts { print(name.padding(toLength: 13, withPad: " ", startingAt: 0) + value) }
        case .csv: print((["field,value"] + facts.map { "\($0.key),\($0.value)" }).joined(separator: "\n"))
        case .json: print(String(decoding: try JSONEncoder.readable.encode(info), as: UTF8.self))
        }
    }
}

struct ModelRandomCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "random",
        abstract: "Make a model folder with random weights, to try things on.",
        discussion: """
            Weights are drawn as GPT-2's were before training. Without --tokenizer the folder gets one of its own, \
            whose vocabulary is the program's sentences, names, places and objects; it is small and knows no others.

            ioi model random --layers 4 --heads 8 --width 96 --out models/tiny
            ioi model random --like gpt2 --tokenizer models/gpt2 --out models/random-gpt2
            """
    )

    @Option(help: ArgumentHelp("The folder to write.", valueName: "dir"))
    var out: String

    @Option(help: ArgumentHelp("gpt2, gpt2-medium, gpt2-large or gpt2-xl: their shape and context.", valueName: "name"))
    var like: String?

    @Option(help: "Blocks.")
    var layers: Int = 4

    @Option(help: "Heads of each block.")
    var heads: Int = 8

    @Option(help: "Width of the residual stream.")
    var width: Int = 96

    @Option(help: ArgumentHelp("A folder whose vocab.json and merges.txt to take.", valueName: "dir"))
    var tokenizer: String?

    @Option(help: "What the weights are drawn from.")
    var seed: UInt64 = 0

    @OptionGroup var common: RunOptions

    func run() throws {
        let workers = try common.workers()
        let tokenizer =
            try tokenizer.map { try BPETokenizer(directory: URL(fileURLWithPath: $0)) }
            ?? .covering(.standard(), .standard())
        let config = try shape(vocabulary: tokenizer.vocabularySize)
        let parameters = GPT2Parameters(random: config, seed: seed, workers: workers)
        try GPT2.write(parameters, tokenizer: tokenizer, to: URL(fileURLWithPath: out))
        guard !common.quiet else { return }
        Terminal.say("\(parameters.count) random weights in \(out)")
        Terminal.say("next: ioi eval --model \(out.shellWord) --held-out")
    }

    private func shape(vocabulary: Int) throws -> GPT2Config {
        guard let like else {
            return try GPT2Config(
                vocabularySize: vocabulary, contextLength: 64, width: width, layers: layers, heads: heads
            )
        }
        let size = try GPT2Config.named(like, flag: "--like")
        return try GPT2Config(
            vocabularySize: vocabulary, contextLength: size.contextLength, width: size.width,
            layers: size.layers, heads: size.heads
        )
    }
}
