import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct NodeTests {
    @Test func nodesAreHeadsOrMLPs() {
        #expect(Node("9.9") == .head(Head(9, 9)) && Node("m8") == .mlp(8) && Node("m10")?.layer == 10)
        #expect(Node.head(Head(9, 1)).description == "9.1" && Node.mlp(0).description == "m0")
        #expect(Node.head(Head(3, 4)).head == Head(3, 4) && Node.head(Head(3, 4)).mlp == nil)
        #expect(Node.mlp(2).mlp == 2 && Node.mlp(2).head == nil)
    }

    @Test(arguments: ["", "m", "8", "m-1", "m+1", "M8", " m8", "m8 ", "m8.0", "m１", "mm8", "m99999999999999999999"])
    func otherTextsAreNoNodes(_ text: String) {
        #expect(Node(text) == nil)
    }

    @Test func nodesAreOrderedAsTheyAreComputed() {
        let sorted = ["0.2", "0.11", "m0", "1.0", "m1", "9.9", "m9", "10.0", "10.10", "m10"].map { Node($0)! }
        #expect(sorted.reversed().sorted() == sorted)
        #expect([5, 9, 0, 2, 7, 1, 8, 4, 3, 6].map { sorted[$0] }.sorted() == sorted)
    }

    @Test func nodesAreStringsInJSON() throws {
        let nodes = [Node.head(Head(9, 9)), .mlp(8)]
        let json = try JSONEncoder().encode(nodes)
        #expect(String(decoding: json, as: UTF8.self) == "[\"9.9\",\"m8\"]")
        #expect(try JSONDecoder().decode([Node].self, from: json) == nodes)
        let error = ioiError { _ = try InputFile.decode([Node].self, from: Data("[\"8m\"]".utf8), path: "x.json") }
        #expect(
            error?.description
                == "x.json: [0]: found \"8m\", expected a head as layer.head, such as \"9.9\", or an MLP as m "
                + "and its layer, such as \"m8\""
        )
    }

    @Test func aModelHasSoManyNodes() throws {
        let config = try GPT2Config(vocabularySize: 100, contextLength: 32, width: 24, layers: 2, heads: 3)
        for node in config.allHeads.map(Node.head) + [.mlp(0), .mlp(1)] { #expect(config.problem(with: node) == nil) }
        #expect(config.problem(with: .mlp(2)) == "found MLP m2, expected m0 to m1 in this model")
        #expect(config.problem(with: .head(Head(2, 0))) == config.problem(with: Head(2, 0)))
    }
}
