import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The program's own data under GPT-2's tokenizer, where the environment variable `IOI_GPT2_TOKENIZER` names
/// a folder with its `vocab.json` and `merges.txt`.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["IOI_GPT2_TOKENIZER"] != nil,
        "IOI_GPT2_TOKENIZER is not set to a folder with GPT-2's vocab.json and merges.txt"
    )
)
struct GPT2TokenizerTests {
    @Test func everyWordIsOneTokenAndPromptsEncodeAsWritten() throws {
        let folder = try #require(ProcessInfo.processInfo.environment["IOI_GPT2_TOKENIZER"])
        let tokenizer = try BPETokenizer(directory: URL(fileURLWithPath: folder))
        let generator = try PromptGenerator(templates: .standard(), names: .standard(), tokenizer: tokenizer)
        for prompt in try generator.dataset(DatasetRule.all[3], count: 500, seed: 0).prompts {
            #expect(tokenizer.encode(prompt.text + prompt.answer) == prompt.tokens + [prompt.answerToken])
            #expect(try tokenizer.encode(#require(prompt.abcText)) == prompt.abcTokens)
        }
        #expect(tokenizer.token(for: " Mary") == 5335)
        for continuation in try #require(try ModelExpectations.standard(for: "gpt2")).continuations {
            #expect(tokenizer.token(for: continuation.answer) != nil, "\(continuation.answer)")
        }
    }
}
