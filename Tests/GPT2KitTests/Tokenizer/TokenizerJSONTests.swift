import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct TokenizerJSONTests {
    private let folder = try! ModelTestFolder()
    private let small = try! BPETokenizer(directory: TokenizerFixtures.smallFolder)

    /// A tokenizer.json of the small tokenizer, with changes.
    private func document(
        joined: Bool = false,
        added: [(String, Int)] = [],
        _ change: (inout [String: Any]) -> Void = { _ in }
    ) throws -> Data {
        let base = small.tokens.enumerated().filter { $1 != "<|endoftext|>" }
        let merges = small.mergePairs.map { [small.tokens[Int($0.left)], small.tokens[Int($0.right)]] }
        let end = small.endOfText.map { [("<|endoftext|>", $0)] } ?? []
        var fields: [String: Any] = [
            "version": "1.0", "truncation": ["max_length": 8], "normalizer": NSNull(),
            "added_tokens": (end + added).map { content, id in
                ["id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false] as [String: Any]
            },
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true],
            "post_processor": ["type": "TemplateProcessing", "special_tokens": [String: Any]()],
            "decoder": ["type": "ByteLevel"],
            "model": [
                "type": "BPE", "dropout": NSNull(), "unk_token": NSNull(), "continuing_subword_prefix": "",
                "end_of_word_suffix": "", "vocab": Dictionary(uniqueKeysWithValues: base.map { ($1, $0) }),
                "merges": joined ? merges.map { $0.joined(separator: " ") } : merges as Any,
            ] as [String: Any],
        ]
        change(&fields)
        return try JSONSerialization.data(withJSONObject: fields)
    }

    private func read(_ document: Data) throws -> BPETokenizer {
        try folder.put("tokenizer.json", document)
        return try BPETokenizer(directory: folder.url)
    }

    @Test func bothFormsOfMergesGiveTheSameTokens() throws {
        let cases = try TokenizerFixtures.load()
        for joined in [false, true] {
            let tokenizer = try read(document(joined: joined))
            #expect(tokenizer.tokens == small.tokens)
            #expect(tokenizer.difference(from: small) == nil)
            for (text, ids) in zip(cases.strings, cases.small) { #expect(tokenizer.encode(text) == ids) }
        }
    }

    @Test func addedTokensAreTakenWhole() throws {
        let count = small.vocabularySize
        let added = [("[PAD]", count), ("[PAD]2", count + 1), ("é\u{10000}", count + 2)]
        let tokenizer = try read(document(added: added))
        #expect(tokenizer.vocabularySize == count + 3)
        #expect(tokenizer.addedTokens == added.map(\.0))
        let text = "a[PAD]b[PAD]2[PAD<|endoftext|>é\u{10000}"
        #expect(
            tokenizer.encode(text)
                == small.encode("a") + [count] + small.encode("b") + [count + 1] + small.encode("[PAD")
                + [small.endOfText!, count + 2]
        )
        #expect(tokenizer.decode(tokenizer.encode(text)) == text)
        #expect(tokenizer.difference(from: small) == nil)
        // A model without rows for them.
        let limited = try #require(tokenizer.limited(to: count + 1))
        #expect(limited.addedTokens == ["[PAD]"])
        #expect(limited.encode("[PAD]2") == [count] + small.encode("2"))
        #expect(tokenizer.limited(to: count) == small)
        #expect(tokenizer.limited(to: count - 1) == nil)
    }

    @Test func addedTokensOfOtherFilesCount() throws {
        let count = small.vocabularySize
        for name in ["vocab.json", "merges.txt"] {
            try folder.put(name, Data(contentsOf: TokenizerFixtures.smallFolder.appendingPathComponent(name)))
        }
        try folder.put("added_tokens.json", "{\"[PAD]\": \(count)}")
        let tokenizer = try BPETokenizer(directory: folder.url)
        #expect(tokenizer.addedTokens == ["[PAD]"])
        // What is written reads back.
        let copy = folder.file("copy")
        try tokenizer.write(to: copy)
        #expect(try BPETokenizer(directory: copy) == tokenizer)
        #expect(try BPETokenizer(directory: copy).addedTokens == ["[PAD]"])
        // tokenizer.json decides where there is one.
        #expect(try read(document(added: [("[SEP]", count)])).addedTokens == ["[SEP]"])
        try folder.put("added_tokens.json", "{\"a\": 7}")
        try FileManager.default.removeItem(at: folder.file("tokenizer.json"))
        expectError(containing: "token \"a\" has id", "but is added as 7") { try BPETokenizer(directory: folder.url) }
    }

    @Test func tokenizersOfOtherKindsAreRefused() throws {
        func model(_ key: String, _ value: Any) -> (inout [String: Any]) -> Void {
            return { fields in
                var model = fields["model"] as! [String: Any]
                model[key] = value
                fields["model"] = model
            }
        }
        let cases: [((inout [String: Any]) -> Void, String)] = [
            (model("type", "WordPiece"), "model: found \"WordPiece\", expected \"BPE\""),
            (model("type", "Unigram"), "model: found \"Unigram\", expected \"BPE\""),
            (model("dropout", 0.1), "model: found a dropout of 0.1, expected none"),
            (model("continuing_subword_prefix", "##"), "model: found \"##\" put at tokens, expected none"),
            (model("ignore_merges", true), "model: found ignore_merges, expected merges that are applied"),
            ({ $0["normalizer"] = ["type": "NFKC"] }, "normalizer: found \"NFKC\", expected none"),
            ({ $0["pre_tokenizer"] = NSNull() }, "pre_tokenizer: found none, expected \"ByteLevel\""),
            ({ $0["pre_tokenizer"] = ["type": "Whitespace"] }, "pre_tokenizer: found \"Whitespace\""),
            (
                { $0["pre_tokenizer"] = ["type": "ByteLevel", "add_prefix_space": true] },
                "pre_tokenizer: found add_prefix_space true, expected false"
            ),
            (
                { $0["pre_tokenizer"] = ["type": "ByteLevel", "use_regex": false] },
                "pre_tokenizer: found use_regex false, expected true"
            ),
            (
                { $0["post_processor"] = ["type": "TemplateProcessing", "special_tokens": ["<s>": ["id": "<s>"]]] },
                "post_processor: found \"<s>\" put around each text, expected no token"
            ),
            ({ $0["post_processor"] = ["type": "BertProcessing"] }, "post_processor: found \"BertProcessing\""),
            (
                { $0["added_tokens"] = [["id": 0, "content": "!", "lstrip": true] as [String: Any]] },
                "added_tokens: found \"!\" with single_word, lstrip or rstrip"
            ),
            (model("merges", [["a", "b", "c"]]), "model.merges[0]: found 3 tokens, expected two"),
        ]
        for (change, complaint) in cases {
            expectError(containing: "tokenizer.json: \(complaint)") { try read(document(change)) }
        }
        for name in ["add_prefix_space", "add_bos_token"] {
            try folder.put("tokenizer_config.json", "{\"\(name)\": true}")
            expectError(containing: "tokenizer_config.json: \(name): found true, expected false") {
                try read(document())
            }
        }
    }

    @Test func pointersAndWideTextAreNamed() throws {
        try folder.put("tokenizer.json", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n")
        expectError(containing: "tokenizer.json: found a Git LFS pointer") { try BPETokenizer(directory: folder.url) }
        let wide = try #require(String(decoding: document(), as: UTF8.self).data(using: .utf16LittleEndian))
        expectError(containing: "tokenizer.json: found text in UTF-16") { try read(wide) }
    }

    @Test func differencesAreNamed() throws {
        let a = try BPETokenizer.covering(texts: ["one two"])
        let b = try BPETokenizer.covering(texts: ["one six"])
        #expect(a.difference(from: a) == nil)
        let found = try #require(a.difference(from: b))
        #expect(found.hasPrefix("found ") && found.contains(" as token "), "\(found)")
    }
}
