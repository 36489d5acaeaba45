import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Files of MIB's form, read, written and refused.
@Suite struct MIBCircuitTests {
    /// A file for two layers of two heads, its names written out in MIB's order.
    struct File {
        var config = "{\"n_layers\": 2, \"n_heads\": 2, \"parallel_attn_mlp\": false, \"d_model\": 16}"
        var nodes = ["input", "a0.h0", "a0.h1", "m0", "a1.h0", "a1.h1", "m1", "logits"].map { ($0, $0 != "a0.h0") }
        var edges: [(name: String, score: String, isKept: Bool)]

        init() {
            var names: [String] = []
            func toHeads(_ layer: Int, from sender: String) {
                for head in 0...1 { names += ["q", "k", "v"].map { "\(sender)->a\(layer).h\(head)<\($0)>" } }
            }
            toHeads(0, from: "input")
            names += ["input", "a0.h0", "a0.h1"].map { "\($0)->m0" }
            for sender in ["input", "a0.h0", "a0.h1", "m0"] { toHeads(1, from: sender) }
            let senders = ["input", "a0.h0", "a0.h1", "m0", "a1.h0", "a1.h1"]
            names += senders.map { "\($0)->m1" } + (senders + ["m1"]).map { "\($0)->logits" }
            let kept = [
                "input->a0.h1<k>", "input->m0", "a0.h1->a1.h0<v>", "m0->a1.h1<q>", "a1.h0->m1", "a1.h1->logits",
                "m1->logits",
            ]
            edges = names.enumerated().map { ($1, "\(($0 % 5 - 2) * $0).5e-2", kept.contains($1)) }
        }

        var text: String {
            let nodes = nodes.map { "\"\($0.0)\": {\"in_graph\": \($0.1)}" }.joined(separator: ", ")
            let edges = edges.map { "\"\($0.name)\": {\"score\": \($0.score), \"in_graph\": \($0.isKept)}" }
                .joined(separator: ", ")
            return "{\"cfg\": \(config), \"nodes\": {\(nodes)}, \"edges\": {\(edges)}}"
        }
    }

    private static func config(layers: Int = 2, heads: Int = 2, width: Int = 16) throws -> GPT2Config {
        try GPT2Config(vocabularySize: 61, contextLength: 16, width: width, layers: layers, heads: heads)
    }

    private func read(_ text: String, for config: GPT2Config? = nil) throws -> MIBCircuit {
        try withFile(text, named: "mib.json") { try MIBCircuit(contentsOf: $0, for: config) }
    }

