import Foundation
import Testing

@testable import IOIKit

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
        let both = "no such file, expected vocab.json and merges.txt in a tokenizer's folder"
        let good = Data(Self.vocabulary().utf8)
        #expect(try message(vocabulary: nil, merges: Data()) == "vocab.json: \(both)")
        #expect(try message(vocabulary: good, merges: nil) == "merges.txt: \(both)")
        #expect(try message(vocabulary: good, merges: Data()) == nil)

        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let notAFile = folder.appendingPathComponent("vocab.json")
        try FileManager.default.createDirectory(at: notAFile, withIntermediateDirectories: true)
        let error = try #require(throws: IOIError.self) { try BPETokenizer(directory: folder) }
        #expect(error.description.hasPrefix("\(notAFile.path): cannot be read: "))
    }

    @Test(arguments: [
        ("", "an object of tokens and their ids at its end"),
        ("[]", "an object of tokens and their ids at byte 0"),
        ("hello", "an object of tokens and their ids at byte 0"),
        ("{\"a\": 0", "',' or '}' after an id at its end"),
        ("{\"a\": 0,}", "a token in quotes at byte 8"),
        ("{\"a\" 0}", "':' after a token at byte 5"),
        ("{\"a\": 0 1}", "',' or '}' after an id at byte 8"),
        ("{a: 0}", "a token in quotes at byte 1"),
        ("{\"a\": 0} x", "the file to end after its object at byte 9"),
        ("{\"a", "a token's closing quote at its end"),
        ("{\"a\nb\": 0}", "control characters in tokens to be escaped at byte 3"),
        (#"{"\x": 0}"#, "an escape that JSON knows at byte 3"),
        (#"{"\"#, "the rest of an escape at its end"),
        (#"{"\u12G4": 0}"#, "four hexadecimal digits at byte 4"),
        (#"{"\u+123": 0}"#, "four hexadecimal digits at byte 4"),
        (#"{"\ud83d": 0}"#, "surrogates in pairs before this at byte 8"),
        (#"{"\ud83d\u0041": 0}"#, "surrogates in pairs before this at byte 14"),
        (#"{"\ude00": 0}"#, "surrogates in pairs before this at byte 8"),
    ])
    func vocabularyThatIsNotJSON(content: String, expected: String) throws {
        #expect(try message(content) == "vocab.json: not a vocabulary in JSON, expected \(expected)")
    }

    @Test func vocabularyThatIsNotUTF8() throws {
        let content = Data([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x30, 0x7d])
        #expect(
            try message(vocabulary: content, merges: Data())
                == "vocab.json: not a vocabulary in JSON, expected valid UTF-8 before this at byte 4"
        )
    }

    @Test(arguments: [
        "1.5", "1e3", "\"3\"", "null", "-", "--1", "+1", "01", "99999999999999999999", "{}", "",
    ])
    func idsThatAreNotIntegers(id: String) throws {
        let found = try #require(try message(Self.vocabulary("\"xy\": \(id)")))
        #expect(
            found.hasPrefix("vocab.json: token \"xy\" has id ") && found.hasSuffix(", expected an integer")
        )
    }

    @Test func idsThatRepeatOrLeaveGaps() throws {
        #expect(
            try message(Self.vocabulary("\"xy\": 256", "\"xz\": 256"))
                == "vocab.json: tokens \"xy\" and \"xz\" have the same id 256"
        )
        #expect(
            try message(Self.vocabulary("\"xy\": -1"))
                == "vocab.json: token \"xy\" has id -1, expected 0 or more"
        )
        #expect(
            try message(Self.vocabulary("\"xy\": 257"))
                == "vocab.json: token \"xy\" has id 257, expected ids 0 to 256 without gaps"
        )
        #expect(
            try message(Self.vocabulary("\"xy\": 9223372036854775807"))
                == "vocab.json: token \"xy\" has id 9223372036854775807, expected ids 0 to 256 without gaps"
        )
        #expect(
            try message(Self.vocabulary("\"xy\": 256", "\"xy\": 257"))
                == "vocab.json: token \"xy\" stands twice, with ids 256 and 257"
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
                == "merges.txt: line 3: \"a b\" stands there a second time"
        )
        #expect(
            try message(vocabulary: Data(vocabulary.utf8), merges: Data([0x61, 0x20, 0xff]))
                == "merges.txt: line 1: found \"a \u{fffd}\", expected two tokens with a space between"
        )
    }

    @Test func escapesAndCanonicallyEquivalentTokensAreRead() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let vocabulary = Self.vocabulary(
            #""\u00c3\u00a9": 256"#,
            #""\"\\\/\b\f\n\r\t\ud83d\ude00": 257"#,
            "\"e\u{301}x\": 258",
            "\"\u{e9}x\": 259"
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
        for name in ["vocab.json", "merges.txt"] {
            let written = try Data(contentsOf: folder.appendingPathComponent(name))
            let source = try Data(contentsOf: TokenizerFixtures.smallFolder.appendingPathComponent(name))
            #expect(written == source)
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
                "merges.txt", "vocab.json",
            ]
        )
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
