import ArgumentParser
import Foundation
import IOIKit

/// Which model a command works on.
struct ModelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "gpt2, gpt2-medium, gpt2-large, gpt2-xl, embedded, or a model folder (default: gpt2, else embedded).",
            discussion: """
                A folder has Hugging Face's layout: config.json, model.safetensors, vocab.json, merges.txt. The names \
                are looked for in IOI_MODELS, where Scripts/fetch-gpt2.sh puts them, and in Hugging Face's cache.
                """,
            valueName: "name|dir"
        )
    )
    var model: String?

    /// The flag as it was given, for a command to try next.
    var flag: String { model.map { " --model \($0.shellWord)" } ?? "" }

    /// Where the model lies; the first line on standard error says so.
    func location() throws -> ModelLocation {
        let location = try ModelLocation.find(model)
        Terminal.say(location, as: "model")
        return location
    }

    func load(workers: Workers) throws -> GPT2 {
        try GPT2(location(), workers: workers)
    }

    /// Another model that a flag other than `--model` names.
    static func load(donor name: String, workers: Workers) throws -> GPT2 {
        try load(name, as: "donor", workers: workers)
    }

    /// - Parameter role: what the line on standard error calls the model.
    static func load(_ name: String, as role: String, workers: Workers) throws -> GPT2 {
        let location = try ModelLocation.find(name)
        Terminal.say(location, as: role)
        return try GPT2(location, workers: workers)
    }
}

extension GPT2Config {
    /// The shape of a published GPT-2.
    /// - Throws: `IOIError` of kind `usage` where none has this name.
    static func named(_ name: String, flag: String) throws -> GPT2Config {
        let sizes: KeyValuePairs<String, GPT2Config> = [
            "gpt2": .small, "gpt2-medium": .medium, "gpt2-large": .large, "gpt2-xl": .xl,
        ]
        guard let size = sizes.first(where: { $0.key == name }) else {
            let names = sizes.map(\.key).joined(separator: ", ")
            throw IOIError.usage("\(flag): found \"\(name)\", expected one of \(names)")
        }
        return size.value
    }
}
