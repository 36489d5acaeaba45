import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct BPETokenizerParityTests {
    let fixtures: TokenizerFixtures

    init() throws {
        fixtures = try TokenizerFixtures.load()
    }

    @Test func smallTokenizerEncodesLikeHuggingFace() throws {
        let tokenizer = try BPETokenizer(directory: TokenizerFixtures.smallFolder)
        #expect(tokenizer.vocabularySize == 1001)
        #expect(tokenizer.endOfText == 1000)
        try expectParity(tokenizer, ids: fixtures.small)
    }

    @Test func smallTokenizerDecodesLikeHuggingFace() throws {
        let tokenizer = try BPETokenizer(directory: TokenizerFixtures.smallFolder)
        #expect(fixtures.smallDecoded.count >= 500)
        expectParity(tokenizer, decoded: fixtures.smallDecoded)
    }

    @Test(
        .enabled(
            if: Fixtures.gpt2Tokenizer != nil,
            "there is no folder with GPT-2's vocab.json and merges.txt (IOI_GPT2_TOKENIZER)"
        )
    )
    func gpt2TokenizerEncodesDecodesAndWritesLikeHuggingFace() throws {
        let folder = try #require(Fixtures.gpt2Tokenizer)
        let tokenizer = try BPETokenizer(directory: folder)
        #expect(tokenizer.vocabularySize == 50257)
        #expect(tokenizer.endOfText == 50256)
        #expect(tokenizer.token(for: " Mary") == 5335)
        try expectParity(tokenizer, ids: fixtures.gpt2)
        #expect(fixtures.gpt2Decoded.count >= 400)
        expectParity(tokenizer, decoded: fixtures.gpt2Decoded)

        let copy = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: copy) }
        try tokenizer.write(to: copy)
        let merges = try [copy, folder].map { try Data(contentsOf: $0.appendingPathComponent("merges.txt")) }
        // `Bool`s, because on a failure `#expect` lists how values differ: minutes for ones this large.
        let sameMerges = merges[0] == merges[1]
        let sameTokens = try BPETokenizer(directory: copy).tokens == tokenizer.tokens
        #expect(sameMerges && sameTokens)
    }

    private func expectParity(_ tokenizer: BPETokenizer, ids: [[Int]]) throws {
        try #require(fixtures.strings.count >= 2000 && ids.count == fixtures.strings.count)
        for (text, expected) in zip(fixtures.strings, ids) {
            let found = tokenizer.encode(text)
            #expect(found == expected, "\(text.debugDescription)")
            #expect(tokenizer.decode(found).scalarValues == text.scalarValues, "\(text.debugDescription)")
        }
    }

    private func expectParity(_ tokenizer: BPETokenizer, decoded: [TokenizerFixtures.Decoded]) {
        for sequence in decoded {
            let found = tokenizer.decode(sequence.ids)
            #expect(found.scalarValues == sequence.text.scalarValues, "\(sequence.ids)")
        }
    }
}