    @Test func scoresAndTheCircuitAreRead() throws {
        let file = File()
        let scored = try read(file.text, for: Self.config())
        #expect((scored.graph.layers, scored.graph.heads, scored.width) == (2, 2, 16))
        #expect(file.edges.count == scored.graph.edgeCount)
        for edge in file.edges {
            // a0.h1->a1.h0<v> is 0.1->1.0.v.
            let name = edge.name.replacing(/a(\d+)\.h(\d+)/) { "\($0.1).\($0.2)" }.replacing(/<(.)>/) { ".\($0.1)" }
            let known = try #require(scored.graph.edge(named: name), "\(name)")
            #expect(scored.scores[scored.graph.index(of: known)] == Double(edge.score)!)
            #expect(scored.edges.contains(known) == edge.isKept)
        }
        #expect(scored.heads == [Head(0, 1), Head(1, 0), Head(1, 1)])
        let circuit = try scored.circuit
        #expect(
            circuit.classes == [
                HeadClass(name: "heads", heads: scored.heads, position: .all),
                HeadClass(name: "MLPs", nodes: [.mlp(0), .mlp(1)], position: .all),
            ]
        )
        let names = [
            "input->0.1.k", "input->m0", "0.1->1.0.v", "m0->1.1.q", "1.0->m1", "1.1->logits", "m1->logits",
        ]
        #expect(Set(circuit.edges) == Set(names) && circuit.edges.count == names.count)
    }

    @Test func aCircuitIsReadFromEitherForm() throws {
        try withFile(File().text, named: "mib.json") { file in
            let circuit = try Circuit(contentsOf: file, for: Self.config())
            #expect(try circuit == Circuit(contentsOf: file))
            #expect(try circuit == MIBCircuit(contentsOf: file).circuit)
            // What is read from one form can be written in the other.
            #expect(try withFile(circuit.json) { try Circuit(contentsOf: $0, for: Self.config()) } == circuit)
            for config in try [Self.config(layers: 3), Self.config(heads: 4), Self.config(width: 32)] {
                let shape = "n_layers \(config.layers), n_heads \(config.heads), d_model \(config.width)"
                expectError(containing: file.path, "cfg: found n_layers 2, n_heads 2, d_model 16, expected", shape) {
                    try Circuit(contentsOf: file, for: config)
                }
            }
        }
    }

    @Test func whatIsWrittenIsTheFormAndComesBack() throws {
        let file = File()
        let scored = try read(file.text)
        #expect(try withFile(scored.json) { try MIBCircuit(contentsOf: $0) } == scored)
        let text = String(decoding: scored.json, as: UTF8.self)
        // In MIB's order, which a parser of JSON does not tell.
        let names = text.matches(of: /"([^"]+)": \{"(score|in_graph)/).map { String($0.1) }
        #expect(names == file.nodes.map(\.0) + file.edges.map(\.name))
        let written = try #require(try JSONSerialization.jsonObject(with: scored.json) as? [String: NSObject])
        let original = try JSONSerialization.jsonObject(with: Data(file.text.utf8)) as? [String: NSObject]
        #expect(written == original)

        // Heads and MLPs belong to a circuit of edges if one of these leaves them.
        let graph = Graph(layers: 2, heads: 2)
        let edges = ["input->1.0.q", "1.0->logits"].map { graph.index(of: graph.edge(named: $0)!) }
        let scores = (0..<graph.edgeCount).map { 1e-9 * Double($0) - 0.1 }
        let other = MIBCircuit(EdgeSet(graph, indices: edges), scores: scores, width: 8)
        let again = try withFile(other.json) { try MIBCircuit(contentsOf: $0) }
        #expect(again == other && again.heads == [Head(1, 0)])
        let kept = String(decoding: other.json, as: UTF8.self).matches(of: /"([^">]+)": \{"in_graph": true/)
        #expect(kept.map { String($0.1) } == ["input", "a1.h0", "logits"])
    }

    @Test func whatIsNotOfTheFormIsRefused() throws {
        func refused(_ change: (inout File) -> Void, _ parts: String...) {
            var file = File()
            change(&file)
            let text = file.text
            for part in ["mib.json: "] + parts { expectError(containing: part) { try read(text) } }
        }
        refused({ $0.config = "null" }, "cfg: found null, expected")
        refused(
            { $0.config = $0.config.replacing("\"n_heads\": 2", with: "\"n_heads\": 2.5") }, "cfg.n_heads: found 2.5")
        refused({ $0.config = $0.config.replacing("n_heads", with: "heads") }, "cfg.n_heads: found nothing, expected")
        refused(
            { $0.config = $0.config.replacing("\"n_heads\": 2", with: "\"n_heads\": 900") }, "nodes: found 8, expected")
        refused({ $0.config = $0.config.replacing("\"n_heads\": 2", with: "\"n_heads\": 0") }, "cfg.n_heads: found 0")
        refused(
            { $0.config = $0.config.replacing("false", with: "true") },
            "cfg.parallel_attn_mlp: found true, expected false")
        refused(
            { $0.config = $0.config.replacing("\"n_layers\": 2", with: "\"n_layers\": 1") }, "nodes: found \"a1.h0\"")
        refused({ $0.nodes[1].0 = "a0.h2" }, "nodes: found \"a0.h2\", expected nodes of the shape in cfg")
        refused({ $0.nodes.remove(at: 3) }, "nodes: found 7, without \"m0\"; expected all 8")
        refused({ $0.edges[4].name = "m1->m0" }, "edges: found \"m1->m0\", expected edges of the shape in cfg")
        refused({ $0.edges.removeFirst() }, "edges: found 45, without \"input->a0.h0<q>\"; expected all 46")
        refused({ $0.edges.removeLast(3) }, "edges: found 43, without \"a1.h0->logits\" and 2 more; expected all 46")
        refused({ $0.edges.append($0.edges[7]) }, "edges: found the key \"\(File().edges[7].name)\" twice")
        refused({ $0.edges[6].score = "null" }, "edges.input->m0.score: found null, expected a number")
        refused({ $0.edges[6].score = "NaN" }, "not sound JSON")

        let neurons = File().text.replacing("\"m0\": {", with: "\"m0\": {\"neurons\": [true], ")
        expectError(containing: "nodes.m0.neurons: ", "expected a circuit of whole nodes") { try read(neurons) }
        var headless = File()
        headless.nodes = headless.nodes.map { ($0.0, !$0.0.contains("h")) }
        try withFile(headless.text, named: "mib.json") { file in
            expectError(containing: file.path, "nodes: found no head") { try Circuit(contentsOf: file) }
        }
        expectError(containing: "found a circuit without the scores") {
            try read(String(decoding: TemporaryModel.circuit.json, as: UTF8.self))
        }
        expectError(containing: "found results without the scores") { try read("{\"schema\": \"ioi/1\"}") }
    }

    @Test(.enabled(if: publishedFile != nil, "there is no folder with published files (IOI_PUBLISHED_DATA)"))
    func thePublishedScoresOfGPT2AreRead() throws {
        let file = try #require(Self.publishedFile)
        let scored = try MIBCircuit(contentsOf: file, for: .small)
        #expect(scored.scores.count == 32_491 && scored.edges.count == 756)
        let ranking = EdgeRanking(scored.graph, scores: scored.scores, isAbsolute: true)
        let best = ranking.order.prefix(4).map { scored.graph.name(of: scored.graph.edges[$0]) }
        #expect(best == ["9.9->logits", "input->m0", "10.7->logits", "9.6->logits"])
        // The heads of the nodes are those of the edges, as ours are.
        #expect(scored.heads == scored.edges.heads)
        var pruned = scored.edges
        pruned.prune()
        #expect(pruned == scored.edges)
        let circuit = try Circuit(contentsOf: file, for: .small)
        #expect(circuit.edges.count == 756 && circuit.edgeSet(scored.graph) == scored.edges)
        #expect(try withFile(scored.json) { try MIBCircuit(contentsOf: $0) } == scored)
    }

    private static let publishedFile: URL? = Fixtures.publishedData
        .map { $0.appendingPathComponent("peers/mib-ioi-eap-ig.json") }
        .flatMap { FileManager.default.fileExists(atPath: $0.path) ? $0 : nil }
}
