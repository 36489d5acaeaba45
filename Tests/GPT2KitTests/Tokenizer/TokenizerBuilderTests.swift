import Foundation
import Testing

@testable import GPT2Kit

@Suite struct TokenizerBuilderTests {
    /// Every piece of every text is one token of its own.
    private func expectCovered(_ texts: [String], by tokenizer: BPETokenizer) {
        var tokens: [Int: [UInt8]] = [:]
        for text in texts {
            let bytes = Array(text.utf8)
            for range in Pretokenizer(bytes[...]) {
                let piece = String(decoding: bytes[range], as: UTF8.self)
                let ids = tokenizer.encode(piece)
                #expect(ids.count == 1, "\(piece.debugDescription) in \(texts.prefix(8))")
                #expect(
                    tokens.updateValue(Array(piece.utf8), forKey: ids[0]) ?? Array(piece.utf8)
                        == Array(piece.utf8)
                )
            }
            #expect(tokenizer.decode(tokenizer.encode(text)).scalarValues == text.scalarValues)
        }
    }

    @Test func tokensStandInGPT2sOrder() throws {
        let tokenizer = try BPETokenizer.covering(texts: ["The Mary", "Mar Mary, The"])
        let added = ["Th", "The", "ĠM", "ĠMa", "ĠMar", "ĠMary", "Ma", "Mar", "ĠThe", "<|endoftext|>"]
        #expect(tokenizer.tokens == ByteSymbols.bytes.map { String(ByteSymbols.symbols[Int($0)]) } + added)
        #expect(tokenizer.endOfText == tokenizer.vocabularySize - 1)
        #expect(tokenizer.encode("The Mary") == [257, 261])
    }

    @Test(arguments: [
        ["anna Joanna", "anna banana Joanna", " banana nab abna"],
        ["nab", "abna", "abnab", "bnab", "nabna"],
        ["a aa aaa aaaa aaaaaaaaaaaaaaa", "aaaaaaa", "aaaaa"],
        ["xyxy", "xyxyxy", "yxyx", "yx", "xyxyx"],
        ["a  b", "   ", " \n\n \t", "\n\n\n", "  ", "\u{a0}\u{a0}x"],
        ["!!!", "!!", "?!?!", "!?", "...", "......", "'", "''", "'''"],
        ["1984", "84", "8419", "198", "8"],
        ["é e\u{301}", "漢字 字漢", "👩‍👩‍👧‍👦", "👩‍👧", "\u{301}\u{301}"],
        ["don't they'll", "t 't 'll ll"],
        ["", "\u{0}\u{0}\u{1}"],
    ])
    func adversarialWordsAreSingleTokens(texts: [String]) throws {
        expectCovered(texts, by: try BPETokenizer.covering(texts: texts))
        expectCovered(texts, by: try BPETokenizer.covering(texts: texts.reversed()))
    }

    @Test(arguments: 0..<20)
    func wordsOverTwoLettersInAnyOrderAreSingleTokens(seed: Int) throws {
        var generator = SeededGenerator(UInt64(seed), "words")
        var words = (1...6).flatMap { length in
            (0..<(1 << length)).map { bits in
                String((0..<length).map { bits >> $0 & 1 == 0 ? "a" : "b" } as [Character])
            }
        }
        words += words.map { " " + $0 }
        generator.shuffle(&words)
        words = Array(words.prefix(20 + generator.below(100)))
        let tokenizer = try BPETokenizer.covering(texts: words)
        expectCovered(words, by: tokenizer)
        #expect(try BPETokenizer.covering(texts: words).tokens == tokenizer.tokens)
    }

    @Test func endOfTextInATextIsNotCutUp() throws {
        let tokenizer = try BPETokenizer.covering(texts: ["one<|endoftext|>two"])
        #expect(tokenizer.encode("one<|endoftext|>two").count == 3)
        #expect(tokenizer.vocabularySize == 256 + 4 + 1)
    }

    @Test func whatIsBuiltReadsBackTheSame() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let texts = ["Then, Mary and \"John\" went\\to the store.\n\n", "👩‍👧 é e\u{301}", "\u{7f}\u{0}\r"]
        let built = try BPETokenizer.covering(texts: texts)
        try built.write(to: folder)
        let read = try BPETokenizer(directory: folder)
        #expect(read.tokens == built.tokens)
        for text in texts + ["Mary then", "store\\"] { #expect(read.encode(text) == built.encode(text)) }
    }
}
