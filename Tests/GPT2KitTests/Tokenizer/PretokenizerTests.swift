import Testing

@testable import GPT2Kit

@Suite struct PretokenizerTests {
    @Test(arguments: [
        ("", []),
        ("Then, Mary and", ["Then", ",", " Mary", " and"]),
        (
            "I'll we've don't I'm he'd you're it's",
            ["I", "'ll", " we", "'ve", " don", "'t", " I", "'m", " he", "'d", " you", "'re", " it", "'s"]
        ),
        ("IT'S 's ''s 'x '", ["IT", "'", "S", " '", "s", " ''", "s", " '", "x", " '"]),
        ("'l 'r", ["'", "l", " '", "r"]),
        ("year 1984x2", ["year", " 1984", "x", "2"]),
        ("a   b", ["a", "  ", " b"]),
        ("a \n\n b ", ["a", " \n\n", " b", " "]),
        ("a\nb\n", ["a", "\n", "b", "\n"]),
        ("\r\n!\r", ["\r", "\n", "!", "\r"]),
        ("  ", ["  "]),
        ("a\u{a0}\u{85}b", ["a", "\u{a0}", "\u{85}", "b"]),
        ("\u{3000}\u{3000}x", ["\u{3000}", "\u{3000}", "x"]),
        ("a\u{1c}\u{1f}b\u{0}", ["a", "\u{1c}\u{1f}", "b", "\u{0}"]),
        ("e\u{301}x", ["e", "\u{301}", "x"]),
        ("\u{e9}x", ["\u{e9}x"]),
        ("a\u{200d}\u{200d}b", ["a", "\u{200d}\u{200d}", "b"]),
        ("½Ⅷ٣", ["½Ⅷ٣"]),
        ("漢字 かな、", ["漢字", " かな", "、"]),
        ("𠮷\u{378}\u{10ffff}", ["𠮷", "\u{378}\u{10ffff}"]),
    ])
    func cutsAsTheGPT2PatternDoes(text: String, pieces: [String]) {
        let bytes = Array(text.utf8)
        let found = Pretokenizer(bytes[...]).map { String(decoding: bytes[$0], as: UTF8.self) }
        #expect(found.map(\.scalarValues) == pieces.map(\.scalarValues))
    }

    @Test func lettersAreThoseOfUnicode16() {
        #expect(CharacterClass("\u{1c89}") == .letter, "a letter since Unicode 16")
        #expect(CharacterClass("\u{88f}") == .other, "a letter since Unicode 17")
        #expect(CharacterClass("\u{33479}") == .other, "a letter since Unicode 17")
    }
}
