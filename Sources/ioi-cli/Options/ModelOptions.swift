import ArgumentParser
import Foundation
import IOIKit

/// Which model a command works on.
struct ModelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2, embedded, owner/name, or a model folder (default: gpt2 if found, else embedded).",
            discussion: """
                A model folder has the Hugging Face layout: config.json, model.safetensors, vocab.json, merges.txt. \
                Names are looked up in IOI_MODELS, where Scripts/fetch-gpt2.sh puts models, and in the Hugging Face \
                cache, which has models as owner/name.
                """,
            valueName: "name|dir"
        ),
        completion: .models
    )
    var model: String?

    /// The flag as given, for a command to try next.
    var flag: String { model.map { " --model \($0.shellWord)" } ?? "" }

    /// Finds the model and names it on standard error.
    ///
    /// - Parameter need: what its folder has to hold.
    func location(needing need: ModelLocation.Need = .weights) throws -> ModelLocation {
        let location = try ModelLocation.find(model, needing: need)
        Terminal.say(location, as: "model")
        return location
    }

    func load(workers: Workers) throws -> GPT2 {
        try GPT2(location(), workers: workers)
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
        return try GPT2(location, workers: workers)
    }

    /// - Parameter role: what standard error calls the model.
    static func load(_ name: String?, as role: String, workers: Workers) throws -> GPT2 {
        let location = try ModelLocation.find(name)
        Terminal.say(location, as: role)
        return try GPT2(location, workers: workers)
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
            (PublishedShape.allValueStrings + ["distilgpt2", "embedded"]).filter { $0.hasPrefix(prefix) }
                + folders(prefix)
        }
    }

    /// `default`, or a circuit file.
    static var circuits: CompletionKind { .file(extensions: ["json"]) }

    private static func folders(_ prefix: String) -> [String] {
        let parent = prefix.lastIndex(of: "/").map { String(prefix[...$0]) } ?? ""
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.isEmpty ? "." : parent)) ?? []
        return names.sorted().map { parent + $0 }.filter { path in
            var isFolder: ObjCBool = false
            return path.hasPrefix(prefix) && FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
                && isFolder.boolValue
        }
    }
}
