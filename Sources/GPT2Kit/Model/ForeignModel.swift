import Foundation

/// Models and folders that are well known but cannot be read, and the way in.
enum ForeignModel {
    /// Architectures that people have beside GPT-2, by their `model_type`.
    private static let architectures = [
        "gpt_neo": "GPT-Neo", "gptj": "GPT-J", "gpt_neox": "GPT-NeoX or Pythia", "llama": "Llama", "opt": "OPT",
        "bloom": "BLOOM", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3", "gemma": "Gemma", "phi": "Phi",
        "bert": "BERT", "roberta": "RoBERTa", "t5": "T5", "gpt_bigcode": "GPT-BigCode", "openai-gpt": "GPT-1",
        "mamba": "Mamba",
    ]

    /// The name of an architecture.
    ///
    /// - Parameter type: `model_type` in `config.json`.
    static func name(of type: String) -> String {
        architectures[type].map { "\(type.quoted) (\($0))" } ?? type.quoted
    }

    /// Formats that a folder without safetensors may hold, by the ends of their files' names.
    private static let formats: [(endings: [String], what: String, way: String)] = [
        (
            [".bin", ".pt", ".pth", ".ckpt"], "a PyTorch checkpoint",
            "load it with transformers and call save_pretrained(folder, safe_serialization=True)"
        ),
        ([".h5"], "TensorFlow weights", "load them with from_tf=True in transformers 4 and save the model again"),
        ([".msgpack"], "Flax weights", "load them with from_flax=True in transformers 4 and save the model again"),
        ([".gguf"], "a GGUF file", "take the model that it was converted from"),
        ([".onnx"], "an ONNX file", "take the model that it was exported from"),
        ([".index"], "a TensorFlow checkpoint", "convert it with transformers"),
    ]

    /// - Throws: ``IOIError`` if `folder` does not hold `config.json` and weights, naming what it holds instead.
    static func refuse(in folder: URL) throws {
        // An interrupted download leaves links to nothing.
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
        }.sorted()
        func error(_ found: String, _ expected: String = "a model folder", _ way: String? = nil) -> IOIError {
            IOIError("\(folder.path): found \(found), expected \(expected)\(way.map { ": \($0)" } ?? "")")
        }
        let holdsWeights = ["model.safetensors", "model.safetensors.index.json"].contains(where: names.contains)
        if names.contains("adapter_config.json"), !(holdsWeights && names.contains("config.json")) {
            throw error(
                "a LoRA or other adapter of peft (adapter_config.json)", "a whole model",
                "call merge_and_unload() of the peft model and save what it returns with save_pretrained"
            )
        }
        if !names.contains("config.json") {
            let isState = names.contains { $0.hasPrefix("random_states_") } || names.contains("optimizer.bin")
            if holdsWeights, isState {
                throw error(
                    "a training state that accelerate saved, without config.json", "a model folder",
                    "save accelerator.unwrap_model(model) with save_pretrained"
                )
            }
            throw error("no config.json")
        }
        guard !holdsWeights else { return }
        for format in formats {
            guard let name = names.first(where: { name in format.endings.contains(where: name.hasSuffix) }) else {
                continue
            }
            throw error("\(format.what) (\(name)) alone", "model.safetensors", format.way)
        }
        throw error("no model.safetensors")
    }
}
