import Foundation
import Testing

@testable import IOIKit

@Suite struct StrictJSONTests {
    private func parse(_ text: String) throws -> StrictJSON { try StrictJSON(parsing: Data(text.utf8)) }

    @Test func everyKindOfValueIsRead() throws {
        let text = """
             {"a": [1, -0.50e+3, true, false, null, "x", [], {}],
             \t"b" :{"c":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00é😀"}}
            """
        #expect(
            try parse(text)
                == .object([
                    "a": .array([
                        .number("1"), .number("-0.50e+3"), .bool(true), .bool(false), .null, .string("x"),
                        .array([]),
                        .object([:]),
                    ]),
                    "b": .object(["c": .string("\"\\/\u{8}\u{c}\n\r\té😀é😀")]),
                ])
        )
    }

    @Test func onlyWholeNumbersAreIntegers() throws {
        let expected: [(String, Int?)] = [
            ("12", 12), ("-3", -3), ("0", 0), ("12.0", nil), ("1e3", nil), ("9223372036854775807", Int.max),
            ("9223372036854775808", nil), ("\"12\"", nil), ("true", nil),
        ]
        for (text, value) in expected { #expect(try parse(text).integer == value, "\(text)") }
    }

    @Test(arguments: [
        "", " ", "{", "[", "\"", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}", "[1,]",
        "[1 2]", "01",
        "+1", "1.", ".5", "1e", "-", "NaN", "Infinity", "tru", "nul", "1 2", "{} x", "'a'", "\"a\nb\"",
        "\"\\x\"",
        "\"\\u12g4\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":1}", "[{\"b\":0,\"b\":0}]", "\u{feff}{}",
    ])
    func whatIsNotJSONIsRefused(_ text: String) {
        #expect(throws: StrictJSON.Failure.self) { try parse(text) }
    }

    @Test func failuresSayWhereAndWhat() throws {
        func failure(_ bytes: [UInt8]) -> String? {
            do {
                _ = try StrictJSON(parsing: Data(bytes))
                return nil
            } catch { return "\(error)" }
        }
        #expect(failure(Array("{\"a\" 1}".utf8)) == "at byte 5 found '1', expected ':'")
        #expect(failure(Array("[1".utf8)) == "at byte 2 found the end, expected ',' or ']'")
        #expect(failure(Array("{\"k\":1,\"k\":1}".utf8)) == "key \"k\" stands twice")
        #expect(failure([0x22, 0xff, 0x22]) == "it is not UTF-8")
        #expect(failure([0x22, 0xed, 0xa0, 0x80, 0x22]) == "it is not UTF-8")
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(failure(deep) == "nested deeper than 64 levels at byte 64")
    }

    @Test func whatIsPrintedReadsBackTheSame() throws {
        let document = StrictJSON.object([
            "b": .array([.number("1e-05"), .null, .object([:]), .array([])]),
            "a": .string("\u{0}\u{1f}\u{7f}\"\\/\n\r\té😀\u{2028}"),
            "c\"": .object(["x": .bool(true)]),
        ])
        let text = document.prettyPrinted
        #expect(try parse(text) == document)
        #expect(
            try parse("{\"b\":[1,\"x\"],\"a\":{}}").prettyPrinted
                == "{\n  \"a\": {},\n  \"b\": [\n    1,\n    \"x\"\n  ]\n}\n"
        )
        // An independent reader agrees.
        let other = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        #expect(other?["a"] as? String == "\u{0}\u{1f}\u{7f}\"\\/\n\r\té😀\u{2028}")
    }
}
