import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Prompts written in each form and read again.
@Suite struct PromptFormTests {
    private let words: PromptFileTests.Words

    init() throws { words = try PromptFileTests.Words.shared.get() }

    private func read(
        _ data: Data,
        tokenizer: BPETokenizer? = nil,
        _ change: (inout PromptSource) -> Void = { _ in }
    ) throws -> TaskDataset {
        let tokenizer = tokenizer ?? words.tokenizer
        return try withFile(data, named: "own.data") { file in
            var source = PromptSource(count: 1)
            source.file = file.path
            change(&source)
            let config = try GPT2Config(
                vocabularySize: tokenizer.vocabularySize, contextLength: 48, width: 8, layers: 1, heads: 1)
            return try source.data(tokenizer: tokenizer, config: config)
        }
    }

    /// Prompts with several right and wrong answers, or one of each, with shared or own positions, a line each.
    private static let files = [
        """
        {"text": "The red hen saw a", "counterfactual": "The blue hen saw a", "right": [" fox", " cow"], "wrong": [" river"], \
        "positions": {"COLOUR": 1}, "template": "t", "group": "g"}
        {"text": "The blue hen saw a", "counterfactual": "The red hen saw a", "right": [" cow"], "wrong": [" sand", " bank"], \
        "positions": {"COLOUR": 1}, "answer": " cow"}
        """,
        """
        {"text": "The red hen saw a", "counterfactual": "The blue hen saw a", "right": [" fox"], "wrong": [" river"]}
        {"text": "The hen", "right": [" fox"], "wrong": [" cow"], "positions": {"ANIMAL": 1}}
        """,
        """
        {"text": "The red hen saw a", "right": [" fox"]}
        """,
    ]

    /// What all forms hold.
    private func expectSame(_ a: TaskDataset, _ b: TaskDataset, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(a.count == b.count && a.count > 0, sourceLocation: sourceLocation)
        for (a, b) in zip(a.prompts, b.prompts) {
            let isSame =
                a.text == b.text && a.tokens == b.tokens && a.counterfactualText == b.counterfactualText
                && a.counterfactualTokens == b.counterfactualTokens && a.rightTokens == b.rightTokens
                && a.wrongTokens == b.wrongTokens
            #expect(isSame, "\(a)\n\(b)", sourceLocation: sourceLocation)
        }
    }

    @Test(arguments: files, [false, true])
    func eachFormGivesThePromptsAgain(_ lines: String, _ beginningOfText: Bool) throws {
        let dataset = try read(Data(lines.utf8)) { $0.beginningOfText = beginningOfText }
        let full = try read(dataset.contents(as: .lines, tokenizer: words.tokenizer))
        #expect(full.prompts == dataset.prompts)
        for form in [PromptForm.autoCircuit, .table] {
            // There and back by way of the other form.
            let contents = try dataset.contents(as: form, tokenizer: words.tokenizer)
            let once = try read(contents) { $0.beginningOfText = beginningOfText }
            expectSame(once, dataset)
            let other: PromptForm = form == .table ? .autoCircuit : .table
            let twice = try read(once.contents(as: other, tokenizer: words.tokenizer)) {
                $0.beginningOfText = beginningOfText
            }
            expectSame(twice, dataset)
            #expect(form == .autoCircuit || once.prompts.allSatisfy { $0.positions.names == [.end] })
            if form == .autoCircuit, !dataset.losses(in: form).contains("positions") {
                #expect(once.prompts.map(\.positions) == dataset.prompts.map(\.positions))
            }
        }
    }

