import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct GPT2ConfigTests {
    private static let sound: [String: String] = [
        "model_type": "\"gpt2\"", "vocab_size": "100", "n_positions": "32", "n_embd": "24", "n_layer": "2",
        "n_head": "3",
    ]

    /// A small sound configuration with some fields changed; an empty string takes a field out.
    private func text(_ changes: [String: String] = [:]) -> Data {
        let fields = Self.sound.merging(changes) { _, new in new }.filter { !$0.value.isEmpty }
        return Data("{\(fields.map { "\"\($0)\": \($1)" }.joined(separator: ", "))}".utf8)
    }

    private func read(_ changes: [String: String] = [:]) throws -> GPT2Config {
        try GPT2Config(json: text(changes), path: "c.json")
    }

    @Test func thePublishedSizesAreThemselvesSound() throws {
        for (config, layers, heads) in [
            (GPT2Config.small, 12, 12), (.medium, 24, 16), (.large, 36, 20), (.xl, 48, 25),
        ] {
            #expect(config.layers == layers && config.heads == heads && config.headWidth == 64)
            let checked = try GPT2Config(
                vocabularySize: 50257,
                contextLength: 1024,
                width: config.width,
                layers: layers,
                heads: heads
            )
            #expect(config == checked)
        }
    }

    @Test func theFieldsAreRead() throws {
        let plain = try read()
        #expect(
            plain
                == (try GPT2Config(
                    vocabularySize: 100,
                    contextLength: 32,
                    width: 24,
                    layers: 2,
                    heads: 3,
                    innerWidth: 96,
                    layerNormEpsilon: 1e-5
                ))
        )
        #expect(plain.headWidth == 8)
        #expect(try read(["n_inner": "null"]) == plain)
        #expect(try read(["n_inner": "50"]).innerWidth == 50)
        #expect(try read(["layer_norm_epsilon": "1e-6"]).layerNormEpsilon == 1e-6)
        #expect(try read(["n_positions": "", "n_ctx": "32"]) == plain)
        #expect(try read(["n_ctx": "1024"]) == plain)
        #expect(try read(["model_type": ""]) == plain)
        let harmless = [
            "activation_function": "\"gelu_pytorch_tanh\"", "tie_word_embeddings": "true",
            "scale_attn_weights": "true",
            "scale_attn_by_inverse_layer_idx": "false", "reorder_and_upcast_attn": "true",
            "add_cross_attention": "false", "anything": "{\"else\": [1]}",
        ]
        #expect(try read(harmless) == plain)
        #expect(try read(["activation_function": "\"gelu_new\""]) == plain)
    }

    @Test(arguments: ["vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "n_inner"])
    func numbersThatAreNoSizesAreRefused(_ field: String) throws {
        for value in [
            "12.5", "\"12\"", "-1", "0", "true", "[12]", "99999999", "1e+99", "9223372036854775808",
        ] {
            let error = ioiError { _ = try read([field: value]) }
            let text = try #require(error?.description, "\(field) \(value)")
            #expect(text.hasPrefix("c.json: \(field): found \(value), expected "), "\(text)")
            #expect(error?.kind == .failure)
        }
        guard field != "n_inner" else { return }
        for value in ["", "null"] {
            let text = try #require(ioiError { _ = try read([field: value]) }?.description)
            #expect(
                ["nothing", "null"].contains { text.hasPrefix("c.json: \(field): found \($0), expected ") },
                "\(text)"
            )
        }
    }

    @Test func othersOfItsKindAreRefused() throws {
        let cases: [(String, String, String)] = [
            ("activation_function", "\"relu\"", "\"gelu_new\", \"gelu_pytorch_tanh\" or \"gelu\""),
            ("scale_attn_weights", "false", "true"),
            ("add_cross_attention", "true", "false"),
            ("add_cross_attention", "0", "true or false"),
            ("activation_function", "[\"gelu_new\"]", "a string"),
            ("n_head", "5", "a divisor of n_embd, 24"),
            ("layer_norm_epsilon", "\"1e-5\"", "a number"),
            ("layer_norm_epsilon", "0", "a number between 0 and 1"),
            ("layer_norm_epsilon", "-1e-5", "a number between 0 and 1"),
        ]
        for (field, value, expected) in cases {
            let text = try #require(ioiError { _ = try read([field: value]) }?.description)
            #expect(text.hasPrefix("c.json: \(field): found "))
            #expect(text.hasSuffix(", expected \(expected)"), "\(text)")
        }
    }

    @Test func whatChangesTheArithmeticIsRead() throws {
        for name in ["gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_accurate"] {
            #expect(try read(["activation_function": "\"\(name)\""]).activation == .tanh)
        }
        let exact = try read(["activation_function": "\"gelu\"", "scale_attn_by_inverse_layer_idx": "true"])
        #expect(exact.activation == .exact && exact.scalesAttentionByLayer)
        // 24 / 3 dimensions a head.
        #expect(exact.attentionScale(layer: 0) == 1 / Float(8).squareRoot())
        #expect(exact.attentionScale(layer: 3) == 1 / Float(8).squareRoot() / 4)
        // What is written reads back.
        #expect(try GPT2Config(json: exact.json(endOfText: nil), path: "c.json") == exact)
    }

    @Test func otherArchitecturesAreNamed() throws {
        let folder = try ModelTestFolder()
        // Without a field of GPT-2's.
        for (text, complaint) in [
            (#"{"model_type": "llama", "hidden_size": 64}"#, "model_type: found \"llama\" (Llama), expected \"gpt2\""),
            (#"{"model_type": "gpt_neo"}"#, "model_type: found \"gpt_neo\" (GPT-Neo), expected \"gpt2\""),
            (#"{"model_type": "strange"}"#, "model_type: found \"strange\", expected \"gpt2\""),
            (#"{"architectures": ["OPTForCausalLM"]}"#, "architectures: found \"OPTForCausalLM\", expected"),
        ] {
            let url = try folder.put("other.json", text)
            let found = try #require(ioiError { _ = try GPT2Config(contentsOf: url) }?.description)
            #expect(found.hasPrefix("\(url.path): \(complaint)"), "\(found)")
        }
        let wide = try folder.put(
            "wide.json", try #require(String(decoding: text(), as: UTF8.self).data(using: .utf16)))
        expectError(containing: "text in UTF-16") { try GPT2Config(contentsOf: wide) }
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 665\n"
        let missing = try folder.put("pointer.json", pointer)
        expectError(containing: "a Git LFS pointer", "git lfs pull") { try GPT2Config(contentsOf: missing) }
    }

    @Test func filesThatAreNoConfigurationAreRefused() throws {
        let folder = try ModelTestFolder()
        func message(_ url: URL) -> String? { ioiError { _ = try GPT2Config(contentsOf: url) }?.description }
        let missing = folder.file("config.json")
        #expect(message(missing) == "\(missing.path): cannot be read: No such file or directory")
        #expect(message(folder.url) == "\(folder.url.path): found a folder, expected a file")
        for (contents, complaint) in [
            ("", "not sound JSON: Unexpected end of file during JSON parse."),
            ("{\"vocab_size\": 1e999}", "not sound JSON: Number 1e999 is not representable in Swift."),
            ("[]", "found [], expected an object"),
        ] {
            let url = try folder.put("bad.json", contents)
            #expect(message(url) == "\(url.path): \(complaint)")
        }
        let sound = try folder.put("sound.json", text())
        #expect(try GPT2Config(contentsOf: sound) == read())
    }

    @Test func theGreatestSizesDoNotOverflow() throws {
        let config = try GPT2Config(
            vocabularySize: 1 << 24,
            contextLength: 1 << 20,
            width: 1 << 16,
            layers: 1 << 10,
            heads: 1 << 16,
            innerWidth: 1 << 20
        )
        let block = 4 * config.width * config.width + 2 * config.width * config.innerWidth
        let bytes =
            (config.layers * block + (config.vocabularySize + config.contextLength) * config.width) * 16
        #expect(bytes > 0)
    }

    @Test func aConfigurationMadeFromNothingReadsBack() throws {
        let odd = try GPT2Config(
            vocabularySize: 99,
            contextLength: 7,
            width: 12,
            layers: 3,
            heads: 2,
            innerWidth: 5,
            layerNormEpsilon: 2e-6
        )
        for config in [GPT2Config.small, .xl, odd] {
            let json = try config.json(endOfText: config.vocabularySize - 1)
            #expect(try GPT2Config(json: json, path: "c") == config)
            let fields = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
            #expect(fields["eos_token_id"] as? Int == config.vocabularySize - 1)
        }
    }

    @Test func theOriginalsFieldsStay() throws {
        let original = text([
            "torch_dtype": "\"float16\"", "layer_norm_epsilon": "1e-05",
            "task_specific_params": "{\"a\": {\"b\": 1.50}}",
            "n_inner": "null", "summary_type": "\"cls_index\"", "summary_use_proj": "true",
            "use_cache": "false", "url": "\"a/b\"", "initializer_range": "0.02",
        ])
        let config = try GPT2Config(json: original, path: "c")
        let saved = try config.json(basedOn: original)
        func object(_ json: Data) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        }
        #expect(try Set(object(saved).keys) == Set(object(original).keys))
        // As text, since in memory `true` and 1 are equal.
        let text = String(decoding: saved, as: UTF8.self)
        for line in [
            "\"layer_norm_epsilon\" : 1e-05,", "\"n_inner\" : null,", "\"summary_use_proj\" : true,",
            "\"use_cache\" : false,", "\"n_layer\" : 2,", "\"url\" : \"a/b\",", "\"b\" : 1.5",
            "\"initializer_range\" : 0.02,", "\"torch_dtype\" : \"float32\",", "\"vocab_size\" : 100",
        ] { #expect(text.contains(line), "\(line)") }

        let newer = try object(config.json(basedOn: self.text(["dtype": "\"bfloat16\""])))
        #expect(newer["dtype"] as? String == "float32")
        #expect(newer["torch_dtype"] == nil)

        #expect(throws: IOIError.self) { try GPT2Config.small.json(basedOn: original) }
    }
}
