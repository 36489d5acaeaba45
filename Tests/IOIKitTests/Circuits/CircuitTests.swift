import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct CircuitTests {
    private static let mover = "{\"name\": \"name mover\", \"heads\": [\"9.9\", \"10.0\"], \"position\": \"END\"}"

    private func text(_ classes: String...) -> String {
        "{\"model\": \"m\", \"classes\": [\(classes.joined(separator: ", "))]}"
    }

    private func read(_ text: String) throws -> Circuit {
        try withFile(text, named: "c.json") { try Circuit(contentsOf: $0) }
    }

    static var published: Circuit {
        get throws { try Circuit(contentsOf: DataDirectory.file("circuits/gpt2-small.json"), for: .small) }
    }

    @Test func theDefaultCircuitIsThePublishedOne() throws {
        let circuit = try Self.published
        #expect(circuit.model == "gpt2-small")
        // Wang et al. 2022, figure 2.
        let published: [(String, String, PositionSelection)] = [
            ("name mover", "9.9 10.0 9.6", .one(.end)),
            ("backup name mover", "10.10 10.6 10.2 10.1 11.2 9.7 9.0 11.9", .one(.end)),
            ("negative name mover", "10.7 11.10", .one(.end)),
            ("S-inhibition", "7.3 7.9 8.6 8.10", .one(.end)),
            ("induction", "5.5 5.8 5.9 6.9", .one(.s2)),
            ("duplicate token", "0.1 0.10 3.0", .one(.s2)),
            ("previous token", "2.2 4.11", .one(.s1Next)),
        ]
        let classes = try published.map { name, heads, position in
            let heads = try heads.split(separator: " ").map { try #require(Head(String($0))) }
            return HeadClass(name: name, heads: heads, position: position)
        }
        #expect(circuit.classes == classes)
        #expect(circuit.heads.count == 26)
        #expect(circuit.heads == circuit.heads.sorted())
        #expect(circuit.heads.first == Head(0, 1) && circuit.heads.last == Head(11, 10))
    }

    @Test func theDefaultFileIsAsItIsWritten() throws {
        let file = try DataDirectory.file("circuits/gpt2-small.json")
        #expect(try Circuit(contentsOf: file).json == Data(contentsOf: file))
    }

    @Test func pathsAndEdgesSayWhoHearsWhom() throws {
        let graph = Graph(layers: 12, heads: 12)
        #expect(graph.edgeCount == 32_491)
        let edges = try #require(try Self.published.edgeSet(graph))
        for (name, isKept) in [
            ("9.9->logits", true), ("7.3->logits", false), ("7.3->9.9.q", true), ("7.3->9.9.k", false),
            ("9.9->10.7.q", false), ("2.2->5.5.k", true), ("2.2->5.5.q", false), ("3.0->8.6.v", true),
            ("input->9.9.q", true), ("m3->9.9.v", true), ("9.9->m9", true), ("1.1->m9", false), ("m3->1.1.q", false),
            ("input->m0", true), ("m11->logits", true),
        ] {
            #expect((graph.edge(named: name).map(edges.contains) ?? false) == isKept, "\(name)")
        }
        #expect(try Circuit(contentsOf: DataDirectory.file("circuits/gpt2-small-naive.json")).edgeSet(graph) == nil)
        let one = try Circuit(
            model: "m", classes: [HeadClass(name: "heads", heads: [Head(0, 1)], position: .all)],
            edges: ["0.1->logits", "input->0.1.v"]
        )
        #expect(try JSONDecoder().decode(Circuit.self, from: one.json) == one)
        #expect(one.edgeSet(graph)?.edges.map(graph.name) == ["input->0.1.v", "0.1->logits"])
    }

    @Test func theNaiveCircuitIsPartOfTheDefaultOne() throws {
        let naive = try Circuit(contentsOf: DataDirectory.file("circuits/gpt2-small-naive.json"), for: .small)
        #expect(naive.heads.count == 13)
        let whole = try Self.published.positions()
        for (head, position) in naive.positions() { #expect(whole[head] == position) }
    }

    @Test func encodingGivesTheFormOfTheFile() throws {
        let circuit = try Circuit(
            model: "a \"b\"",
            classes: [
                HeadClass(name: "x/y", heads: [Head(1, 2), Head(0, 3)], position: .all),
                HeadClass(name: "z", heads: [Head(0, 1)], position: .one(.s1Next)),
            ]
        )
        let form: NSDictionary = [
            "model": "a \"b\"",
            "classes": [
                ["name": "x/y", "heads": ["1.2", "0.3"], "position": "all"],
                ["name": "z", "heads": ["0.1"], "position": "S1+1"],
            ],
        ]
        for json in [try JSONEncoder().encode(circuit), circuit.json] {
            #expect(try JSONSerialization.jsonObject(with: json) as? NSDictionary == form)
            #expect(try JSONDecoder().decode(Circuit.self, from: json) == circuit)
        }
    }

    @Test(arguments: [
        ("[\"9.9\", \"9.9\"]", "heads of class \"name mover\": found 9.9 twice, expected each head once in one class"),
        ("[]", "heads of class \"name mover\": found an empty list, expected at least one head"),
        ("[\"9.9\", \"9\"]", "classes[0].heads[1]: found \"9\", expected a head as layer.head, such as \"9.9\""),
        ("[9.9]", "classes[0].heads[0]: found 9.9, expected a string"),
        ("\"9.9\"", "classes[0].heads: found \"9.9\", expected an array"),
    ])
    func faultyHeadsAreRefused(_ heads: String, _ message: String) {
        expectError(containing: "/c.json: \(message)") {
            try read(text("{\"name\": \"name mover\", \"heads\": \(heads), \"position\": \"END\"}"))
        }
    }

    @Test func faultyClassesAreRefused() {
        let mover = Self.mover
        expectError(containing: "/c.json: classes: found an empty list, expected at least one class") {
            try read(text())
        }
        expectError(containing: "/c.json: classes: found two named \"name mover\", expected distinct names") {
            try read(text(mover, "{\"name\": \"name mover\", \"heads\": [\"1.1\"], \"position\": \"END\"}"))
        }
        expectError(
            containing: "/c.json: heads of class \"b\": found 10.0, which class \"name mover\" has as well; ",
            "expected each head once in one class"
        ) {
            try read(text(mover, "{\"name\": \"b\", \"heads\": [\"1.1\", \"10.0\"], \"position\": \"S2\"}"))
        }
        expectError(containing: "/c.json: classes[1].name: found \"\", expected a name") {
            try read(text(mover, "{\"name\": \"\", \"heads\": [\"1.1\"], \"position\": \"END\"}"))
        }
        expectError(
            containing:
                "/c.json: classes[0].position: found \"S 3\", expected the name of a position, such as END, or all"
        ) {
            try read(text("{\"name\": \"b\", \"heads\": [\"1.1\"], \"position\": \"S 3\"}"))
        }
        expectError(containing: "/c.json: model: found nothing, expected a value") {
            try read("{\"classes\": [\(mover)]}")
        }
        expectError(containing: "/c.json: not sound JSON") { try read("{\"model\"") }
    }

    @Test func aModelsCircuitLiesWithIt() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["config.json", "model.safetensors"] {
            try Data().write(to: folder.appendingPathComponent(name))
        }
        let location = try ModelLocation(folder: folder)
        // A name decides nothing.
        for location in [location, try ModelLocation(name: "gpt2", folder: folder)] {
            let error = ioiError { _ = try Circuit.named("default", for: .medium, at: location) }
            #expect(error?.kind == .usage)
            let problem = "no circuit belongs to the model \(location.name); expected a file"
            #expect(error?.description.contains(problem) == true)
            #expect(error?.description.hasSuffix("; gpt2-small is for models of 12 layers of 12 heads") == true)
            #expect(try Circuit.named("default", for: .small, at: location) == Self.published)
        }
        let borrowed = try #require(DefaultCircuit(of: location, .small))
        let published = try #require(ModelExpectations.standard(for: "gpt2")?.sha256)
        #expect(borrowed.isBorrowed(by: "00") && !borrowed.isBorrowed(by: published))
        let own = try Circuit(model: "own", classes: [HeadClass(name: "a", heads: [Head(1, 1)], position: .all)])
        try own.json.write(to: location.circuitFile)
        #expect(try Circuit.named("default", for: .small, at: location) == own)
        #expect(try !#require(DefaultCircuit(of: location, .small)).isBorrowed(by: "00"))
        #expect(try Circuit.named("default", for: .small, at: ModelLocation(name: "gpt2", folder: folder)) == own)
    }

    @Test func theProgramsCircuitsHaveNames() throws {
        let location = try ModelLocation(folder: TemporaryModel.shared.model)
        #expect(try Circuit.named("gpt2-small", for: .small, at: location) == Self.published)
        let years = try Circuit.named("greater-than", for: .small, at: location)
        #expect(years.mlps == [0, 1, 2, 3, 8, 9, 10, 11])
        for name in try DataDirectory.names(in: "circuits") + ["default"] {
            #expect(try Circuit.recordedName(name) == name)
        }
        let error = ioiError { _ = try Circuit.named("grater-than", for: .small, at: location) }
        #expect(
            error?.description
                == "circuit: found \"grater-than\", expected default, embedded, gpt2-small, gpt2-small-naive, greater-than or "
                + "a file"
        )
        // Whatever may be a path is one.
        for name in ["greater-than.json", "here/greater-than", "./greater-than"] {
            #expect(try Circuit.recordedName(name) == URL(fileURLWithPath: name).path)
            let missing = ioiError { _ = try Circuit.named(name, for: .small, at: location) }
            #expect(missing?.description.hasPrefix("/") == true)
        }
    }

    @Test func aFileHasToFitTheModel() throws {
        let config = try GPT2Config(vocabularySize: 100, contextLength: 32, width: 20, layers: 10, heads: 10)
        let fitting = "{\"name\": \"a\", \"heads\": [\"9.9\"], \"position\": \"all\"}"
        let heads = try withFile(text(fitting)) { try Circuit(contentsOf: $0, for: config).heads }
        #expect(heads == [Head(9, 9)])
        for head in ["10.0", "0.10"] {
            let beyond = "{\"name\": \"b\", \"heads\": [\"0.0\", \"\(head)\"], \"position\": \"END\"}"
            let error = ioiError {
                try withFile(text(fitting, beyond), named: "c.json") { _ = try Circuit(contentsOf: $0, for: config) }
            }
            #expect(error?.kind == .failure)
            let message = "/c.json: heads of class \"b\": found head \(head), expected 0.0 to 9.9 in this model"
            #expect(error?.description.hasSuffix(message) == true, "\(String(describing: error))")
        }
        expectError(containing: "/nonexistent/c.json: cannot be read") {
            try Circuit(contentsOf: URL(fileURLWithPath: "/nonexistent/c.json"), for: config)
        }
    }

    @Test func classesAreFoundByName() throws {
        let circuit = try Self.published
        #expect(try circuit.headClass(named: "induction", field: "classes").heads.first == Head(5, 5))
        let error = ioiError { _ = try circuit.headClass(named: "Induction", field: "classes") }
        #expect(error?.kind == .usage)
        #expect(
            error?.description == "classes: found the class \"Induction\", expected one of \"name mover\", "
                + "\"backup name mover\", \"negative name mover\", \"S-inhibition\", \"induction\", "
                + "\"duplicate token\", \"previous token\""
        )
    }
}
