import Foundation
import Testing

@testable import GPT2Kit

@Suite struct TokenizerFilesTests {
    /// The 256 byte symbols as entries of a vocab.json.
    private static let entries = ByteSymbols.bytes.enumerated().map { id, byte in
        let symbol = ByteSymbols.symbols[Int(byte)]
        return symbol == "\"" || symbol == "\\" ? "\"\\\(symbol)\": \(id)" : "\"\(symbol)\": \(id)"
    }

    private static func vocabulary(_ more: String...) -> String {
        "{" + (entries + more).joined(separator: ", ") + "}"
    }

    /// The error that reading the files gives, with the folder's path left out; nil when there is none.
    private func message(vocabulary: Data?, merges: Data?) throws -> String? {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try vocabulary?.write(to: folder.appendingPathComponent("vocab.json"))
        try merges?.write(to: folder.appendingPathComponent("merges.txt"))
        do {
            _ = try BPETokenizer(directory: folder)
            return nil
        } catch {
            let error = try #require(error as? IOIError)
            #expect(error.kind == .failure)
            #expect(!error.description.contains { $0.isNewline })
            #expect(error.description.hasPrefix(folder.path + "/"))
            return String(error.description.dropFirst(folder.path.count + 1))
        }
    }

    private func message(_ vocabulary: String, merges: String = "") throws -> String? {
        try message(vocabulary: Data(vocabulary.utf8), merges: Data(merges.utf8))
    }

    @Test func filesThatAreMissingOrUnreadable() throws {
        let missing = "cannot be read: No such file or directory"
        let good = Data(Self.vocabulary().utf8)
        #expect(try message(vocabulary: nil, merges: Data()) == "vocab.json: \(missing)")
        #expect(try message(vocabulary: good, merges: nil) == "merges.txt: \(missing)")
        #expect(try message(vocabulary: good, merges: Data()) == nil)

        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let notAFile = folder.appendingPathComponent("vocab.json")
        try FileManager.default.createDirectory(at: notAFile, withIntermediateDirectories: true)
        let error = try #require(throws: IOIError.self) { try BPETokenizer(directory: folder) }
        #expect(error.description == "\(notAFile.path): found a folder, expected a file")
    }

    @Test(arguments: [
        "", "hello", "{\"a\": 0", "{\"a\" 0}", "{\"a\": 0 1}", "{a: 0}", "{\"a\": 0} x", "{\"a",
        "{\"a\nb\": 0}",
        #"{"\x": 0}"#, #"{"\"#, #"{"\u12G4": 0}"#, #"{"\u+123": 0}"#, #"{"\ud83d": 0}"#,
        #"{"\ud83d\u0041": 0}"#,
        #"{"\ude00": 0}"#, "{\"a\": 01}", "{\"a\": +1}", "{\"a\": --1}", "{\"a\": -}", "{\"a\": }",
    ])
    func vocabularyThatIsNotJSON(content: String) throws {
        #expect(try #require(try message(content)).hasPrefix("vocab.json: not sound JSON: "))
    }