    @Test func positionsAreWrittenIfAllPromptsShareThem() throws {
        func json(_ lines: String) throws -> String {
            String(
                decoding: try read(Data(lines.utf8)).contents(as: .autoCircuit, tokenizer: words.tokenizer),
                as: UTF8.self)
        }
        #expect(
            try json(Self.files[0]).hasPrefix(
                "{\"word_idxs\":{\"COLOUR\":1,\"END\":4},\"prompts\":[\n{\"clean\":\"The red hen"))
        #expect(try json(Self.files[1]).hasPrefix("{\"prompts\":[\n{"))
        #expect(try read(Data(Self.files[0].utf8)).losses(in: .autoCircuit) == ["templates", "groups"])
        #expect(try read(Data(Self.files[1].utf8)).losses(in: .autoCircuit) == ["templates", "groups", "positions"])
    }

    @Test func columnsDependOnTheAnswers() throws {
        func table(_ lines: String) throws -> [Substring] {
            String(decoding: try read(Data(lines.utf8)).contents(as: .table, tokenizer: words.tokenizer), as: UTF8.self)
                .split(separator: "\n")
        }
        #expect(
            try table(Self.files[0])[...1] == [
                "clean,corrupted,correct,incorrect", "The red hen saw a,The blue hen saw a, fox| cow, river",
            ]
        )
        let (fox, cow) = (try words.token(" fox"), try words.token(" cow"))
        #expect(try table(Self.files[1])[0] == "clean,corrupted,correct_idx,incorrect_idx")
        #expect(try table(Self.files[1])[2] == "The hen,,\(fox),\(cow)")
        #expect(try table(Self.files[2]) == ["clean,correct,incorrect", "The red hen saw a, fox,"])
    }

    @Test(arguments: ChoiceTask.allCases)
    func generatedPromptsAreReadAgain(_ task: ChoiceTask) throws {
        let tokenizer = try ChoiceFixture.shared.get().tokenizer
        let dataset = try task.dataset(count: 40, seed: 3, tokenizer: tokenizer)
        let lines = try dataset.contents(as: .lines, tokenizer: tokenizer)
        #expect(lines == dataset.jsonLines)
        #expect(try read(lines, tokenizer: tokenizer).prompts == dataset.prompts)
        for form in [PromptForm.autoCircuit, .table] {
            let contents = try dataset.contents(as: form, tokenizer: tokenizer)
            let read = try read(contents, tokenizer: tokenizer)
            expectSame(read, dataset)
            if form == .table {
                let header = String(decoding: contents, as: UTF8.self).split(separator: "\n")[0].split(separator: ",")
                #expect(header.contains("label") == (task == .greaterThan))
                #expect(task != .greaterThan || read.prompts.map(\.group) == dataset.prompts.map(\.group))
            }
        }
    }

    /// The label of name moving is neither IO nor S.
    @Test func whatIsLostIsSaid() throws {
        let generator = try TaskFixture.shared.get().generator()
        func losses(_ rule: DatasetRule, _ form: PromptForm) throws -> [String] {
            TaskDataset(try generator.dataset(rule, count: 10, seed: 0)).losses(in: form)
        }
        #expect(try losses(TaskFixture.clean, .lines) == [] && losses(TaskFixture.nameMoving, .lines) == [])
        #expect(try losses(TaskFixture.clean, .table) == ["templates", "groups", "positions"])
        #expect(try losses(TaskFixture.nameMoving, .table) == ["templates", "groups", "positions", "labels"])
    }

    @Test(arguments: DatasetRule.all)
    func ioiPromptsAreReadAgain(_ rule: DatasetRule) throws {
        let fixture = try TaskFixture.shared.get()
        let tokenizer = fixture.tokenizer
        let dataset = TaskDataset(try fixture.generator().dataset(rule, count: 40, seed: 5))
        let lines = try dataset.contents(as: .lines, tokenizer: tokenizer)
        #expect(lines == dataset.jsonLines)
        for form in [PromptForm.autoCircuit, .table] {
            let contents = try dataset.contents(as: form, tokenizer: tokenizer)
            expectSame(try read(contents, tokenizer: tokenizer), dataset)
            guard rule.atS2 == .s else { continue }
            // The names and positions again.
            let sentences = try read(contents, tokenizer: tokenizer) { $0.answers = .sentence }
            expectSame(sentences, dataset)
            #expect(sentences.prompts.map(\.positions) == dataset.prompts.map(\.positions))
            #expect(sentences.ioi?.prompts.map(\.s) == dataset.ioi?.prompts.map(\.s))
        }
    }

    @Test func whatAFormCannotHoldIsRefused() throws {
        func written(_ fields: String, _ form: PromptForm) throws -> Data {
            try read(Data("{\"text\": \"The hen\", \(fields)}".utf8)).contents(as: form, tokenizer: words.tokenizer)
        }
        let byte = try #require(words.tokenizer.encode("é").first)
        for form in [PromptForm.autoCircuit, .table] {
            expectError(containing: "prompt 0: tokens: found others than those of the text") {
                try written("\"tokens\": [1, 2], \"right\": [3]", form)
            }
            expectError(containing: "prompt 0: right_tokens: found token \(byte), which is not") {
                try written("\"right\": [\(byte)]", form)
            }
            expectError(containing: "prompt 0: counterfactual_tokens: found others than those of a text") {
                try written("\"right\": [3], \"counterfactual_tokens\": [\(byte), \(byte)]", form)
            }
            #expect(throws: Never.self) { try written("\"right\": [\" fox\"]", form) }
        }
        let bar = try #require(words.tokenizer.token(for: "|"))
        expectError(containing: "prompt 0: found the answer \"|\", expected none with |") {
            try written("\"right\": [\(bar)]", .table)
        }
    }

    @Test func extensionsTellTheForm() throws {
        #expect(try PromptForm(path: "a/b.jsonl") == .lines && PromptForm(path: "b.JSON") == .autoCircuit)
        #expect(try PromptForm(path: "b.csv") == .table)
        #expect(try PromptForm(path: "a.b/csv") == .lines)
        for path in ["b.txt", "b.gz"] {
            expectError(containing: "out: found \"\(path)\", expected a name that ends in one of .jsonl, .json, .csv") {
                try PromptForm(path: path)
            }
        }
    }
}
