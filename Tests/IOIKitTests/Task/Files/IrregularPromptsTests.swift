import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Prompts of files whose answers or positions are in doubt.
@Suite struct IrregularPromptsTests {
    private static let text = "Then, Mary and John went to the store. John gave a drink to"
    private static let extra = [" with Mary.", "<|endoftext|>", "Mary", " fox", " hen"]

    private let tokenizer: BPETokenizer
    private let config: GPT2Config

    init() throws {
        tokenizer = try .covering(texts: [Self.text] + Self.extra)
        config = try GPT2Config(
            vocabularySize: tokenizer.vocabularySize, contextLength: 48, width: 8, layers: 1, heads: 1)
    }

    private func read(_ content: String, _ change: (inout PromptSource) -> Void = { _ in }) throws -> TaskDataset {
        try withFile(content, named: "own.jsonl") { file in
            var source = PromptSource(count: 1)
            source.file = file.path
            // Without a list of names, which the tokenizer would have to know.
            source.counterfactual = .s2ToIO
            change(&source)
            return try source.data(tokenizer: tokenizer, config: config)
        }
    }

    private static func line(_ text: String, _ fields: String = "") -> String {
        "{\"text\": \"\(text)\", \"io\": \"Mary\", \"s\": \"John\"\(fields)}\n"
    }

    /// What is wrong, and the text that has it.
    private static let irregular = [
        ("text: ends in its answer \" Mary\", expected it to end before", text + " Mary"),
        ("s: found \" John\" 3 times in the prompt, expected twice", text.replacing("store", with: "store John")),
        ("io: found \" Mary\" 2 times in the prompt, expected once", text.replacing("store", with: "store Mary")),
        // A name that begins the text has another token.
        (
            "io: found \" Mary\" 2 times in the prompt, expected once",
            "Mary" + text.dropFirst(5)
        ),
        ("text: begins with <|endoftext|>, which is read letter by letter", "<|endoftext|>" + text),
    ]

    @Test(arguments: irregular.indices)
    func irregularPromptsAreRefusedOrListed(_ index: Int) throws {
        let (problem, text) = Self.irregular[index]
        let content = Self.line(Self.text) + Self.line(text)
        expectError(containing: "own.jsonl line 2: \(problem)", "; irregular: warn takes them") {
            try read(content) { $0.irregular = .refuse }
        }
        let dataset = try read(content)
        #expect(dataset.count == 2 && dataset.irregular.count == 1)
        #expect(dataset.irregular[0].contains("own.jsonl line 2: \(problem)"))
        #expect(DatasetRecord(dataset).irregular == 1)
    }

    @Test func regularPromptsPass() throws {
        let third = Self.text.replacing(". John", with: ". Mary and John")
        #expect(try read(Self.line(Self.text)) { $0.irregular = .refuse }.irregular.isEmpty)
        let many = Self.line(Self.text) + Self.line(third) + Self.line(third)
        expectError(containing: "own.jsonl line 2: io:", "; 2 of 3 prompts are irregular; irregular: warn") {
            try read(many) { $0.irregular = .refuse }
        }
        // Given tokens say where the text begins.
        let start = try #require(tokenizer.endOfText)
        let tokens = ([start] + tokenizer.encode(Self.text)).map(String.init).joined(separator: ",")
        let given = Self.line("<|endoftext|>" + Self.text, ", \"tokens\": [\(tokens)]")
        #expect(try read(given) { $0.irregular = .refuse }.count == 1)
    }

    @Test func promptsOfAnyTaskAreCheckedToo() throws {
        func line(_ text: String) -> String {
            "{\"text\": \"\(text)\", \"right\": [\" fox\"], \"wrong\": [\" hen\"]}\n"
        }
        // A wrong answer at the end may be part of the question.
        #expect(try read(line("Then, the hen")) { ($0.irregular, $0.counterfactual) = (.refuse, .distinct) }.count == 1)
        for (text, problem) in [
            ("Then, the fox", "text: ends in its answer \" fox\""), ("<|endoftext|>Then, the", "text: begins with"),
        ] {
            expectError(containing: "own.jsonl line 1: \(problem)") {
                try read(line(text)) { ($0.irregular, $0.counterfactual) = (.refuse, .distinct) }
            }
        }
    }

    /// Results of versions that did not look for irregular prompts are repeated as they were.
    @Test func absenceMeansTaken() throws {
        var source = PromptSource(count: 1)
        source.file = "/own.jsonl"
        let old = try JSONEncoder().encode(source)
        #expect(!String(decoding: old, as: UTF8.self).contains("irregular"))
        #expect(try JSONDecoder().decode(PromptSource.self, from: old).irregular == .warn)
        source.irregular = .refuse
        #expect(try JSONDecoder().decode(PromptSource.self, from: JSONEncoder().encode(source)) == source)
    }

    @Test func templatesMayBeNumbers() throws {
        let templates = try read(
            Self.line(Self.text, ", \"template\": 7") + Self.line(Self.text, ", \"template\": \"7\"")
                + Self.line(Self.text, ", \"template\": -1") + Self.line(Self.text)
        ).prompts.map(\.template)
        #expect(templates == ["7", "7", "-1", "custom"])
        expectError(containing: "own.jsonl line 1: template: found [7], expected a string") {
            try read(Self.line(Self.text, ", \"template\": [7]"))
        }
    }

    /// A counterfactual that is given as text begins as the prompt does.
    @Test func counterfactualsBeginAsTheirPrompts() throws {
        let tokens = tokenizer.encode(Self.text)
        let given = Self.line(
            Self.text,
            ", \"abc_text\": \"\(Self.text)\", \"tokens\": [\(tokens.map(String.init).joined(separator: ","))]")
        let prompt = try read(given) { $0.beginningOfText = true }.prompts[0]
        #expect(prompt.counterfactualTokens == tokens)
    }

    // MARK: Options without effect

    @Test func idleOptionsAreListed() throws {
        let tokens = tokenizer.encode(Self.text).map(String.init).joined(separator: ",")
        let abc = ", \"abc_text\": \"\(Self.text)\""
        #expect(try read(Self.line(Self.text)).idle.keys.sorted() == ["names"])
        #expect(try read(Self.line(Self.text, ", \"tokens\": [\(tokens)]")).idle.keys.sorted() == ["bos", "names"])
        #expect(try read(Self.line(Self.text, abc)).idle.keys.sorted() == ["abc", "names"])
        let whole = Self.line(Self.text, abc + ", \"tokens\": [\(tokens)]")
        #expect(try read(whole).idle.keys.sorted() == ["abc", "bos", "names"])
        // One prompt that lacks something is enough.
        #expect(try read(whole + Self.line(Self.text)).idle.keys.sorted() == ["names"])
        let pair = "{\"text\": \"Then, the\", \"right\": [\" fox\"]}"
        #expect(try read(pair) { $0.counterfactual = .distinct }.idle.keys.sorted() == ["abc", "names"])
    }
}
