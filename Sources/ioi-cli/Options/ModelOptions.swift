import ArgumentParser
import Foundation
import IOIKit

/// Which model a command works on.
struct ModelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2, embedded, owner/name, or the folder of a model or a run (default: gpt2 if found, else embedded).",
            discussion: """
                A model folder has the Hugging Face layout: config.json, model.safetensors (or several with an index), \
                and tokenizer.json, or vocab.json and merges.txt. \
                Names are looked up in IOI_MODELS, where Scripts/fetch-gpt2.sh puts models, and in the Hugging Face \
                cache, which has models as owner/name. The folder of a fine-tuning run stands for its newest \
                checkpoint. ioi model list shows what there is.
                """,
            valueName: "name|dir"
        ),
        completion: .models
    )
    var model: String?

    @Option(
        help: ArgumentHelp("A folder with the tokenizer, for a model folder that has none.", valueName: "dir"),
        completion: .directory
    )
    var tokenizer: String?

    /// The flags as given, for a command to try next.
    var flag: String {
        [("--model", model), ("--tokenizer", tokenizer)].map { flag, value in
            value.map { " \(flag) \($0.shellWord)" } ?? ""
        }.joined()
    }

    /// - Throws: `IOIError` of kind `usage` for --tokenizer.
    func refuseTokenizer(_ reason: String) throws {
        if tokenizer != nil { throw IOIError.usage("--tokenizer: does not go with \(reason)") }
    }

    /// Finds the model and names it on standard error.
    ///
    /// - Parameter need: what its folder has to hold.
    func location(needing need: ModelLocation.Need = .weights) throws -> ModelLocation {
        let location = try ModelLocation.find(modelOrRun: model, needing: need)
            .with(tokenizer: tokenizer.map { URL(fileURLWithPath: $0) })
        Terminal.say(location, as: "model")
        return location
    }

    func load(workers: Workers) throws -> GPT2 {
        try GPT2(location(), workers: workers).announced(as: "model")
    }

    /// Says on standard error that the model's circuit is another's, if that is so.
    static func reportBorrowedCircuit(of model: GPT2) throws {
        try reportBorrowedCircuit(of: model.location, model.config, sha256: model.sha256)
    }

    static func reportBorrowedCircuit(
        of location: ModelLocation,
        _ config: GPT2Config,
        sha256: () throws -> String
    ) throws {
        guard try DefaultCircuit(of: location, config)?.isBorrowed(by: sha256()) == true else { return }
        Terminal.say(DefaultCircuit.note)
    }

    /// Loads a model that a flag other than `--model` names.
    static func load(donor name: String, workers: Workers) throws -> GPT2 {
        try load(name, as: "donor", workers: workers)
    }

    /// Loads the model that was fine-tuned from another: the one that is named, or the newest checkpoint below `runs`.
    ///
    /// - Parameters:
    ///   - name: what the user gave, if anything.
    ///   - argument: the flag or argument that takes the name.
    ///   - model: the model that it was trained from.
    /// - Throws: `IOIError` of kind `usage` if there is no name and no such checkpoint.
    static func load(donor name: String?, as argument: String, trainedFrom model: GPT2, workers: Workers) throws -> GPT2
    {
        if let name { return try load(donor: name, workers: workers) }
        let search = RunSearch(in: URL(fileURLWithPath: "runs"))
        // Hashing a model means reading all of it.
        guard !search.isEmpty, let found = search.newestCheckpoint(trainedFrom: try model.sha256()) else {
            throw IOIError.usage(
                "\(argument): missing, and no run below \(search.folder.path) has a checkpoint trained from "
                    + "\(model.location.name); expected a model, or such a run as ioi finetune --model "
                    + "\(model.location.given.shellWord) makes" + (search.problem.map { "; \($0)" } ?? "")
            )
        }
        let location = try ModelLocation(folder: found.folder)
        Terminal.say(location, as: "donor")
        return try GPT2(location, workers: workers).announced(as: "donor")
    }

    /// - Parameter role: what standard error calls the model.
    static func load(_ name: String?, as role: String, workers: Workers) throws -> GPT2 {
        let location = try ModelLocation.find(modelOrRun: name)
        Terminal.say(location, as: role)
        return try GPT2(location, workers: workers).announced(as: role)
    }
}

extension GPT2 {
    /// The model, after what is unusual about it was said on standard error.
    func announced(as role: String) -> GPT2 {
        for note in notes { Terminal.say("\(role) \(location.name): \(note)") }
        return self
    }
}

extension ModelLocation {
    /// What `--model` takes: the name if it is enough to find the model, or the folder.
    var given: String { ModelRecord(name: name, folder: folder, sha256: nil).folder ?? name }
}

extension CompletionKind {
    /// Names of models, and folders.
    static var models: CompletionKind {
        .custom { _, _, prefix in
            // What can be had, and what is here besides.
            let published = PublishedShape.allValueStrings + ["distilgpt2", "embedded"]
            let others = ModelLocation.all().models.map(\.name).filter { !published.contains($0) }
            return (published + others).filter { $0.hasPrefix(prefix) } + paths(prefix) { _ in false }
        }
    }

    /// `default`, the names of circuits, and circuit files.
    static var circuits: CompletionKind {
        .custom { _, _, prefix in
            let names = ["default"] + ((try? DataDirectory.names(in: "circuits")) ?? [])
            return names.filter { $0.hasPrefix(prefix) } + paths(prefix) { $0.hasSuffix(".json") }
        }
    }

    /// Folders, and the files that are wanted.
    private static func paths(_ prefix: String, isWanted: (String) -> Bool) -> [String] {
        let parent = prefix.lastIndex(of: "/").map { String(prefix[...$0]) } ?? ""
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.isEmpty ? "." : parent)) ?? []
        return names.sorted().filter { !$0.hasPrefix(".") }.map { parent + $0 }.filter { path in
            var isFolder: ObjCBool = false
            return path.hasPrefix(prefix) && FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
                && (isFolder.boolValue || isWanted(path))
        }
    }
}
