import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Prompts of any task in each form that files have.
@Suite struct PromptFileTests {
    /// A tokenizer that knows some words, and the years.
    struct Words {
        static let clean = "The red hen saw a fox near the river"
        static let corrupted = "The blue hen saw a cow near the river"
        static let ioi = "Then, Mary and John went home. John gave a drink to"
        static let third = "Then, Mary and John went home. Paul gave a drink to"
        static let year = "The war lasted from 17"

        let tokenizer: BPETokenizer
        let config: GPT2Config

        static let shared = Result { try Words() }

        private init() throws {
            let years = (0..<100).map { String(format: "%02d", $0) }
            tokenizer = try .covering(
                texts: [Self.clean, Self.corrupted, Self.ioi, Self.third, Self.year] + years + [
                    " bank", " stone", " sand",
                ]
            )
            config = try GPT2Config(
                vocabularySize: tokenizer.vocabularySize, contextLength: 24, width: 8, layers: 1, heads: 1
            )
        }

        func token(_ text: String) throws -> Int { try #require(tokenizer.token(for: text), "\(text)") }
    }

    private let words: Words

    init() throws { words = try Words.shared.get() }

    private func read(
        _ content: String,
        named name: String = "own.data",
        _ change: (inout PromptSource) -> Void = { _ in }
    ) throws -> TaskDataset {
        try withFile(content, named: name) { file in
            var source = PromptSource(count: 1)
            source.file = file.path
            change(&source)
            return try source.data(tokenizer: words.tokenizer, config: words.config)
        }
    }

    private static let line = """
        {"text": "\(Words.clean)", "counterfactual": "\(Words.corrupted)", "right": [" bank", " stone"], \
        "wrong": [" sand"], "positions": {"COLOUR": 1, "animal": 5}, "template": 3, "group": "near"}
        """

    /// What ``line`` says.
    private func expected(_ dataset: String = "own") throws -> Prompt {
        let tokens = words.tokenizer.encode(Words.clean)
        #expect(tokens.count == 9)
        return Prompt(
            id: 0, dataset: dataset, template: "3", group: "near", text: Words.clean, tokens: tokens,
            counterfactualText: Words.corrupted, counterfactualTokens: words.tokenizer.encode(Words.corrupted),
            rightTokens: [try words.token(" bank"), try words.token(" stone")], wrongTokens: [try words.token(" sand")],
            answer: " bank", answerToken: try words.token(" bank"),
            positions: Positions(
                [PositionName("COLOUR")!: 1, PositionName("animal")!: 5, .end: 8], count: 9
            )
        )
    }

    // MARK: JSON

    @Test func wordsBecomeTokens() throws {
        let dataset = try read(Self.line + "\n")
        #expect(dataset.prompts == [try expected()])
        #expect(dataset.name == "own" && dataset.seed == nil && dataset.ioi == nil && dataset.dropped == nil)
        #expect(dataset.jsonLines == Data((Self.line + "\n").utf8))
    }

    @Test func linesArraysAndObjectsHoldTheSame() throws {
        var second = try expected()
        second.id = 1
        let pretty = Self.line.replacing(", \"", with: ",\n  \"")
        for content in [
            "\(Self.line)\n\(Self.line)\n\n", "\u{FEFF}\(Self.line)\r\n\(Self.line)\r\n",
            "[\(Self.line), \(Self.line)]",
            "\n [\n\(pretty),\n\(pretty)\n]\n", "{\"prompts\": [\(Self.line), \(Self.line)]}",
            "{\n  \"prompts\": [\n\(pretty), \(pretty)]\n}\n",
        ] {
            #expect(try read(content).prompts == [try expected(), second], "\(content)")
        }
        // What is not JSON lines is hashed as the JSON lines that hold it.
        #expect(try read("[\(Self.line)]").jsonLines == read("{\"prompts\": [\(Self.line)]}").jsonLines)
    }

