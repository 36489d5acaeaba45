import Foundation

extension GPT2Config {
    /// Reads a `config.json`.
    /// - Throws: `IOIError` naming the file and the field, what was found and what was expected: for a file
    ///   that cannot be read or is not JSON, for numbers that are no shape of a GPT-2, and for settings under
    ///   which the model would compute something else than GPT-2 does.
    public init(contentsOf url: URL) throws {
        try self.init(json: InputFile.read(url), path: url.path)
    }

    /// - Parameter path: what errors call the text.
    init(json data: Data, path: String) throws {
        let fields = try Fields(data, path: path)
        try fields.refuseOtherModels()
        let positions = fields["n_positions"] == nil ? "n_ctx" : "n_positions"
        guard fields[positions] != nil else { throw fields.error("n_positions", "a positive integer") }
        let vocabularySize = try fields.integer("vocab_size")
        let contextLength = try fields.integer(positions)
        let width = try fields.integer("n_embd")
        let layers = try fields.integer("n_layer")
        let heads = try fields.integer("n_head")
        let innerWidth = try fields["n_inner"].map { _ in try fields.integer("n_inner") }
        let epsilon = try fields["layer_norm_epsilon"].map { _ in try fields.number("layer_norm_epsilon") }
        do {
            try self.init(
                vocabularySize: vocabularySize,
                contextLength: contextLength,
                width: width,
                layers: layers,
                heads: heads,
                innerWidth: innerWidth,
                layerNormEpsilon: epsilon ?? 1e-5
            )
        } catch let error as IOIError {
            throw IOIError("\(path): \(error)")
        }
    }

    /// The `config.json` to save beside F32 weights of this shape: sorted keys, indented.
    /// - Parameter original: the `config.json` that the model came with. All its fields are kept, but
    ///   `torch_dtype` and `dtype`, where they stand, become `float32`. Without it, a whole configuration is
    ///   made.
    /// - Throws: `IOIError` where `original` is not a configuration of this very shape.
    public func json(basedOn original: Data?) throws -> Data {
        guard let original else { return Data(StrictJSON.object(fields).prettyPrinted.utf8) }
        let path = "config.json of the model to save"
        guard try GPT2Config(json: original, path: path) == self else {
            throw IOIError("\(path): found the configuration of another shape, expected \(self)")
        }
        var fields = try Fields(original, path: path).members
        for key in ["torch_dtype", "dtype"] where fields[key] != nil { fields[key] = .string("float32") }
        return Data(StrictJSON.object(fields).prettyPrinted.utf8)
    }

    private var fields: [String: StrictJSON] {
        // GPT-2's only special token, which starts and ends texts; a smaller vocabulary has none.
        let endOfText: StrictJSON = vocabularySize > 50256 ? .number("50256") : .null
        func integer(_ value: Int) -> StrictJSON { .number(String(value)) }
        return [
            "activation_function": .string("gelu_new"),
            "architectures": .array([.string("GPT2LMHeadModel")]),
            "attn_pdrop": .number("0.0"),
            "bos_token_id": endOfText,
            "embd_pdrop": .number("0.0"),
            "eos_token_id": endOfText,
            "initializer_range": .number("0.02"),
            "layer_norm_epsilon": .number("\(layerNormEpsilon)"),
            "model_type": .string("gpt2"),
            "n_ctx": integer(contextLength),
            "n_embd": integer(width),
            "n_head": integer(heads),
            "n_inner": innerWidth == 4 * width ? .null : integer(innerWidth),
            "n_layer": integer(layers),
            "n_positions": integer(contextLength),
            "resid_pdrop": .number("0.0"),
            "tie_word_embeddings": .bool(true),
            "torch_dtype": .string("float32"),
            "vocab_size": integer(vocabularySize),
        ]
    }

    /// The fields of a `config.json`, with errors that name them.
    private struct Fields {
        let members: [String: StrictJSON]
        let path: String

        init(_ data: Data, path: String) throws {
            let document: StrictJSON
            do throws(StrictJSON.Failure) {
                document = try StrictJSON(parsing: data)
            } catch {
                throw IOIError("\(path): not sound JSON: \(error)")
            }
            guard case .object(let members) = document else {
                throw IOIError("\(path): found \(document.summary), expected an object")
            }
            self.members = members
            self.path = path
        }

        /// The value of a field; nil where it is absent or null, which Hugging Face treats alike.
        subscript(field: String) -> StrictJSON? {
            members[field] == .null ? nil : members[field]
        }

        func error(_ field: String, _ expected: String) -> IOIError {
            IOIError("\(path): \(field): found \(members[field]?.summary ?? "nothing"), expected \(expected)")
        }

        func integer(_ field: String) throws -> Int {
            guard let value = self[field]?.integer else { throw error(field, "a positive integer") }
            return value
        }

        func number(_ field: String) throws -> Float {
            guard case .number(let spelling) = self[field], let value = Float(spelling) else {
                throw error(field, "a number")
            }
            return value
        }

        func refuseOtherModels() throws {
            // What each setting may be; absent, all have the first value.
            let demands: [(field: String, allowed: [StrictJSON])] = [
                ("model_type", [.string("gpt2")]),
                ("activation_function", [.string("gelu_new"), .string("gelu_pytorch_tanh")]),
                ("tie_word_embeddings", [.bool(true)]),
                ("scale_attn_weights", [.bool(true)]),
                ("scale_attn_by_inverse_layer_idx", [.bool(false)]),
                ("add_cross_attention", [.bool(false)]),
            ]
            for (field, allowed) in demands {
                guard let value = self[field], !allowed.contains(value) else { continue }
                throw error(field, allowed.map(\.summary).joined(separator: " or "))
            }
        }
    }
}