    @Test func vocabularyThatIsNotUTF8() throws {
        let content = Data([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x30, 0x7d])
        #expect(
            try #require(try message(vocabulary: content, merges: Data()))
                .hasPrefix("vocab.json: not sound JSON: Invalid UTF-8")
        )
    }

    @Test func vocabularyThatIsNoObject() throws {
        #expect(try message("[]") == "vocab.json: found [], expected an object")
    }

    @Test(arguments: ["1.5", "-1", "\"3\"", "null", "true", "99999999999999999999", "{}"])
    func idsThatAreNotIntegers(id: String) throws {
        let found = try #require(try message(Self.vocabulary("\"xy\": \(id)")))
        #expect(found.hasPrefix("vocab.json: xy: found \(id), expected "), "\(found)")
    }

    @Test func idsThatRepeatOrLeaveGaps() throws {
        let rule = "the ids must be 0 to 256, each once"
        for id in ["257", "9007199254740992"] {
            #expect(
                try message(Self.vocabulary("\"xy\": \(id)"))
                    == "vocab.json: token \"xy\" has id \(id), expected 256: \(rule)"
            )
        }
        #expect(
            try message(Self.vocabulary("\"xy\": 255"))
                == "vocab.json: token \"Ń\" has id 255, expected 256: \(rule)"
        )
        // A decoder would keep either.
        #expect(
            try message(Self.vocabulary("\"xy\": 256", "\"xy\": 257", "\"xz\": 258"))
                == "vocab.json: found the key \"xy\" twice, expected it once"
        )
    }

    @Test func aByteWithoutItsSymbol() throws {
        #expect(
            try message("{}")
                == "vocab.json: no token \"\u{100}\", expected one for each byte, this for 0"
        )
        #expect(
            try message(Self.vocabulary().replacingOccurrences(of: "\"a\"", with: "\"xy\""))
                == "vocab.json: no token \"a\", expected one for each byte, this for 97"
        )
    }

    @Test(arguments: ["a", "a b c", "", " a", "a ", "a  b", "a\tb"])
    func mergeLinesThatAreNotTwoTokens(line: String) throws {
        #expect(
            try message(Self.vocabulary("\"ab\": 256"), merges: "#version: 0.2\na b\n\(line)\na b\n")
                == "merges.txt: line 3: found \(line.debugDescription), expected two tokens with a space between"
        )
    }

    @Test func mergesThatTheVocabularyDoesNotHold() throws {
        let vocabulary = Self.vocabulary("\"ab\": 256", "\"cab\": 257")
        #expect(try message(vocabulary, merges: "#version: 0.2\na b\nc ab\n") == nil)
        #expect(try message(vocabulary, merges: "a b\r\nc ab\r\n") == nil)
        #expect(try message(vocabulary, merges: "a b\nc ab") == nil)
        let notAToken = "is not a token of the vocabulary"
        #expect(
            try message(vocabulary, merges: "#version: 0.2\na b\nxy b\n")
                == "merges.txt: line 3: \"xy\" \(notAToken)"
        )
        #expect(try message(vocabulary, merges: "a b\na xy\n") == "merges.txt: line 2: \"xy\" \(notAToken)")
        #expect(try message(vocabulary, merges: "a b\nb a\n") == "merges.txt: line 2: \"ba\" \(notAToken)")
        #expect(
            try message(vocabulary, merges: "a b\nc ab\na b\n")
                == "merges.txt: line 3: \"a b\" appears a second time"
        )
        #expect(
            try message(vocabulary: Data(vocabulary.utf8), merges: Data([0x61, 0x20, 0xff]))
                == "merges.txt: line 1: found \"a \u{fffd}\", expected two tokens with a space between"
        )
    }

    @Test func escapesAreRead() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let vocabulary = Self.vocabulary(
            #""\u00c3\u00a9": 256"#,
            #""\"\\\/\b\f\n\r\t\ud83d\ude00": 257"#,
            "\"e\u{301}x\": 258"
        )
        try Data("\n\t\(vocabulary)\r\n ".utf8).write(to: folder.appendingPathComponent("vocab.json"))
        try Data("Ã ©\n".utf8).write(to: folder.appendingPathComponent("merges.txt"))
        let tokenizer = try BPETokenizer(directory: folder)
        #expect(tokenizer.encode("\u{e9}") == [256])
        // Tokens with characters that are no byte symbols stand for their own text.
        #expect(tokenizer.decode([257]) == "\"\\/\u{8}\u{c}\n\r\t😀")
        #expect(tokenizer.decode([258]).scalarValues == [0x65, 0x301, 0x78])

        let copy = folder.appendingPathComponent("copy/of")
        try tokenizer.write(to: copy)
        let again = try BPETokenizer(directory: copy)
        #expect(again.tokens.map(\.scalarValues) == tokenizer.tokens.map(\.scalarValues))
        #expect(again.encode("\u{e9}") == [256])
    }

    @Test func whatIsWrittenReadsBackTheSame() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let original = try BPETokenizer(directory: TokenizerFixtures.smallFolder)
        try original.write(to: folder)
        try original.write(to: folder)
        let names = ["merges.txt", "vocab.json"]
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == names)
        let merges = try [folder, TokenizerFixtures.smallFolder].map { folder in
            try Data(contentsOf: folder.appendingPathComponent("merges.txt"))
        }
        #expect(merges[0] == merges[1])
        #expect(try BPETokenizer(directory: folder).tokens == original.tokens)
    }

    @Test func aFolderThatCannotBeWritten() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("file")
        try Data().write(to: file)
        let tokenizer = try BPETokenizer.covering(texts: ["a"])
        let error = try #require(throws: IOIError.self) { try tokenizer.write(to: file) }
        #expect(error.description.hasPrefix("\(file.path): cannot be made: "))
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("sub/vocab.json"),
            withIntermediateDirectories: true
        )
        let second = try #require(throws: IOIError.self) {
            try tokenizer.write(to: folder.appendingPathComponent("sub"))
        }
        #expect(second.description.hasPrefix("\(folder.path)/sub/vocab.json: cannot be written: "))
    }
}