    @Test func idsMayStandForWords() throws {
        let (bank, sand) = (try words.token(" bank"), try words.token(" sand"))
        let dataset = try read("{\"text\": \"\(Words.clean)\", \"right\": [\(bank)], \"wrong\": [\" sand\", 7]}")
        #expect(
            dataset.prompts[0].rightTokens == [bank] && dataset.prompts[0].wrongTokens == [sand, 7])
        #expect(dataset.prompts[0].answer == " bank")
        #expect(dataset.prompts[0].counterfactualTokens == nil && dataset.prompts[0].group == "custom")
        #expect(dataset.prompts[0].positions.names == [.end])
    }

    @Test func labelMayBeAnyRightAnswer() throws {
        func label(_ fields: String) throws -> Prompt { try read(Self.line.dropLast() + ", \(fields)}").prompts[0] }
        #expect(try label("\"answer\": \" stone\"").answerToken == words.token(" stone"))
        let token = try words.token(" stone")
        #expect(try label("\"answer_token\": \(token)").answer == " stone")
    }

    @Test func beginningOfTextMovesPositions() throws {
        let prompt = try read(Self.line) { $0.beginningOfText = true }.prompts[0]
        let beginning = try #require(words.tokenizer.endOfText)
        #expect(prompt.tokens == [beginning] + words.tokenizer.encode(Words.clean))
        #expect(prompt.counterfactualTokens == [beginning] + words.tokenizer.encode(Words.corrupted))
        #expect(prompt.positions.inOrder.map(\.index) == [2, 6, 9])
    }

    @Test func givenTokensAreKept() throws {
        let fields = "\"tokens\": [4, 5, 6], \"counterfactual_tokens\": [4, 7, 6], \"positions\": {\"MIDDLE\": 1}"
        let line = "{\"text\": \"x\", \(fields), \"right_tokens\": [3], \"wrong_tokens\": []}"
        let prompt = try read(line).prompts[0]
        #expect(prompt.tokens == [4, 5, 6] && prompt.counterfactualTokens == [4, 7, 6])
        #expect(prompt.positions[PositionName("MIDDLE")!] == 1 && prompt.wrongTokens.isEmpty)
        expectError(containing: "bos: has no effect on ") { try read(line) { $0.beginningOfText = true } }
        // A counterfactual of which only the text is given begins as the prompt does.
        let beginning = try #require(words.tokenizer.endOfText)
        let text =
            "{\"text\": \"x\", \"tokens\": [\(beginning), 5, 6], \"counterfactual\": \"The red\", \"right\": [3]}"
        #expect(try read(text).prompts[0].counterfactualTokens == [beginning] + words.tokenizer.encode("The red"))
    }

