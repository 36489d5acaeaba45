import Foundation
import Testing

@testable import GPT2Kit

/// Text from files in messages.
@Suite struct UntrustedTextTests {
    @Test(arguments: [
        ("plain – text ✓ 漢字", "plain – text ✓ 漢字"), ("a\u{1B}[2Jb", #"a\u{1B}[2Jb"#), ("a\nb\r\tc", #"a\nb\r\tc"#),
        ("a\r\nb", #"a\r\nb"#), ("a\u{7F}\u{9B}b", #"a\u{7F}\u{9B}b"#), ("a\u{2028}b", #"a\u{2028}b"#),
        ("a\u{202E}b", #"a\u{202E}b"#), ("a\u{0}b", #"a\u{0}b"#),
    ])
    func visibleTextHasNothingThatATerminalObeys(text: String, visible: String) {
        #expect(text.visible == visible)
        #expect(visible.visible == visible)
    }

    @Test func shortenedTextKeepsItsEnds() {
        #expect("abc".shortened(to: 20) == "abc")
        let text = String(repeating: "a", count: 100_000) + "end"
        let short = text.shortened(to: 60)
        #expect(short.unicodeScalars.count == 60)
        #expect(short.hasPrefix("aaaa") && short.hasSuffix("aend") && short.contains(" … "))
        // One character of 100,000 scalars.
        #expect(("e" + String(repeating: "\u{301}", count: 100_000)).quoted.unicodeScalars.count < 100)
    }

    @Test func errorsAreOneShortLineWhateverTheyQuote() {
        let hostile = "x\u{1B}[31m\nioi: forged\u{202E}" + String(repeating: "y", count: 1_000_000)
        for error in [
            IOIError("file: found \(hostile), expected a number"), IOIError.invalid(hostile, "found \(hostile)"),
            IOIError.invalid("count", hostile), IOIError.usage(hostile),
        ] {
            #expect(error.description.unicodeScalars.count <= IOIError.longest)
            #expect(error.description == error.description.visible)
        }
        #expect(IOIError("file: found \(hostile), expected a number").description.hasSuffix("expected a number"))
    }
}
