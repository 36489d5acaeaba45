import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Prompts of other tasks, read from the files that were written.
@Suite struct ChoiceDatasetTests {
    static func config(_ tokenizer: BPETokenizer) throws -> GPT2Config {
        try GPT2Config(
            vocabularySize: tokenizer.vocabularySize, contextLength: 48, width: 8, layers: 1, heads: 1
        )
    }

    @Test(arguments: ChoiceTask.allCases)
    func aFileIsReadAsItWasWritten(_ task: ChoiceTask) throws {
        let tokenizer = try ChoiceFixture.shared.get().tokenizer
        let written = try task.dataset(count: 30, seed: 1, tokenizer: tokenizer)
        try withFile(written.jsonLines) { file in
            let config = try Self.config(tokenizer)
            var source = PromptSource(count: 1)
            source.file = file.path
            // The tokens stand in the file.
            let read = try source.data(tokenizer: nil, config: config)
            #expect(read.ioi == nil)
            #expect(read.prompts == written.prompts && read.jsonLines == written.jsonLines)
            #expect(read.name == task.rawValue && read.seed == nil)
            expectError(containing: "line 1: ") { try source.prompts(tokenizer: nil, config: config) }
        }
    }

    @Test func keysStandInTheirOrder() throws {
        let tokenizer = try ChoiceFixture.shared.get().tokenizer
        let line = try ChoiceTask.agreement.dataset(count: 1, seed: 0, tokenizer: tokenizer).jsonLines
        let keys = String(decoding: line, as: UTF8.self).matches(of: /"([A-Za-z_]+)":/).map { String($0.output.1) }
        #expect(
            keys == [
                "id", "dataset", "template", "group", "text", "words", "OTHER", "SUBJECT", "tokens", "answer",
                "answer_token", "right_tokens", "wrong_tokens", "positions", "SUBJECT", "END", "OTHER",
                "counterfactual",
                "counterfactual_tokens",
            ]
        )
    }

    static let sound = """
        {"id":0,"dataset":"d","template":"t","group":"g","text":"a b","words":{"A":"a"},"tokens":[1,2],"answer":" c",\
        "answer_token":3,"right_tokens":[3,4],"wrong_tokens":[5]}
        """

    @Test(arguments: [
        ("\"tokens\":[1,2]", "\"tokens\":[]", "line 2: tokens: found 0 tokens, expected 1 to 48"),
        ("\"tokens\":[1,2]", "\"tokens\":[1,-2]", "line 2: tokens: found -2, expected ids below"),
        ("[3,4]", "[3,99999]", "line 2: right_tokens: found 99999, expected ids below"),
        ("[3,4]", "[3,4,3]", "line 2: right_tokens: found 3 twice"),
        ("[3,4]", "[]", "line 2: right_tokens: found none"),
        ("[5]", "[5,4]", "line 2: wrong_tokens: found 4, expected none of right_tokens"),
        ("\"answer_token\":3", "\"answer_token\":5", "line 2: answer_token: found 5, expected one of right_tokens"),
        ("\"group\":\"g\",", "", "line 2: group: found nothing"),
    ])
    func whatIsWrongInALineIsNamed(_ from: String, _ to: String, _ message: String) throws {
        let tokenizer = try ChoiceFixture.shared.get().tokenizer
        let config = try Self.config(tokenizer)
        let broken = Self.sound.replacing(from, with: to)
        #expect(broken != Self.sound)
        try withFile("\(Self.sound)\n\(broken)\n", named: "own.jsonl") { file in
            expectError(containing: "own.jsonl \(message)") { try TaskDataset(contentsOf: file, config: config) }
        }
        try withFile("\(Self.sound)\n", named: "own.jsonl") { file in
            let dataset = try TaskDataset(contentsOf: file, config: config)
            #expect(dataset?.name == "d")
        }
    }
}