    @Test func ioiPromptsStandInArraysToo() throws {
        let line = "{\"text\": \"\(Words.ioi)\", \"io\": \"Mary\", \"s\": \"John\", \"abc_text\": \"\(Words.third)\"}"
        let lines = try read(line + "\n" + line)
        for content in ["[\(line), \(line)]", "{\"prompts\": [\(line), \(line)]}"] {
            let read = try read(content)
            #expect(read.prompts == lines.prompts && read.ioi?.prompts == lines.ioi?.prompts && read.ioi != nil)
        }
        expectError(containing: "own.data: [1]: io: \" Paul\" is not a token of the prompt") {
            try read("[\(line), \(line.replacing("Mary\",", with: "Paul\","))]")
        }
    }

    // MARK: AutoCircuit

    private static let autoCircuit = """
        {"word_idxs": {"COLOUR": 1, "end": 8, "start": 0}, "prompts": [
          {"clean": "\(Words.clean)", "corrupt": "\(Words.corrupted)", "answers": [" bank", " stone"],
           "wrong_answers": [" sand"]}]}
        """

    @Test func autoCircuitsPositionsAreShared() throws {
        var expected = try expected()
        (expected.template, expected.group) = ("custom", "custom")
        let (colour, end, start) = (PositionName("COLOUR")!, PositionName("end")!, PositionName("start")!)
        expected.positions = Positions([colour: 1, end: 8, start: 0], count: 9)
        let prompts = try read(Self.autoCircuit).prompts
        #expect(prompts == [expected])
        #expect(prompts[0].positions.names == [start, colour, .end, end])
        // They count the tokens of the texts.
        let moved = try read(Self.autoCircuit) { $0.beginningOfText = true }.prompts[0]
        #expect(moved.positions == Positions([colour: 2, end: 9, start: 1], count: 10))
    }

    /// IOI's names come first, as in its own files, and the file's others are there too.
    @Test func namesOfPositionsAreThoseOfTheFile() throws {
        let prompts = try read(
            """
            {"word_idxs": {"IO-1": 1, "IO": 2, "S1": 4, "S1+1": 5, "S2": 8, "end": 12}, "prompts": [
              {"clean": "\(Words.ioi)", "corrupt": "\(Words.third)", "answers": [" Mary"], "wrong_answers": [" John"]}]}
            """
        ).prompts
        #expect(prompts.sharedPositions.map(\.text) == ["IO", "S1", "S1+1", "S2", "END", "IO-1", "end"])
        #expect(throws: Never.self) { try prompts.check([.one(PositionName("IO-1")!)], field: "positions") }
        expectError(containing: "positions: found the position S3, expected one of IO, S1, S1+1, S2, END, IO-1, end") {
            try prompts.check([.one(PositionName("S3")!)], field: "positions")
        }
    }

    // MARK: Tables

    @Test func tablesHoldWordsOrIDs() throws {
        var expected = try expected()
        (expected.template, expected.group, expected.positions) = ("custom", "custom", Positions([:], count: 9))
        let words = "clean,corrupted,correct,incorrect\n\(Words.clean),\(Words.corrupted), bank| stone, sand\n"
        #expect(try read(words).prompts == [expected])
        #expect(try read("\u{FEFF}" + words.replacing("\n", with: "\r\n")).prompts == [expected])
        expected.rightTokens.removeLast()
        let (right, wrong) = (expected.rightTokens[0], expected.wrongTokens[0])
        let ids = """
            ,clean,corrupted,corrupted_hard,correct_idx,incorrect_idx
            12,"\(Words.clean)","\(Words.corrupted)",,\(right),\(wrong)

            """
        #expect(try read(ids).prompts == [expected])
        (expected.counterfactualText, expected.counterfactualTokens) = (nil, nil)
        #expect(try read("clean,correct,incorrect\n\(Words.clean), bank, sand").prompts == [expected])
        expected.wrongTokens = []
        #expect(try read("clean,correct\n\(Words.clean), bank").prompts == [expected])
    }

    @Test func labelsAreYears() throws {
        let prompts = try read("clean,corrupted,label\n\(Words.year),\(Words.year),7\n\(Words.year),\(Words.year),98\n")
            .prompts
        func years(_ range: ClosedRange<Int>) throws -> [Int] {
            try range.map { try words.token(String(format: "%02d", $0)) }
        }
        #expect(try prompts[0].wrongTokens == years(0...7) && prompts[0].rightTokens == years(8...99))
        #expect(try prompts[1].wrongTokens == years(0...98) && prompts[1].rightTokens == years(99...99))
        #expect(prompts.map(\.group) == ["00s", "90s"] && prompts[0].answer == "08")
    }

    // MARK: Names from sentences

    @Test func namesAreFoundInSentences() throws {
        let table = "clean,corrupted,correct_idx,incorrect_idx\n\"\(Words.ioi)\",\"\(Words.third)\",99999,3\n"
        expectError(containing: "line 2: correct_idx: found token id 99999, expected ids below", "answers: sentence") {
            try read(table)
        }
        let dataset = try read(table) { $0.answers = .sentence }
        let prompt = try #require(dataset.ioi?.prompts.first)
        #expect(prompt.io == " Mary" && prompt.s == " John" && prompt.answer == " Mary")
        #expect(prompt.positions == Positions(io: 2, s1: 4, s1Next: 5, s2: 8, end: 12) && prompt.order == .abba)
        #expect(prompt.abcText == Words.third && prompt.abcTokens == words.tokenizer.encode(Words.third))
        #expect(try dataset.name == "own" && dataset.prompts.map(\.rightTokens) == [[words.token(" Mary")]])
        let moved = try read(table) {
            $0.answers = .sentence
            $0.beginningOfText = true
        }
        #expect(moved.prompts[0].positions == Positions(io: 3, s1: 5, s1Next: 6, s2: 9, end: 13))
    }

    /// They are in range, but the names of nobody in the sentence.
    @Test func idsOfAnotherVocabularyAreTold() throws {
        let (mary, john, bank) = (try words.token(" Mary"), try words.token(" John"), try words.token(" bank"))
        func table(_ right: Int, _ wrong: Int) -> String {
            """
            clean,corrupted,correct_idx,incorrect_idx
            "\(Words.ioi)","\(Words.third)",\(mary),\(john)
            "\(Words.ioi)","\(Words.third)",\(right),\(wrong)
            """
        }
        #expect(try read(table(mary, john)).count == 2)
        expectError(
            containing: "line 3: correct_idx: found \(bank), which is \" bank\" in", "expected a name of the sentence"
        ) {
            try read(table(bank, john))
        }
        expectError(containing: "line 3: incorrect_idx: found \(bank), which is \" bank\" in") {
            try read(table(mary, bank))
        }
    }

    @Test(arguments: [
        ("text", Words.clean, "text: found no name before the answer"),
        ("text", Words.third, "text: found Paul after Mary and John, expected one of these two again"),
        ("clean", Words.clean, "clean: found no name before the answer"),
    ])
    func sentencesWithoutNamesAreRefused(_ field: String, _ text: String, _ message: String) {
        let right = field == "text" ? "right" : "answers"
        expectError(containing: "own.data: [0]: \(message)") {
            try read("[{\"\(field)\": \"\(text)\", \"\(right)\": [3]}]") { $0.answers = .sentence }
        }
    }

    // MARK: Counterfactuals of other lengths

    @Test func unequalPromptsAreRefusedOrLeftOut() throws {
        let short = Self.line.replacing("The blue", with: "The")
        let content = "\(Self.line)\n\(short)\n\(Self.line)\n"
        expectError(
            containing: "own.data line 2: counterfactual: found 8 tokens, expected 9, as many as the prompt has"
        ) {
            try read(content)
        }
        let dataset = try read(content) { $0.dropUnequal = true }
        #expect(dataset.prompts.map(\.id) == [0, 2] && dataset.dropped == 1)
        #expect(DatasetRecord(dataset).dropped == 1)
        let written = try JSONDecoder().decode(
            [String: JSONValue].self, from: JSONEncoder().encode(DatasetRecord(dataset)))
        #expect(written["dropped"] == .number(1) && written["count"] == .number(2))
        // The hash is of the prompts that are left.
        #expect(try read(String(decoding: dataset.jsonLines, as: UTF8.self)).prompts == dataset.prompts)
        #expect(try read(Self.line) { $0.dropUnequal = true }.dropped == 0)
        expectError(containing: "found 8 tokens, expected 9") { try read(short) { $0.dropUnequal = true } }

        let table = "clean,corrupted,correct\n\(Words.clean),The hen, bank\n\(Words.clean),\(Words.corrupted), bank\n"
        expectError(containing: "own.data line 2: corrupted: found 2 tokens, expected 9") { try read(table) }
        #expect(try read(table) { $0.dropUnequal = true }.prompts.map(\.id) == [1])

        func ioi(_ counterfactual: String) -> String {
            "{\"text\": \"\(Words.ioi)\", \"io\": \"Mary\", \"s\": \"John\", \"abc_text\": \"\(counterfactual)\"}\n"
        }
        let names = ioi(Words.third) + ioi("The hen")
        expectError(containing: "own.data line 2: abc_tokens: found 2 tokens, expected 13") { try read(names) }
        let kept = try read(names) { $0.dropUnequal = true }
        #expect(kept.count == 1 && kept.dropped == 1 && kept.ioi?.count == 1)
    }

    // MARK: Options

    @Test func optionsWithoutEffectAreRefused() throws {
        expectError(containing: "abc: does not go with ", "whose prompts name nobody") {
            try read(Self.line) { $0.counterfactual = .s2ToIO }
        }
        expectError(containing: "names: does not go with ") { try read(Self.line) { $0.names = "names.txt" } }
        let ioi = "{\"text\": \"\(Words.ioi)\", \"io\": \"Mary\", \"s\": \"John\"}"
        expectError(containing: "answers: does not go with ", "say who is io and s") {
            try read(ioi) { $0.answers = .sentence }
        }
        var source = PromptSource(count: 1)
        source.dropUnequal = true
        expectError(containing: "drop_unequal: does not go with generated prompts") { try source.validate() }
        (source.dropUnequal, source.answers) = (false, .sentence)
        expectError(containing: "answers: does not go with generated prompts") { try source.validate() }
    }

    @Test func newOptionsAreRecordedOnlyWhereTheyAreUsed() throws {
        func keys(_ source: PromptSource) throws -> Set<String> {
            Set(try JSONDecoder().decode([String: JSONValue].self, from: JSONEncoder().encode(source)).keys)
        }
        var source = PromptSource(count: 1)
        let plain: Set = ["dataset", "count", "seed", "held_out", "abc", "bos"]
        #expect(try keys(source) == plain)
        source.file = "f"
        (source.answers, source.dropUnequal) = (.sentence, true)
        #expect(try keys(source) == plain.union(["file", "answers", "drop_unequal"]))
        #expect(try JSONDecoder().decode(PromptSource.self, from: JSONEncoder().encode(source)) == source)
    }

    // MARK: Errors

    @Test(arguments: [
        ("", "own.data: found an empty file"),
        (
            "Some words\nand more",
            "own.data: found the first line \"Some words\", expected JSON, or a table with the columns"
        ),
        (
            "clean,corrupted\na,b\n",
            "own.data line 1: found the columns \"clean, corrupted\", expected clean, corrupted and"
        ),
        ("clean,correct_idx\na,1\n", "own.data line 1: found the column correct_idx alone"),
        ("clean,corrupted,label\n", "own.data: found a header alone"),
        ("clean,label\nThe hen,99\n", "own.data line 2: label: found \"99\", expected the two digits of a year"),
        ("clean,label\nThe hen,x\n", "own.data line 2: label: found \"x\""),
        (
            "clean,correct_idx,incorrect_idx\nThe hen,a,2\n",
            "own.data line 2: correct_idx: found \"a\", expected a token id"
        ),
        ("clean,correct_idx,incorrect_idx\nThe hen,1,-2\n", "own.data line 2: incorrect_idx: found \"-2\""),
        ("clean,correct_idx,incorrect_idx\nThe hen,2,2\n", "own.data line 2: incorrect_idx: found 2,"),
        ("clean,correct\n,bank\n", "own.data line 2: clean is empty"),
        ("clean,correct\nThe hen,\n", "own.data line 2: correct is missing or empty"),
        ("[]", "own.data: found an empty list"),
        ("[3]", "own.data: [0]: found 3, expected an object"),
        ("{\"prompts\": 3}", "own.data: prompts: found 3, expected an array"),
        ("{\n\"text\": \"a\"\n}", "own.data: prompts: found nothing, expected a value"),
        ("{\"text\": ", "own.data line 1: not sound JSON"),
        (
            #"{"word_idxs": {"X": "a"}, "prompts": [{"clean": "The hen"}]}"#,
            "word_idxs.X: found \"a\", expected a number"
        ),
        (
            #"{"word_idxs": {"X": 2}, "prompts": [{"clean": "The hen", "answers": [3]}]}"#,
            "own.data: prompts[0]: word_idxs.X: found 2, expected 0 to 1 for 2 tokens"
        ),
        (
            #"{"prompts": [{"clean": "The hen", "corrupt": "The", "answers": [3]}]}"#,
            "own.data: prompts[0]: corrupt: found 1 tokens, expected 2"
        ),
        (#"{"prompts": [{"clean": "The hen", "answers": "x"}]}"#, "prompts[0].answers: found \"x\", expected an array"),
        (#"{"prompts": [{"clean": "The hen"}]}"#, "own.data: prompts[0]: answers is missing or empty"),
        (#"{"right": [3]}"#, "own.data line 1: text is missing, expected a string"),
        (#"{"text": "The hen"}"#, "own.data line 1: right is missing or empty",),
        (#"{"text": "The hen ", "right": [3]}"#, "own.data line 1: text ends in a space"),
        (#"{"text": "The hen", "right": [3], "counterfactual": ""}"#, "own.data line 1: counterfactual is empty"),
        (
            #"{"text": "The hen", "right": [3, true]}"#,
            "own.data line 1: right[1]: found true, expected a string or a token id"
        ),
        (#"{"text": "The hen", "right": [3, "bank"]}"#, "own.data line 1: right[1]: found \"bank\" of"),
        (
            #"{"text": "The hen", "right": ["bank"]}"#,
            "expected exactly one token; \" bank\", with a leading space, is one"
        ),
        (
            #"{"text": "The hen", "right": [99999]}"#,
            "own.data line 1: right[0]: found token id 99999, expected ids below"
        ),
        (#"{"text": "The hen", "right": [" bank", " bank"]}"#, "own.data line 1: right: found"),
        (#"{"text": "The hen", "right": [" bank"], "wrong": [" bank"]}"#, "expected none of right"),
        (#"{"text": "The hen", "right": [" bank"], "right_tokens": [3]}"#, "right_tokens[0]: found 3,"),
        (#"{"text": "The hen", "right": [" bank"], "right_tokens": []}"#, "right_tokens: found 0, expected 1"),
        (#"{"text": "The hen", "right": [3], "answer_token": 99999}"#, "own.data line 1: answer_token: found"),
        (
            #"{"text": "The hen", "right": [3], "positions": {"X": 2}}"#,
            "positions.X: found 2, expected 0 to 1 for 2 tokens"
        ),
        (#"{"text": "The hen", "right": [3], "positions": {"END": 0}}"#, "positions.END: found 0, expected 1"),
        (
            #"{"text": "The hen", "right": [3], "positions": {"a b": 0}}"#,
            "positions: found \"a b\", expected a position's name"
        ),
        (#"{"text": "The hen", "right": [3], "tokens": []}"#, "tokens: found 0 tokens, expected 1 to 24"),
        (#"{"text": "The hen", "right": [3], "tokens": [1, 99999]}"#, "tokens[1]: found token id 99999"),
        (
            #"{"text": "a a a a a a a a a a a a a a a a a a a a a a a a a", "right": [3]}"#,
            "expected 1 to 24, the model's context"
        ),
    ])
    func whatIsWrongIsNamed(_ content: String, _ message: String) throws {
        expectError(containing: message) {
            do {
                return try read(content)
            } catch let error as IOIError {
                #expect(error.description.count <= 400, "\(error)")
                throw error
            }
        }
    }

    @Test func withoutATokenizerWordsAreRefused() throws {
        try withFile(Self.line, named: "own.data") { file in
            var source = PromptSource(count: 1)
            source.file = file.path
            expectError(containing: "own.data line 1: tokens is missing, and the model has no tokenizer") {
                try source.data(tokenizer: nil, config: words.config)
            }
        }
    }
}
