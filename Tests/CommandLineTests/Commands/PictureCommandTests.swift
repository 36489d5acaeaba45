import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Pictures and files of results: their numbers, their forms, and what is refused.
@Suite struct PictureCommandTests {
    static let model: TemporaryModel = {
        let model = try! TemporaryModel()
        try! TemporaryModel.circuit.json.write(to: model.model.appendingPathComponent("circuit.json"))
        return model
    }()

    private static func run(_ arguments: [String], in folder: ModelTestFolder? = nil) async throws -> Program.Outcome {
        try await Program.run(arguments, in: folder?.url)
    }

    private static var prompts: [String] {
        ["--model", model.model.path, "--count", "8", "--seed", "1", "--threads", "2"]
    }

    static let drawn: [[String]] = [
        ["eval"], ["lens"], ["knockout", "--heads", "0.0,1.2", "--each"], ["patch", "--mode", "path"],
        ["patch", "--mode", "activation", "--site", "resid_pre", "--position", "all"],
        ["faithfulness", "--random-sets", "3"], ["heads", "--analyses", "dla"],
    ]

    /// Every number that a picture shows is one of the document's, rounded.
    @Test(arguments: drawn) func numbersOfPicturesAreThoseOfTheDocument(_ command: [String]) async throws {
        let folder = try ModelTestFolder()
        let outcome = try await Self.run(command + Self.prompts + ["--chart", "c.svg", "--out", "r.json"], in: folder)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let document = try Data(contentsOf: folder.url.appendingPathComponent("r.json"))
        var known: Set<String> = []
        func add(_ value: JSONValue) {
            switch value {
            case .number(let number):
                for scale in [1.0, 100, 0.01] {
                    for decimals in 0...3 { known.insert((scale * number).fixed(decimals)) }
                }
            case .array(let values): values.forEach(add)
            case .object(let fields): fields.values.forEach(add)
            case .null, .bool, .string: break
            }
        }
        add(try JSONDecoder().decode(ResultsDocument<JSONValue, JSONValue>.self, from: document).results)
        let svg = try String(contentsOf: folder.url.appendingPathComponent("c.svg"), encoding: .utf8)
        let figures = svg.matches(of: /<text class="(?:value|bounds)"[^>]*>([^<]*)</).map { String($0.output.1) }
        // What a mark tells begins with its name.
        let told = svg.matches(of: /<title>[^<:]*: ([^<]*)</).map { String($0.output.1) }
        let numbers = (figures + told).flatMap { $0.matches(of: /-?\d+(?:\.\d+)?/).map { String($0.output) } }
        #expect(numbers.count > 4)
        for number in numbers { #expect(known.contains(number), "\(number)") }
    }

    @Test func aPictureHasTheFormOfItsExtension() async throws {
        let folder = try ModelTestFolder()
        let hasConverter = try await Program.shell("command -v rsvg-convert").status == 0
        for (name, start) in [("a.svg", "<svg"), ("a.PDF", "%PDF"), ("a.png", "\u{FFFD}PNG")] {
            let outcome = try await Self.run(["eval"] + Self.prompts + ["--chart", name, "--quiet"], in: folder)
            guard name.hasSuffix("svg") || hasConverter else {
                #expect(outcome.status == 64 && outcome.errors.contains("librsvg2-bin"))
                continue
            }
            #expect(outcome.status == 0, "\(outcome.errors)")
            let data = try Data(contentsOf: folder.url.appendingPathComponent(name))
            #expect(String(decoding: data, as: UTF8.self).hasPrefix(start))
        }
        for name in ["a.jpg", "a"] {
            let outcome = try await Self.run(["eval"] + Self.prompts + ["--chart", name], in: folder)
            #expect(outcome.status == 64 && outcome.complaints.count == 1)
            #expect(outcome.errors.contains("--chart: \(name): found") && outcome.errors.contains(".svg"))
        }
    }

    @Test func circuitsAreDrawn() async throws {
        let folder = try ModelTestFolder()
        for circuit in try DataDirectory.names(in: "circuits") {
            for form in ["svg", "dot"] {
                let name = "\(circuit).\(form)"
                let outcome = try await Self.run(["circuit", "draw", circuit, "--out", name], in: folder)
                #expect(outcome.status == 0, "\(outcome.errors)")
                let text = try String(contentsOf: folder.url.appendingPathComponent(name), encoding: .utf8)
                #expect(text.hasPrefix(form == "svg" ? "<svg" : "digraph"))
                for headClass in try Circuit(contentsOf: Circuit.file(named: circuit)).classes {
                    for node in headClass.nodes { #expect(text.contains(node.description), "\(name): \(node)") }
                }
                // Graphviz reads it, where there is one.
                guard form == "dot", try await Program.shell("command -v dot").status == 0 else { continue }
                let read = try await Program.shell("dot -Tsvg '\(name)' >/dev/null", in: folder.url)
                #expect(read.status == 0 && read.errors.isEmpty, "\(read.errors)")
            }
        }
        let refused = try await Self.run(["circuit", "draw", "gpt2-small", "--out", "g.jpg"], in: folder)
        #expect(refused.status == 64 && refused.complaints.count == 1)
    }

    /// Names with the special characters of every form.
    @Test func tablesHaveEveryForm() async throws {
        let folder = try ModelTestFolder()
        let lines = (0..<4).map { index in
            #"{"text": "Then, Mary and John went to the store. John gave a drink to", "io": "Mary", "s": "John", "#
                + #""template": "a_b|c%&\#(index % 2), \"d\""}"#
        }
        let file = try folder.put("special.jsonl", lines.joined(separator: "\n"))
        let command = ["eval", "--model", Self.model.model.path, "--data", file.path, "--quiet"]
        for (name, escaped) in [
            ("t.md", #"a_b\|c%&0, "d""#), ("t.tex", #"a\_b$|$c\%\&0, "d""#), ("t.csv", #""a_b|c%&0, ""d""""#),
            ("t.txt", #"a_b|c%&0, "d""#), ("t.json", #"a_b|c%&0, \"d\""#),
        ] {
            let outcome = try await Self.run(command + ["--out", name, "--format", "markdown"], in: folder)
            #expect(outcome.status == 0, "\(outcome.errors)")
            // What is printed is what --format says, whatever the file is.
            #expect(outcome.output.hasPrefix("| 4 custom prompts | mean |"))
            let text = try String(contentsOf: folder.url.appendingPathComponent(name), encoding: .utf8)
            #expect(text.contains(escaped), "\(name)")
        }
        let latex = try String(contentsOf: folder.url.appendingPathComponent("t.tex"), encoding: .utf8)
        #expect(
            latex.components(separatedBy: "\\begin{tabular}").count
                == latex.components(separatedBy: "\\end{tabular}").count)
        for table in latex.components(separatedBy: "\\end{tabular}").dropLast() {
            let rows = table.split(separator: "\n").filter { $0.hasSuffix(#" \\"#) }
            #expect(Set(rows.map { $0.replacing("\\&", with: "").count { $0 == "&" } }).count == 1)
        }
        let refused = try await Self.run(command + ["--out", "t.xlsx"], in: folder)
        #expect(refused.status == 64 && refused.complaints.count == 1 && refused.errors.contains(".csv"))
        #expect(!FileManager.default.fileExists(atPath: folder.url.appendingPathComponent("t.xlsx").path))
    }

    @Test(arguments: [
        ["eval"], ["lens"], ["knockout", "--heads", "0.0,1.2", "--each"], ["patch", "--mode", "path"], ["faithfulness"],
    ]) func eachPromptHasARow(_ command: [String]) async throws {
        let folder = try ModelTestFolder()
        let outcome = try await Self.run(
            command + Self.prompts + ["--per-prompt", "--format", "csv", "--out", "r.json", "--quiet"], in: folder)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let table = try CSVTable(outcome.output, path: "output")
        let rows = table.rows.map { row in Dictionary(uniqueKeysWithValues: zip(table.header, row.fields)) }
        #expect(rows.count == 8)
        var source = PromptSource(count: 8)
        source.seed = 1
        let prompts = try source.data(for: Self.model.load())
        for (row, prompt) in zip(rows, prompts.ioi!.prompts) {
            #expect(row["text"] == prompt.text)
            #expect(row["io"] == prompt.io && row["s"] == prompt.s)
        }
        let document = try JSONDecoder().decode(
            ResultsDocument<JSONValue, JSONValue>.self,
            from: Data(contentsOf: folder.url.appendingPathComponent("r.json")))
        func numbers(_ value: JSONValue) -> [Double] {
            switch value {
            case .number(let number): [number]
            case .array(let values): values.flatMap(numbers)
            case .object(let fields): fields.values.flatMap(numbers)
            case .null, .bool, .string: []
            }
        }
        guard case .object(let results) = document.results, let figures = results["per_prompt"] else {
            Issue.record("found no per_prompt")
            return
        }
        let known = Set(numbers(figures))
        let names: Set = ["id", "template", "text", "io", "s", "predicted"]
        for row in rows {
            for (name, cell) in row where !names.contains(name) {
                #expect(known.contains(try #require(Double(cell), "\(name)")), "\(name)")
            }
        }
        if command == ["eval"] { #expect(rows.allSatisfy { $0["predicted"]?.isEmpty == false }) }
    }
}
