import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The program's own data under GPT-2's tokenizer, where ``Fixtures/gpt2Tokenizer`` finds it.
@Suite(
    .enabled(
        if: Fixtures.gpt2Tokenizer != nil,
        "there is no folder with GPT-2's vocab.json and merges.txt (IOI_GPT2_TOKENIZER)"
    )
)
struct GPT2TokenizerTests {
    @Test func everyWordIsOneTokenAndPromptsEncodeAsWritten() throws {
        let folder = try #require(Fixtures.gpt2Tokenizer)
        let tokenizer = try BPETokenizer(directory: folder)
        let generator = try PromptGenerator(templates: .standard(), names: .standard(), tokenizer: tokenizer)
        for prompt in try generator.dataset(DatasetRule.all[3], count: 500, seed: 0).prompts {
            #expect(tokenizer.encode(prompt.text + prompt.answer) == prompt.tokens + [prompt.answerToken])
            #expect(try tokenizer.encode(#require(prompt.abcText)) == prompt.abcTokens)
        }
        #expect(tokenizer.token(for: " Mary") == 5335)
        for continuation in try #require(try ModelExpectations.standard(for: "gpt2")).continuations {
            for token in [continuation.answer] + continuation.ranked.map(\.token) {
                #expect(tokenizer.token(for: token) != nil, "\(token)")
            }
        }
    }
}
