import Testing

@testable import GPT2Kit

@Suite struct BPETokenizerTests {
    /// The 256 byte symbols, then the results of the merges, without an end of text.
    private static func tokenizer(merges: [(String, String)]) throws -> BPETokenizer {
        var vocabulary: [String: Int] = [:]
        for symbol in ByteSymbols.bytes.map({ String(ByteSymbols.symbols[Int($0)]) }) {
            vocabulary[symbol] = vocabulary.count
        }
        for (left, right) in merges where vocabulary[left + right] == nil {
            vocabulary[left + right] = vocabulary.count
        }
        return try BPETokenizer(vocabulary: vocabulary, merges: merges)
    }

    @Test func byteSymbolsAreGPT2s() {
        #expect(ByteSymbols.bytes.count == 256 && Set(ByteSymbols.bytes).count == 256)
        #expect(Array(ByteSymbols.bytes.prefix(2)) == [0x21, 0x22])
        #expect(Array(ByteSymbols.bytes[187...189]) == [0xff, 0x00, 0x01])
        #expect(ByteSymbols.symbols[0x20] == "\u{120}" && ByteSymbols.symbols[0x0a] == "\u{10a}")
        #expect(ByteSymbols.symbols[0xad] == "\u{143}")
        for byte in UInt8.min...UInt8.max {
            #expect(ByteSymbols.byte(for: ByteSymbols.symbols[Int(byte)]) == byte)
        }
        #expect(ByteSymbols.byte(for: " ") == nil && ByteSymbols.byte(for: "\u{144}") == nil)
    }

    @Test func lowestRankGoesFirstThenTheFirstOccurrence() throws {
        let pieces = { (text: String, merges: [(String, String)]) in
            let tokenizer = try Self.tokenizer(merges: merges)
            return tokenizer.encode(text).map { tokenizer.tokens[$0] }
        }
        #expect(try pieces("abc", [("a", "b"), ("b", "c")]) == ["ab", "c"])
        #expect(try pieces("abc", [("b", "c"), ("a", "b")]) == ["a", "bc"])
        #expect(try pieces("aaa", [("a", "a")]) == ["aa", "a"])
        #expect(try pieces("aaaaa", [("a", "a"), ("aa", "aa")]) == ["aaaa", "a"])
        #expect(try pieces("abab", [("a", "b"), ("ab", "a"), ("ab", "ab")]) == ["abab"])
        // Ranks ahead of the merge that makes its left part: it is done before the second "a b".
        #expect(try pieces("abab", [("ab", "a"), ("a", "b")]) == ["aba", "b"])
    }

    @Test func longPiecesAreEncodedInFull() throws {
        let tokenizer = try Self.tokenizer(merges: [("a", "b"), ("ab", "ab")])
        let ids = tokenizer.encode(String(repeating: "ab", count: 5001))
        #expect(ids == [Int](repeating: 257, count: 2500) + [256])
        #expect(tokenizer.decode(ids) == String(repeating: "ab", count: 5001))
    }

    @Test func endOfTextIsATokenOnlyWhereTheVocabularyHasIt() throws {
        let without = try Self.tokenizer(merges: [])
        #expect(without.endOfText == nil)
        #expect(without.encode("<|endoftext|>").count == 13)
        let with = try BPETokenizer.covering(texts: [])
        #expect(with.endOfText == 256)
        #expect(with.encode("a<|endoftext|><|endoftext|>b") == [64, 256, 256, 65])
        #expect(with.decode([64, 256, 65]) == "a<|endoftext|>b")
    }

    @Test func tokenForTextIsNilUnlessItIsOneToken() throws {
        let tokenizer = try Self.tokenizer(merges: [("a", "b")])
        #expect(tokenizer.token(for: "ab") == 256)
        #expect(tokenizer.token(for: "a") == 64)
        #expect(tokenizer.token(for: "ba") == nil)
        #expect(tokenizer.token(for: "") == nil)
    }

    @Test func decodingReplacesInvalidBytesAndSkipsUnknownIDs() throws {
        let tokenizer = try Self.tokenizer(merges: [])
        let id = { (byte: UInt8) in Int(ByteSymbols.bytes.firstIndex(of: byte)!) }
        #expect(tokenizer.decode([]) == "")
        #expect(tokenizer.decode([-1, id(0x61), 256, Int.max]) == "a")
        #expect(tokenizer.decode([0xe6, 0xbc, 0x61].map(id)) == "\u{fffd}a")
        #expect(tokenizer.decode([0xed, 0xa0, 0x80].map(id)) == "\u{fffd}\u{fffd}\u{fffd}")
        #expect(tokenizer.decode([0xc3, 0xa9].map(id)).scalarValues == [0xe9])
    }

    @Test func composedAndDecomposedStayApart() throws {
        let tokenizer = try BPETokenizer.covering(texts: ["\u{e9} e\u{301}"])
        #expect(tokenizer.token(for: "\u{e9}") != nil)
        #expect(tokenizer.encode("e\u{301}") != tokenizer.encode("\u{e9}"))
        #expect(tokenizer.decode(tokenizer.encode("e\u{301}")).scalarValues == [0x65, 0x301])
    }

    @Test func inconsistentContentsAreErrors() throws {
        func message(_ change: (inout [String: Int]) -> Void, _ merges: [(String, String)] = []) -> String? {
            var vocabulary: [String: Int] = [:]
            for (id, byte) in ByteSymbols.bytes.enumerated() {
                vocabulary[String(ByteSymbols.symbols[Int(byte)])] = id
            }
            change(&vocabulary)
            do {
                _ = try BPETokenizer(vocabulary: vocabulary, merges: merges)
                return nil
            } catch {
                return "\(error)"
            }
        }
        #expect(message { _ in } == nil)
        let rule = "the ids must be 0 to 255, each once"
        #expect(message { $0["!"] = -1 } == #"vocabulary: token "!" has id -1, expected 0: \#(rule)"#)
        #expect(message { $0["\""] = 0 } == #"vocabulary: token "\"" has id 0, expected 1: \#(rule)"#)
        #expect(
            message { $0["xy"] = 400 }
                == #"vocabulary: token "xy" has id 400, expected 256: the ids must be 0 to 256, each once"#
        )
        #expect(
            message {
                $0["!"] = nil
                $0["xy"] = 0
            } == #"vocabulary: no token "!", expected one for each byte, this for 33"#
        )
        #expect(message({ _ in }, [("a", "b")]) == #"merge 1: "ab" is not a token of the vocabulary"#)
        #expect(
            message({ $0["ab"] = 256 }, [("a", "b"), ("a", "b")])
                == #"merge 2: "a b" appears a second time"#
        )
    }
}
