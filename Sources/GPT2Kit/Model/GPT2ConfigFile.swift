import Foundation

extension GPT2Config {
    /// Reads a `config.json`.
    /// - Throws: ``IOIError`` naming the file and the field, what was found and what was expected, if the file cannot
    ///   be read, is not JSON, has dimensions out of range, or settings under which the model is not a GPT-2.
    public init(contentsOf url: URL) throws {
        try self.init(json: InputFile.readText(url), path: url.path)
    }

    /// Whether a `config.json` says that the unembedding is the embedding.
    package static func tiesEmbeddings(_ url: URL) throws -> Bool {
        try InputFile.decode(Fields.self, from: InputFile.readText(url), path: url.path).tiedEmbeddings ?? true
    }

    /// - Parameter path: names the text in errors.
    init(json data: Data, path: String) throws {
        // Before the fields of a GPT-2, which other models lack.
        let kind = try InputFile.decode(Kind.self, from: data, path: path)
        do {
            try kind.refuseOtherModels()
        } catch let error as IOIError {
            throw IOIError("\(path): \(error)")
        }
        let fields = try InputFile.decode(Fields.self, from: data, path: path)
        do {
            try fields.refuseOtherModels()
            guard let contextLength = fields.positions ?? fields.contextLength else {
                throw IOIError("n_positions: found nothing, expected a positive integer")
            }
            try self.init(
                vocabularySize: fields.vocabularySize.value, contextLength: contextLength.value,
                width: fields.width.value, layers: fields.layers.value, heads: fields.heads.value,
                innerWidth: fields.innerWidth?.value, layerNormEpsilon: fields.layerNormEpsilon ?? 1e-5,
                activation: fields.gelu(), scalesAttentionByLayer: fields.attentionScaledByLayer ?? false
            )
        } catch let error as IOIError {
            throw IOIError("\(path): \(error)")
        }
    }

    /// A complete `config.json` for F32 weights of this shape: sorted keys, indented.
    /// - Parameters:
    ///   - endOfText: the id of GPT-2's only special token, which begins and ends texts.
    ///   - note: see ``ModelLocation/note``.
    func json(endOfText: Int?, note: String? = nil) throws -> Data {
        var fields = fields
        if scalesAttentionByLayer { fields["scale_attn_by_inverse_layer_idx"] = true }
        for key in ["bos_token_id", "eos_token_id"] { fields[key] = endOfText ?? NSNull() as Any }
        if let note { fields[ModelLocation.noteField] = note }
        return try Self.text(of: fields)
    }

    /// The `config.json` for F32 weights of this shape, based on the model's original. All fields are kept, except those
    /// that say what else was in the original: `torch_dtype` and `dtype` become `float32`, `tie_word_embeddings` true and
    /// `architectures` a language model, if present.
    /// - Throws: ``IOIError`` if `original` has a different shape.
    func json(basedOn original: Data) throws -> Data {
        let path = "config.json of the model to save"
        guard try GPT2Config(json: original, path: path) == self else {
            throw IOIError("\(path): found the configuration of another shape, expected \(self)")
        }
        var fields = try JSONSerialization.jsonObject(with: original) as? [String: Any] ?? [:]
        for key in ["torch_dtype", "dtype"] where fields[key] != nil { fields[key] = "float32" }
        if fields["tie_word_embeddings"] != nil { fields["tie_word_embeddings"] = true }
        if fields["architectures"] != nil { fields["architectures"] = ["GPT2LMHeadModel"] }
        return try Self.text(of: fields)
    }

    private static func text(of fields: [String: Any]) throws -> Data {
        try JSONSerialization.data(
            withJSONObject: fields, options: [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        )
    }

    private var fields: [String: Any] {
        [
            "activation_function": activation.rawValue,
            "architectures": ["GPT2LMHeadModel"],
            "attn_pdrop": 0,
            "embd_pdrop": 0,
            "initializer_range": 0.02,
            "layer_norm_epsilon": layerNormEpsilon,
            "model_type": "gpt2",
            "n_ctx": contextLength,
            "n_embd": width,
            "n_head": heads,
            "n_inner": innerWidth == 4 * width ? NSNull() : innerWidth as Any,
            "n_layer": layers,
            "n_positions": contextLength,
            "resid_pdrop": 0,
            "tie_word_embeddings": true,
            "torch_dtype": "float32",
            "vocab_size": vocabularySize,
        ]
    }

    /// What a `config.json` says of the kind of model.
    private struct Kind: Decodable {
        let modelType: String?
        let architectures: [String]?

        enum CodingKeys: String, CodingKey {
            case modelType = "model_type"
            case architectures
        }

        func refuseOtherModels() throws {
            if let modelType, modelType != "gpt2" {
                throw IOIError(
                    "model_type: found \(ForeignModel.name(of: modelType)), expected \"gpt2\": only models of GPT-2's "
                        + "architecture can be read"
                )
            }
            if modelType == nil, let other = architectures?.first(where: { !$0.hasPrefix("GPT2") }) {
                throw IOIError(
                    "architectures: found \(other.quoted), expected \"GPT2LMHeadModel\": only models of GPT-2's "
                        + "architecture can be read"
                )
            }
        }
    }

    /// The fields of a `config.json` used here. As in `transformers`, null counts as absent.
    private struct Fields: Decodable {
        let vocabularySize: WholeNumber
        let positions: WholeNumber?
        /// An older name of `n_positions`.
        let contextLength: WholeNumber?
        let width: WholeNumber
        let layers: WholeNumber
        let heads: WholeNumber
        let innerWidth: WholeNumber?
        let layerNormEpsilon: Float?
        let activation: String?
        let tiedEmbeddings: Bool?
        let scaledAttention: Bool?
        let attentionScaledByLayer: Bool?
        let crossAttention: Bool?

        enum CodingKeys: String, CodingKey {
            case vocabularySize = "vocab_size"
            case positions = "n_positions"
            case contextLength = "n_ctx"
            case width = "n_embd"
            case layers = "n_layer"
            case heads = "n_head"
            case innerWidth = "n_inner"
            case layerNormEpsilon = "layer_norm_epsilon"
            case activation = "activation_function"
            case tiedEmbeddings = "tie_word_embeddings"
            case scaledAttention = "scale_attn_weights"
            case attentionScaledByLayer = "scale_attn_by_inverse_layer_idx"
            case crossAttention = "add_cross_attention"
        }

        func refuseOtherModels() throws {
            try demand([true], of: scaledAttention, .scaledAttention)
            try demand([false], of: crossAttention, .crossAttention)
        }

        func gelu() throws -> GELU {
            switch activation {
            case nil, "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_accurate": return .tanh
            case "gelu", "gelu_python": return .exact
            default:
                throw IOIError(
                    "activation_function: found \(activation!.quoted), expected \"gelu_new\", \"gelu_pytorch_tanh\" or \"gelu\""
                )
            }
        }

        /// - Parameter allowed: the values a field may have if present; the first is what its absence means.
        private func demand<Value: Equatable>(_ allowed: [Value], of found: Value?, _ key: CodingKeys) throws {
            guard let found, !allowed.contains(found) else { return }
            let expected = allowed.map { String(reflecting: $0) }.joined(separator: " or ")
            throw IOIError("\(key.rawValue): found \(String(reflecting: found)), expected \(expected)")
        }
    }
}
