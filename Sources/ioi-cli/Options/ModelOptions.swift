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

    /// Where the model lies; the first line on standard error says so.
    func location() throws -> ModelLocation {
        let location = try ModelLocation.find(model, dataFolder: try? DataDirectory.url())
        Terminal.say("model \(location.name) at \(location.folder.path)")
        return location
    }

    func load(workers: Workers) throws -> GPT2 {
        try GPT2(location(), workers: workers)
    }
}
