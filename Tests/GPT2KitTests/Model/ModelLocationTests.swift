import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct ModelLocationTests {
    private let folder: ModelTestFolder
    init() throws {
        folder = try ModelTestFolder()
        try FileManager.default.createDirectory(at: folder.file("package"), withIntermediateDirectories: true)
    }

    private func putModel(_ path: String) throws {
        try folder.put("\(path)/config.json")
        try folder.put("\(path)/model.safetensors")
    }

    private func find(_ argument: String?, _ environment: [String: String] = [:]) throws -> ModelLocation {
        try ModelLocation.find(
            argument,
            dataFolder: folder.file("data"),
            packageFolder: folder.file("package"),
            environment: environment,
            home: folder.file("home")
        )
    }

    private func findTokenizer(_ argument: String?) throws -> String {
        try ModelLocation.find(
            argument, needing: .tokenizer, dataFolder: folder.file("data"), packageFolder: folder.file("package"),
            environment: [:], home: folder.file("home")
        ).folder.path
    }

    private func message(_ argument: String?, _ environment: [String: String] = [:]) -> IOIError? {
        ioiError { _ = try find(argument, environment) }
    }

    private func location(_ name: String, _ path: String) -> (String, String) {
        (name, folder.file(path).path)
    }

    private func found(_ argument: String?, _ environment: [String: String] = [:]) throws -> (String, String) {
        let location = try find(argument, environment)
        return (location.name, location.folder.path)
    }

    @Test func theSourcePackageIsThisOne() {
        let manifest = ModelLocation.sourcePackage.appendingPathComponent("Package.swift")
        #expect(FileManager.default.fileExists(atPath: manifest.path))
    }

    @Test func aPathIsAFolder() throws {
        try putModel("runs/epoch-003")
        #expect(try found(folder.file("runs/epoch-003").path) == location("epoch-003", "runs/epoch-003"))
        #expect(
            try found(folder.file("runs/epoch-003").path + "/") == location("epoch-003", "runs/epoch-003")
        )
        #expect(
            try found(folder.file("runs/epoch-003/../epoch-003/.").path)
                == location("epoch-003", "runs/epoch-003")
        )
        let model = try find(folder.file("runs/epoch-003").path)
        #expect(model.configFile.path == folder.file("runs/epoch-003/config.json").path)
        #expect(model.weightsFile.path == folder.file("runs/epoch-003/model.safetensors").path)
    }

    @Test func foldersThatLackSomethingAreRefused() throws {
        try folder.put("empty/x")
        try folder.put("no-weights/config.json")
        try folder.put("lora/adapter_config.json")
        try folder.put("lora/adapter_model.safetensors")
        for name in ["model.safetensors", "optimizer.bin", "random_states_0.pkl"] { try folder.put("state/\(name)") }
        for (name, file) in [
            ("bin", "pytorch_model.bin"), ("tensorflow", "tf_model.h5"), ("flax", "flax_model.msgpack"),
            ("gguf", "model-q4.gguf"), ("onnx", "model.onnx"),
        ] {
            try folder.put("\(name)/config.json")
            try folder.put("\(name)/\(file)")
        }
        try folder.put("file")
        for (name, complaint) in [
            ("none", "found nothing, expected a model folder"),
            ("file", "found a file, expected the folder of a model"),
            ("empty", "found no config.json, expected a model folder"),
            ("no-weights", "found no model.safetensors, expected a model folder"),
            (
                "bin",
                "found a PyTorch checkpoint (pytorch_model.bin) alone, expected model.safetensors: load it with transformers "
                    + "and call save_pretrained(folder, safe_serialization=True)"
            ),
            (
                "tensorflow",
                "found TensorFlow weights (tf_model.h5) alone, expected model.safetensors: load them with from_tf=True in "
                    + "transformers 4 and save the model again"
            ),
            (
                "flax",
                "found Flax weights (flax_model.msgpack) alone, expected model.safetensors: load them with from_flax=True in "
                    + "transformers 4 and save the model again"
            ),
            (
                "gguf",
                "found a GGUF file (model-q4.gguf) alone, expected model.safetensors: take the model that it was converted "
                    + "from"
            ),
            (
                "onnx",
                "found an ONNX file (model.onnx) alone, expected model.safetensors: take the model that it was exported from"
            ),
            (
                "lora",
                "found a LoRA or other adapter of peft (adapter_config.json), expected a whole model: call "
                    + "merge_and_unload() of the peft model and save what it returns with save_pretrained"
            ),
            (
                "state",
                "found a training state that accelerate saved, without config.json, expected a model folder: save "
                    + "accelerator.unwrap_model(model) with save_pretrained"
            ),
        ] {
            let path = folder.file(name).path
            #expect(message(path)?.description == "\(path): \(complaint)")
            #expect(message(path)?.kind == .failure)
        }
    }

    @Test func shardsNeedNoSingleFile() throws {
        try folder.put("sharded/config.json")
        let index = try folder.put("sharded/model.safetensors.index.json")
        let model = try find(folder.file("sharded").path)
        #expect(model.weightsFile.path == index.path)
        // transformers takes the single file where both are.
        let whole = try folder.put("sharded/model.safetensors")
        #expect(model.weightsFile.path == whole.path)
    }

    @Test func anotherTokenizerIsForAFolderWithout() throws {
        try putModel("own")
        try putModel("none")
        try folder.put("own/tokenizer.json")
        try folder.put("tokens/vocab.json")
        let (own, none) = (try find(folder.file("own").path), try find(folder.file("none").path))
        #expect(none.tokenizerFolder == none.folder)
        let tokens = folder.file("tokens")
        #expect(try none.with(tokenizer: tokens).tokenizerFolder.path == tokens.path)
        #expect(try none.with(tokenizer: nil) == none)
        let refused = ioiError { _ = try own.with(tokenizer: tokens) }
        #expect(refused?.field == "tokenizer" && refused!.problem.hasSuffix("own/tokenizer.json"))
        #expect(ioiError { _ = try none.with(tokenizer: folder.file("none")) }?.field == "tokenizer")
    }

    @Test func publishedModelsAreLookedForInOrder() throws {
        let own = ["IOI_MODELS": folder.file("own").path]
        let hub = "home/.cache/huggingface/hub"
        try putModel("\(hub)/models--openai-community--gpt2/snapshots/b")
        #expect(
            try found("gpt2", own) == location("gpt2", "\(hub)/models--openai-community--gpt2/snapshots/b")
        )
        try putModel("\(hub)/models--gpt2/snapshots/a")
        #expect(try found("gpt2", own) == location("gpt2", "\(hub)/models--gpt2/snapshots/a"))
        try putModel("package/models/gpt2-small")
        #expect(try found("gpt2", own) == location("gpt2", "package/models/gpt2-small"))
        try putModel("package/models/gpt2")
        #expect(try found("gpt2", own) == location("gpt2", "package/models/gpt2"))
        try putModel("own/gpt2")
        for name in ["gpt2", "gpt2-small", "small"] {
            #expect(try found(name, own) == location("gpt2", "own/gpt2"))
        }
        #expect(try found("gpt2", ["IOI_MODELS": ""]) == location("gpt2", "package/models/gpt2"))

        for (name, other) in [("gpt2-medium", "medium"), ("gpt2-large", "large"), ("gpt2-xl", "xl")] {
            try putModel("package/models/\(name)")
            #expect(try found(name) == location(name, "package/models/\(name)"))
            #expect(try found(other) == location(name, "package/models/\(name)"))
        }
    }

    @Test func otherNamesLieInTheModelFolders() throws {
        try putModel("own/mine")
        let own = ["IOI_MODELS": folder.file("own").path]
        #expect(try found("mine", own) == location("mine", "own/mine"))
        #expect(message("mine")?.kind == .usage)
    }

    @Test func theCacheIsPlacedByTheEnvironment() throws {
        let snapshot = "models--gpt2/snapshots/a"
        for place in ["cache", "hf/hub", "xdg/huggingface/hub", "home/.cache/huggingface/hub"] {
            try putModel("\(place)/\(snapshot)")
        }
        var environment = [
            "HF_HUB_CACHE": folder.file("cache").path, "HF_HOME": folder.file("hf").path,
            "XDG_CACHE_HOME": folder.file("xdg").path,
        ]
        #expect(try found("gpt2", environment) == location("gpt2", "cache/\(snapshot)"))
        environment["HF_HUB_CACHE"] = ""
        #expect(try found("gpt2", environment) == location("gpt2", "hf/hub/\(snapshot)"))
        environment["HF_HOME"] = nil
        #expect(try found("gpt2", environment) == location("gpt2", "xdg/huggingface/hub/\(snapshot)"))
        environment["XDG_CACHE_HOME"] = nil
        #expect(try found("gpt2", environment) == location("gpt2", "home/.cache/huggingface/hub/\(snapshot)"))
    }

    @Test func theSnapshotIsMainsOrTheNewestWholeOne() throws {
        let model = "home/.cache/huggingface/hub/models--gpt2"
        for (name, age) in [("aa", 300.0), ("bb", 100), ("cc", 200)] {
            // The cache holds links to its blobs.
            for file in ["config.json", "model.safetensors"] {
                try folder.put("\(model)/blobs/\(name)-\(file)", "x")
                let link = folder.file("\(model)/snapshots/\(name)/\(file)")
                try FileManager.default.createDirectory(
                    at: link.deletingLastPathComponent(),
                    withIntermediateDirectories: true
                )
                try FileManager.default.createSymbolicLink(
                    atPath: link.path,
                    withDestinationPath: "../../blobs/\(name)-\(file)"
                )
            }
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -age)],
                ofItemAtPath: folder.file("\(model)/snapshots/\(name)").path
            )
        }
        try folder.put("\(model)/snapshots/newest-without-weights/config.json")
        #expect(try found("gpt2") == location("gpt2", "\(model)/snapshots/bb"))
        try folder.put("\(model)/refs/main", "aa\n")
        #expect(try found("gpt2") == location("gpt2", "\(model)/snapshots/aa"))
        // An interrupted download leaves a link to nothing, or no weights.
        try FileManager.default.removeItem(at: folder.file("\(model)/blobs/aa-model.safetensors"))
        #expect(try found("gpt2") == location("gpt2", "\(model)/snapshots/bb"))
    }

    @Test func repositoriesAreFoundInTheCache() throws {
        let hub = "home/.cache/huggingface/hub"
        for (repository, name) in [
            ("openai-community/gpt2", "gpt2"), ("distilbert/distilgpt2", "distilgpt2"),
            ("someone/their-gpt2.1", "someone/their-gpt2.1"),
        ] {
            let missing = message(repository)
            #expect(missing?.kind == .failure)
            #expect(
                missing?.description.contains("found nothing, expected a model folder, or a repository of the") == true)
            let place = "\(hub)/models--\(repository.replacing("/", with: "--"))/snapshots/a"
            try putModel(place)
            #expect(try found(repository) == location(name, place))
            // Its name finds it again.
            #expect(try found(name) == location(name, place))
        }
        #expect(message("their-gpt2.1")?.kind == .usage)
        // Old caches have no owners.
        try putModel("\(hub)/models--distilgpt2/snapshots/b")
        #expect(try found("distilgpt2") == location("distilgpt2", "\(hub)/models--distilgpt2/snapshots/b"))
        #expect(
            try found("distilbert/distilgpt2")
                == location("distilgpt2", "\(hub)/models--distilbert--distilgpt2/snapshots/a"))
        // Whoever names an owner means the hub's.
        try putModel("package/models/gpt2")
        #expect(try found("gpt2") == location("gpt2", "package/models/gpt2"))
        let cached = location("gpt2", "\(hub)/models--openai-community--gpt2/snapshots/a")
        #expect(try found("openai-community/gpt2") == cached)
        // As a download into a folder of models may be called.
        try putModel("package/models/openai-community/gpt2-xl")
        #expect(
            try found("openai-community/gpt2-xl") == location("gpt2-xl", "package/models/openai-community/gpt2-xl"))
        for argument in ["a/b/c", "/a", "a/", "../a", "-a/b", "a b/c"] {
            #expect(
                message(argument)?.description.hasSuffix("found nothing, expected a model folder") == true,
                "\(argument)")
        }
    }

    /// Weights without a tokenizer are taken only where nothing has both, and a tokenizer alone only where no weights are
    /// needed.
    @Test func theWholeFolderIsChosen() throws {
        let hub = "home/.cache/huggingface/hub"
        let model = "\(hub)/models--gpt2"
        func put(_ snapshot: String, _ files: String...) throws {
            for file in files { try folder.put("\(model)/snapshots/\(snapshot)/\(file)") }
        }
        try folder.put("\(model)/refs/main", "tokenizer")
        try put("tokenizer", "config.json", "tokenizer.json")
        #expect(
            message("gpt2")?.description
                == "\(folder.file("\(model)/snapshots/tokenizer").path): found no model.safetensors, expected a model folder"
        )
        #expect(try findTokenizer("gpt2") == folder.file("\(model)/snapshots/tokenizer").path)
        // All commands have the same default.
        try putModel("data/embedded")
        try folder.put("data/embedded/tokenizer.json")
        #expect(try findTokenizer(nil) == find(nil).folder.path)

        try put("weights", "config.json", "model.safetensors")
        #expect(try found("gpt2") == location("gpt2", "\(model)/snapshots/weights"))
        #expect(try findTokenizer("gpt2") == folder.file("\(model)/snapshots/tokenizer").path)
        try put("halves", "config.json", "model.safetensors", "vocab.json")
        let other = "\(hub)/models--openai-community--gpt2/snapshots/whole"
        for file in ["config.json", "model.safetensors", "vocab.json", "merges.txt"] {
            try folder.put("\(other)/\(file)")
        }
        #expect(try found("gpt2") == location("gpt2", other))
        #expect(try findTokenizer("gpt2") == folder.file(other).path)
    }

    @Test func whatEachFolderLacksIsSaid() throws {
        try folder.put("package/models/gpt2/config.json")
        try folder.put("home/.cache/huggingface/hub/models--gpt2/refs/main", "a")
        let error = try #require(message("gpt2"))
        #expect(
            error.description
                == "model gpt2: no folder is complete: \(folder.file("package/models/gpt2").path): found no model.safetensors, "
                + "expected a model folder; \(folder.file("home/.cache/huggingface/hub/models--gpt2").path): found no snapshot, "
                + "expected a model that Hugging Face cached"
        )
    }

    @Test func theDefaultIsGPT2ThenTheEmbeddedModel() throws {
        let none = try #require(message(nil))
        #expect(none.kind == .failure)
        // So long a folder's name as that of the test may cost the middle of the message.
        for place in ["package/models/gpt2,", "data/embedded;", "Scripts/fetch-gpt2.sh", "or give the model's folder"] {
            #expect(none.description.contains(place), "\(place)")
        }
        // A folder of GPT-2 that cannot be used is the error, as long as nothing can be used.
        try folder.put("package/models/gpt2/config.json")
        let path = folder.file("package/models/gpt2").path
        #expect(message(nil)?.description == "\(path): found no model.safetensors, expected a model folder")

        try putModel("data/embedded")
        #expect(try found(nil) == location("embedded", "data/embedded"))
        #expect(try found("embedded") == location("embedded", "data/embedded"))
        #expect(
            message("gpt2")?.description == "\(path): found no model.safetensors, expected a model folder"
        )
        try putModel("package/models/gpt2")
        #expect(try found(nil) == location("gpt2", "package/models/gpt2"))
        #expect(try found("embedded") == location("embedded", "data/embedded"))
    }

    /// A model is listed under the name that finds it, once, and what cannot be used is said.
    @Test func allModelsAreListed() throws {
        let own = ["IOI_MODELS": folder.file("own").path]
        let hub = "home/.cache/huggingface/hub"
        func put(_ path: String, config: String) throws {
            try folder.put("\(path)/config.json", config)
            try folder.put("\(path)/model.safetensors")
        }
        let config = String(decoding: try GPT2Config.small.json(endOfText: nil), as: UTF8.self)
        let expected = [
            ("embedded", "data/embedded"), ("mine", "own/mine"), ("someone/theirs", "own/someone/theirs"),
            ("gpt2", "package/models/gpt2-small"),
            ("gpt2-xl", "\(hub)/models--gpt2-xl/snapshots/a"),
            ("gpt2", "\(hub)/models--openai-community--gpt2/snapshots/a"),
            ("other/their-gpt2.1", "\(hub)/models--other--their-gpt2.1/snapshots/b"),
        ]
        for (_, path) in expected { try put(path, config: config) }
        // What is no model, and what is none of ours.
        try folder.put("own/paper-data/clean.txt")
        try folder.put("own/notes.txt")
        try put("\(hub)/models--other--bert/snapshots/a", config: #"{"model_type": "bert"}"#)
        try folder.put("\(hub)/models--other--empty/refs/main", "a")
        try folder.put("\(hub)/datasets--other--text/snapshots/a/config.json", config)
        try folder.put("own/half/config.json", config)
        try put("own/bert", config: #"{"model_type": "bert"}"#)
        let all = ModelLocation.all(
            dataFolder: folder.file("data"), packageFolder: folder.file("package"), environment: own,
            home: folder.file("home")
        )
        #expect(all.models.map(\.name) == expected.map(\.0))
        #expect(all.models.map(\.folder.path) == expected.map { folder.file($0.1).path })
        for model in all.models where model.folder.path.contains("/own/") || model.name.contains("other/") {
            #expect(try found(model.name, own) == (model.name, model.folder.path))
        }
        try #require(all.problems.count == 2, "\(all.problems)")
        #expect(all.problems[0].description.hasPrefix(folder.file("own/bert").path))
        #expect(all.problems[1].description.hasPrefix("\(folder.file("own/half").path): found no model.safetensors"))
        let none = ModelLocation.all(
            dataFolder: nil, packageFolder: folder.file("none"), environment: [:], home: folder.file("none"))
        #expect(none.models.isEmpty && none.problems.isEmpty)
    }

    /// A program that has left its package does not name that as a place to put models.
    @Test func aPackageThatIsGoneIsNoPlace() {
        let error = ioiError {
            _ = try ModelLocation.find(
                "gpt2", dataFolder: nil, packageFolder: folder.file("gone"), environment: [:], home: folder.file("home")
            )
        }
        #expect(error?.description.contains("gone") == false)
    }

    @Test func errorsSayWhereWasLooked() throws {
        let missing = try #require(message("gpt2-medium"))
        #expect(missing.kind == .failure)
        #expect(
            missing.description.hasPrefix(
                "model gpt2-medium: not found; looked in \(folder.url.path)/package/models"
            )
        )
        #expect(missing.description.hasSuffix("run Scripts/fetch-gpt2.sh medium or give the model's folder"))
        #expect(message("small")?.description.contains("fetch-gpt2.sh small") == true)

        let unknown = try #require(message("gpt3"))
        #expect(unknown.kind == .usage)
        #expect(
            unknown.description.hasPrefix(
                "model: found \"gpt3\", expected a model's folder, embedded, gpt2, "
            )
        )
        #expect(message("")?.kind == .usage)

        let noData = ioiError {
            _ = try ModelLocation.find(
                "embedded",
                dataFolder: nil,
                packageFolder: folder.url,
                environment: [:],
                home: folder.url
            )
        }
        #expect(noData?.description.hasPrefix("model embedded: found no data folder") == true)
        #expect(message("embedded")?.description.hasPrefix(folder.file("data/embedded").path) == true)
    }
}
