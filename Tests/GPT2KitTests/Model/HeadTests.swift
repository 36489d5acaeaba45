import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct HeadTests {
    @Test func headsAreWrittenAsLayerAndHead() {
        #expect(Head("9.9") == Head(9, 9))
        #expect(Head("0.11") == Head(0, 11))
        #expect(Head("11.10")?.layer == 11 && Head("11.10")?.index == 10)
        #expect(Head(10, 0).description == "10.0")
    }

    @Test(arguments: [
        "", ".", "9", "9.", ".9", "9.9.", "9.9.9", "-1.0", "0.-1", "+1.0", " 9.9", "9.9 ", "9,9", "a.b", "９.９", "1e1.0",
        "99999999999999999999.0",
    ])
    func otherTextsAreNoHeads(_ text: String) {
        #expect(Head(text) == nil)
    }

    @Test func headsAreOrderedByLayer() {
        let sorted = [Head(0, 2), Head(0, 11), Head(2, 0), Head(9, 9), Head(10, 0), Head(10, 10)]
        #expect([4, 1, 5, 0, 3, 2].map { sorted[$0] }.sorted() == sorted)
    }

    @Test func headsAreStringsInJSON() throws {
        let heads = [Head(9, 9), Head(10, 0)]
        let json = try JSONEncoder().encode(heads)
        #expect(String(decoding: json, as: UTF8.self) == "[\"9.9\",\"10.0\"]")
        #expect(try JSONDecoder().decode([Head].self, from: json) == heads)
        let fault = "x.json: [1]: found \"9\", expected a head as layer.head, such as \"9.9\""
        #expect(decodingError("[\"9.9\", \"9\"]") == fault)
        #expect(decodingError("[9.9]") == "x.json: [0]: found 9.9, expected a string")
    }

    private func decodingError(_ json: String) -> String? {
        ioiError { _ = try InputFile.decode([Head].self, from: Data(json.utf8), path: "x.json") }?.description
    }

    @Test func aModelHasSoManyHeads() throws {
        let config = try GPT2Config(vocabularySize: 100, contextLength: 32, width: 24, layers: 2, heads: 3)
        #expect(config.allHeads.map(\.description) == ["0.0", "0.1", "0.2", "1.0", "1.1", "1.2"])
        for head in config.allHeads { #expect(config.problem(with: head) == nil) }
        for head in [Head(2, 0), Head(0, 3)] {
            #expect(config.problem(with: head) == "found head \(head), expected 0.0 to 1.2 in this model")
        }
    }
}
