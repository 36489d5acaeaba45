import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct PromptReaderTests {
    private static let text = "Then, Mary and John went to the store. John gave a drink to"
    private static let minimal = "{\"text\": \"\(text)\", \"io\": \"Mary\", \"s\": \" John\"}"

    private let tokenizer: BPETokenizer
    private let names: NameList

    init() throws {
        names = try NameList(["Anna", "Tom", "Rita", "Paul", "Mary"], source: "N")
        tokenizer = try .covering(texts: [Self.text] + (names.names + ["Mary"]).map { " " + $0 })
    }

    private func read(_ content: String, _ reader: PromptReader? = nil) throws -> IOIDataset {
        try withFile(content, named: "own.jsonl") {
            try (reader ?? PromptReader(tokenizer: tokenizer)).dataset(contentsOf: $0)
        }
    }

    private func token(_ text: String) throws -> Int {
        try #require(tokenizer.token(for: text))
    }

    // MARK: What the program wrote

    @Test func writtenPromptsAreReadWithoutATokenizer() throws {
        let generator = try TaskFixture.shared.get().generator(beginningOfText: true)
        for rule in DatasetRule.all {
            let written = try generator.dataset(rule, count: 40, seed: 4)
            let read = try withFile(written.jsonLines) { try PromptReader().dataset(contentsOf: $0) }
            #expect(read.prompts == written.prompts)
            #expect(read.jsonLines == written.jsonLines)
            #expect(read.name == rule.name)
            #expect(read.seed == nil)
        }
    }

    @Test func lineIsAsTheContractHasIt() throws {
        let prompt = IOIPrompt(
            id: 7,
            dataset: "clean",
            template: "a/b",
            order: .abba,
            text: "é \"x\" \\ \n\t\r\u{1}\u{1f}/",
            tokens: [5, 6],
            answer: " Mary",
            answerToken: 1,
            io: " Mary",
            ioToken: 1,
            s: " John",
            sToken: 2,
            place: "store",
            object: nil,
            positions: Positions(io: 0, s1: 1, s1Next: 2, s2: 3, end: 4),
            abcText: "y",
            abcTokens: [8, 9]
        )
        let line =
            #"{"id":7,"dataset":"clean","template":"a/b","order":"ABBA","#
            + #""text":"é \"x\" \\ \n\t\r\u0001\u001f/","tokens":[5,6],"#
            + #""answer":" Mary","answer_token":1,"io":" Mary","io_token":1,"s":" John","s_token":2,"#
            + #""place":"store","#
            + #""positions":{"IO":0,"S1":1,"S1+1":2,"S2":3,"END":4},"abc_text":"y","abc_tokens":[8,9]}"#
            + "\n"
        let written = PromptWriter.jsonLines([prompt])
        #expect(String(decoding: written, as: UTF8.self) == line)
        #expect(try JSONDecoder().decode(IOIPrompt.self, from: written) == prompt)
        #expect(try JSONDecoder().decode(IOIPrompt.self, from: JSONEncoder().encode(prompt)) == prompt)
    }

    // MARK: A user's own

    @Test func restIsDerived() throws {
        let dataset = try read(Self.minimal + "\n")
        #expect(dataset.name == "custom")
        #expect(dataset.count == 1)
        #expect(
            dataset.prompts == [
                IOIPrompt(
                    id: 0,
                    dataset: "custom",
                    template: "custom",
                    order: .abba,
                    text: Self.text,
                    tokens: tokenizer.encode(Self.text),
                    answer: " Mary",
                    answerToken: try token(" Mary"),
                    io: " Mary",
                    ioToken: try token(" Mary"),
                    s: " John",
                    sToken: try token(" John"),
                    place: nil,
                    object: nil,
                    positions: Positions(io: 2, s1: 4, s1Next: 5, s2: 10, end: 14),
                    abcText: nil,
                    abcTokens: nil
                )
            ]
        )
    }

    @Test func otherOrderIsSeen() throws {
        let text = "Then, John and Mary went to the store. John gave a drink to"
        let prompt = try read("{\"text\": \"\(text)\", \"io\": \"Mary\", \"s\": \"John\"}").prompts[0]
        #expect(prompt.order == .baba)
        #expect(prompt.positions == Positions(io: 4, s1: 2, s1Next: 3, s2: 10, end: 14))
    }

    @Test func beginningOfTextMovesPositions() throws {
        let reader = PromptReader(tokenizer: tokenizer, counterfactual: .s2ToIO, beginningOfText: true)
        let prompt = try read(Self.minimal, reader).prompts[0]
        #expect(prompt.tokens == [tokenizer.endOfText!] + tokenizer.encode(Self.text))
        #expect(prompt.positions == Positions(io: 3, s1: 5, s1Next: 6, s2: 11, end: 15))
        #expect(prompt.abcText == "Then, Mary and John went to the store. Mary gave a drink to")
        #expect(prompt.abcTokens == [tokenizer.endOfText!] + tokenizer.encode(prompt.abcText!))
    }

    @Test func answersOfTheLineAreUsed() throws {
        func prompt(_ fields: String) throws -> IOIPrompt {
            try read(Self.minimal.dropLast() + ", " + fields + "}").prompts[0]
        }
        #expect(try prompt("\"answer\": \"John\"").answerToken == token(" John"))
        #expect(try prompt("\"answer\": \"Tom\"").answerToken == token(" Tom"))
        #expect(try prompt("\"answer\": \"Tom\"").answer == " Tom")
        #expect(try prompt("\"answer\": \"Thomasina\", \"answer_token\": 7").answerToken == 7)
        #expect(try prompt("\"id\": 12, \"dataset\": \"d\", \"template\": \"t\"").id == 12)
        #expect(
            try prompt("\"order\": \"ABBA\", \"place\": \"store\", \"object\": \"drink\"").place == "store"
        )
    }

    @Test func partnersAreDrawnFromTheNames() throws {
        let reader = PromptReader(tokenizer: tokenizer, names: names)
        let content = Self.minimal + "\n" + Self.minimal + "\n"
        let prompts = try read(content, reader).prompts
        #expect(try read(content, reader).prompts == prompts)
        for prompt in prompts {
            let abc = try #require(prompt.abcTokens)
            #expect(Set([abc[2], abc[4], abc[10]]).count == 3)
            #expect(tokenizer.encode(try #require(prompt.abcText)) == abc)
        }
        #expect(prompts[0].abcTokens != prompts[1].abcTokens)
    }

    @Test func statedPartnerIsKept() throws {
        let abc = "Then, Tom and Rita went to the store. Paul gave a drink to"
        let reader = PromptReader(tokenizer: tokenizer, names: names)
        let prompt = try read(Self.minimal.dropLast() + ", \"abc_text\": \"\(abc)\"}", reader).prompts[0]
        #expect(prompt.abcText == abc)
        #expect(prompt.abcTokens == tokenizer.encode(abc))
    }

    /// Token ids that no tokenizer gave: they are used as they are.
    @Test func statedTokensNeedNoTokenizer() throws {
        let named = """
            {"text": "x", "io": "Mary", "io_token": 1, "s": "John", "s_token": 2, "tokens": [9,1,8,2,7,2,6]}
            """
        let positions = Positions(io: 1, s1: 3, s1Next: 4, s2: 5, end: 6)
        for reader in [PromptReader(), PromptReader(tokenizer: tokenizer)] {
            let prompt = try read(named, reader).prompts[0]
            #expect(prompt.positions == positions)
            #expect(prompt.answerToken == 1)
            #expect(prompt.abcTokens == nil)
        }
        let placed = """
            {"text": "x", "io": "Mary", "s": "John", "tokens": [9, 1, 8, 2, 7, 3, 6],
             "positions": {"IO": 1, "S1": 3, "S2": 5}, "abc_tokens": [9, 4, 8, 5, 7, 3, 6]}
            """.replacingOccurrences(of: "\n", with: " ")
        let prompt = try read(placed, PromptReader()).prompts[0]
        #expect(prompt.positions == positions)
        #expect(prompt.ioToken == 1 && prompt.sToken == 2)
        #expect(prompt.abcTokens == [9, 4, 8, 5, 7, 3, 6])
        #expect(prompt.abcText == nil)
    }

    @Test func flipsNeedNoNamesAndNoTokenizer() throws {
        let line = """
            {"text": "x", "io": "Mary", "io_token": 1, "s": "John", "s_token": 2, "tokens": [9,1,8,2,7,2,6]}
            """
        let prompt = try read(line, PromptReader(counterfactual: .swapFirstClause)).prompts[0]
        #expect(prompt.abcTokens == [9, 2, 8, 1, 7, 2, 6])
        #expect(prompt.abcText == nil)
    }

    @Test func datasetIsNamedByItsPromptsOrItsFile() throws {
        func line(_ dataset: String) -> String {
            Self.minimal.dropLast() + ", \"dataset\": \"\(dataset)\"}\n"
        }
        #expect(try read(line("mine") + line("mine")).name == "mine")
        #expect(try read(line("mine") + line("yours")).name == "own")
    }

    @Test func lineEndsAndBlankLinesAtTheEndDoNotMatter() throws {
        for content in [
            Self.minimal, Self.minimal + "\r\n", Self.minimal + "\n\n \n\t\r\n",
            Self.minimal + "\r\n" + Self.minimal,
        ] {
            #expect(try read(content).prompts[0].io == " Mary")
        }
    }

    // MARK: Errors

    @Test func emptyAndBlankFilesAreRefused() {
        expectError(containing: "own.jsonl: found an empty file") { try read("") }
        expectError(containing: "own.jsonl: found an empty file") { try read("\n \n") }
        expectError(containing: "own.jsonl line 2: found a blank line") {
            try read("\(Self.minimal)\n\n\(Self.minimal)\n")
        }
        expectError(containing: "/nonexistent/own.jsonl: cannot be read: No such file") {
            try PromptReader().dataset(contentsOf: URL(fileURLWithPath: "/nonexistent/own.jsonl"))
        }
    }

    @Test(arguments: [
        ("{\"text\":", "not sound JSON"),
        ("nonsense", "not sound JSON"),
        ("[1, 2]", "found [1,2], expected an object"),
        (#"{"io": "Mary", "s": "John"}"#, "text is missing"),
        (#"{"text": "x", "s": "John"}"#, "io is missing"),
        (#"{"text": "x", "io": "Mary"}"#, "s is missing"),
        (#"{"text": "", "io": "Mary", "s": "John"}"#, "text is empty"),
        (#"{"text": "x", "io": "", "s": "John"}"#, "io is empty"),
        (#"{"text": 3, "io": "Mary", "s": "John"}"#, "text: found 3, expected a string"),
        (#"{"text": "x", "io": ["Mary"], "s": "John"}"#, "io: found [\"Mary\"], expected a string"),
        (
            #"{"text": "x", "io": "Mary", "s": "John", "tokens": 3}"#,
            "tokens: found 3, expected an array"
        ),
        (
            #"{"text": "x", "io": "Mary", "s": "John", "tokens": [1, "a"]}"#,
            "tokens[1]: found \"a\", expected a number"
        ),
        (
            #"{"text": "x", "io": "Mary", "s": "John", "tokens": [1, 2.5]}"#,
            "tokens[1]: found 2.5, expected an integer, 0 or more"
        ),
        (
            #"{"text": "x", "io": "Mary", "s": "John", "id": 2.5}"#,
            "id: found 2.5, expected an integer, 0 or more"
        ),
        (
            #"{"text": "x", "io": "Mary", "s": "John", "id": 100000000000000000000}"#,
            "found 100000000000000000000, expected an integer, 0 or more"
        ),
        (
            #"{"text": "x", "io": "Mary", "s": "John", "id": "a"}"#,
            "id: found \"a\", expected a number"
        ),
        (
            #"{"text": "x", "io": "Mary", "s": "John", "positions": {"IO": "first"}}"#,
            "positions.IO: found \"first\", expected a number"
        ),
        (
            #"{"text": "x", "io": "Mary", "s": "John", "positions": [1]}"#,
            "positions: found [1], expected an object"
        ),
        (#"{"text": "x", "io": "Mary", "s": " Mary"}"#, "fields \"io\" and \"s\": found \" Mary\" in both"),
        (#"{"text": "Mary saw Zzyzx", "io": "Zzyzx", "s": "John"}"#, "io: found \" Zzyzx\" of"),
        (
            #"{"text": "Then, John and John", "io": "Mary", "s": "John"}"#,
            "io: \" Mary\" is not a token of the prompt"
        ),
        (
            #"{"text": "Then, Mary and John", "io": "Mary", "s": "John"}"#,
            "s: found \" John\" 1 times among the tokens of the prompt, expected it twice"
        ),
        (
            #"{"text": "Then, Mary and John ", "io": "Mary", "s": "John"}"#,
            "text ends in whitespace"
        ),
    ])
    func faultyLineIsRefused(line: String, message: String) {
        expectError(containing: "own.jsonl line 2: ", message) { try read(Self.minimal + "\n" + line + "\n") }
    }

    /// Each case changes a good line: tokens 9, IO, 8, S, 7, S, 6.
    @Test(arguments: [
        (#""positions": {"IO": 7, "S1": 3, "S2": 5}"#, "positions.IO: found 7, expected 0 to 6"),
        (#""positions": {"IO": -1, "S1": 3, "S2": 5}"#, "positions.IO: found -1, expected an integer, 0 or more"),
        (#""positions": {"IO": 1, "S1": 3}"#, "positions.S2 is missing"),
        (
            #""positions": {"IO": 1, "S1": 3, "S1+1": 5, "S2": 5}"#,
            "positions.S1+1: found 5, expected 4"
        ),
        (
            #""positions": {"IO": 1, "S1": 3, "S2": 5, "END": 5}"#,
            "positions.END: found 5, expected 6"
        ),
        (#""positions": {"IO": 1, "S1": 5, "S2": 3}"#, "expected three different positions, S1 before S2"),
        (#""positions": {"IO": 3, "S1": 3, "S2": 5}"#, "expected three different positions"),
        (
            #""positions": {"IO": 0, "S1": 3, "S2": 5}"#,
            "positions.IO: found token 9 at 0, expected \" Mary\""
        ),
        (
            #""positions": {"IO": 1, "S1": 4, "S2": 5}"#,
            "positions.S1: found token 7 at 4, expected \" John\""
        ),
        (#""order": "BABA""#, "order: found \"BABA\", expected \"ABBA\""),
        (#""answer_token": 5"#, "answer_token: found 5, expected 1"),
        (#""answer": "John", "answer_token": 1"#, "answer_token: found 1, expected 2"),
        (#""answer": "Tom""#, "answer_token is missing, and the model has no tokenizer"),
        (
            #""answer": "Tom", "answer_token": 50"#,
            "answer_token: found token id 50, expected 0 to 49"
        ),
        (#""abc_tokens": [9, 3, 8]"#, "abc_tokens: found 3 tokens, expected 7"),
        (
            #""abc_tokens": [9, 3, 8, 4, 7, 50, 6]"#,
            "abc_tokens[5]: found token id 50, expected 0 to 49"
        ),
        (
            #""abc_tokens": [9, 3, 8, 4, 7, 5, 6, 6, 6]"#,
            "found 9 tokens, expected at most the model's context of 8"
        ),
    ])
    func inconsistentTokensAreRefused(change: String, message: String) {
        let line =
            #"{"text": "x", "io": "Mary", "io_token": 1, "s": "John", "s_token": 2, "#
            + #""tokens": [9, 1, 8, 2, 7, 2, 6], "#
            + change + "}"
        expectError(containing: "own.jsonl line 1: ", message) {
            try read(line, PromptReader(vocabularySize: 50, contextLength: 8))
        }
    }

    @Test func modelLimitsAreKept() throws {
        #expect(throws: Never.self) {
            try read(Self.minimal, PromptReader(tokenizer: tokenizer, contextLength: 15))
        }
        expectError(containing: "own.jsonl line 1: tokens: found 15 tokens", "context of 14") {
            try read(Self.minimal, PromptReader(tokenizer: tokenizer, contextLength: 14))
        }
        expectError(containing: "own.jsonl line 1: tokens[0]: found token id", "expected 0 to 9") {
            try read(Self.minimal, PromptReader(tokenizer: tokenizer, vocabularySize: 10))
        }
        expectError(containing: "tokens is an empty list") {
            try read(#"{"text": "x", "io": "Mary", "s": "John", "tokens": []}"#)
        }
        let negative = #"{"text": "x", "io": "Mary", "s": "John", "tokens": [-1, 2]}"#
        expectError(containing: "tokens[0]: found -1, expected an integer, 0 or more") {
            try read(negative)
        }
    }

    @Test func missingTokenizerIsSaid() {
        expectError(containing: "own.jsonl line 1: tokens is missing", "no tokenizer") {
            try read(Self.minimal, PromptReader())
        }
        let tokens = #"{"text": "x", "io": "Mary", "s": "John", "tokens": [1, 2, 2]}"#
        expectError(containing: "own.jsonl line 1: io_token is missing", "no tokenizer") {
            try read(tokens, PromptReader())
        }
    }

    @Test func namesOfSeveralTokensAreNamedOnlyWhereTheyAreNeeded() throws {
        let reader = PromptReader(
            tokenizer: tokenizer,
            names: try NameList(["Tom", "Rita", "Zzyzx"], source: "N")
        )
        expectError(containing: "N: name \"Zzyzx\" (") { try read(Self.minimal, reader) }
        let stated = Self.minimal.dropLast() + ", \"abc_text\": \"\(Self.text)\"}"
        #expect(throws: Never.self) { try read(String(stated), reader) }
    }
}
