import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct JSONScannerTests {
    private static func scan(_ text: String) throws { try JSONScanner.check(Data(text.utf8)) }

    @Test(arguments: [
        (#"{"a": 1, "a": 2}"#, "found the key \"a\" twice, expected it once"),
        (#"{"a": {"b": [0, {"c": 1, "d": 2, "c": 3}]}}"#, "a.b[1]: found the key \"c\" twice"),
        (#"[{"a": "a", "b": "a"}, {"": 0, "": 0}]"#, "[1]: found the key \"\" twice"),
        // The same key, once with escapes.
        (#"{"\u00e9\n": 1, "é\u000a": 2}"#, "found the key \"é\\n\" twice"),
        (#"{"\ud83d\ude00": 1, "😀": 2}"#, "found the key \"😀\" twice"),
        (#"{"\"": 1, "\u0022": 2}"#, "twice"), (#"{"a\\": 1, "a\\": 2}"#, "twice"),
    ])
    func aKeyThatIsThereTwiceIsNamed(_ text: String, _ message: String) {
        expectError(containing: message) { try Self.scan(text) }
    }

    @Test(arguments: [
        "", "[]", #"{"a": {"a": {"a": 1}}, "b": {"a": 1}}"#, #"[{"a": 1}, {"a": 1}]"#,
        #"{"a": "a", "b": "\"a\": 1, \"a\""}"#,
        #"{"a": "{\"b\": 1", "b": "}"}"#, #"["a", "a"]"#, #"{"A": 1, "a": 2, "aa": 3, "": 4}"#,
        // What is wrong with these the decoder says.
        "}", "{", "]]", #"{"a"#, #"{"\"#, #"{"\ud83d": 1, "\ud83d": 2}"#, #"{"\q": 1}"#, #"{"\u00"#, ",", "{,}",
    ])
    func otherTextIsLeftToTheDecoder(_ text: String) throws { try Self.scan(text) }

    /// Compared with a slow count, on texts of many keys, a few of which are equal.
    @Test func objectsOfManyKeys() throws {
        var generator = SeededGenerator(0, "keys")
        for _ in 0..<200 {
            let count = 1 + generator.below(60)
            let keys = (0..<count).map { _ in "k\(generator.below(400))" }
            let text = "{" + keys.map { "\"\($0)\": {\"x\": [\"\($0)\"]}" }.joined(separator: ", ") + "}"
            let isSound = Set(keys).count == keys.count
            #expect(((try? Self.scan(text)) != nil) == isSound)
        }
    }

    @Test func nestingHasALimit() throws {
        struct Empty: Decodable {}
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        try Self.scan(nested(JSONScanner.depth))
        for text in [nested(JSONScanner.depth + 1), nested(1_000_000), String(repeating: "{\"a\":", count: 100_000)] {
            expectError(containing: "file.json: found more than 100 lists and objects inside each other") {
                try InputFile.decode(Empty.self, from: Data(text.utf8), path: "file.json")
            }
        }
    }

    private struct Bounded: Decodable, CheckedRecord {
        let size: Int

        func check() throws { try IOIError.check("size", size, in: 1...3) }
    }

    @Test func decodingChecksBothKeysAndBounds() throws {
        func decode(_ text: String) throws -> Bounded {
            try InputFile.decode(Bounded.self, from: Data(text.utf8), path: "f.json")
        }
        #expect(try decode(#"{"size": 3}"#).size == 3)
        let error = #expect(throws: IOIError.self) { try decode(#"{"size": 4}"#) }
        #expect(error?.description == "f.json: size: found 4, expected 1 to 3" && error?.kind == .failure)
        expectError(containing: "f.json: found the key \"size\" twice") { try decode(#"{"size": 1, "size": 2}"#) }
    }
}
