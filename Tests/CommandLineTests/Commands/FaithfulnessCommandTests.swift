import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi faithfulness` and `ioi circuit discover`: documents, files, one-line errors, interruptions.
@Suite struct FaithfulnessCommandTests {
    static var path: String { PatchCommandTests.path }

    static func results(_ arguments: [String]) async throws -> [String: Any] {
        try #require(try await PatchCommandTests.document(arguments)["results"] as? [String: Any])
    }

    @Test func theFiguresAreTheContracts() async throws {
        let results = try await Self.results(["faithfulness", "--per-prompt", "--random-sets", "3"])
        let (model, circuit) = (results["model"] as! Double, results["circuit"] as! Double)
        #expect(abs((results["difference"] as! Double) - abs(model - circuit)) < 1e-12)
        #expect(abs((results["ratio"] as! Double) - circuit / model) < 1e-12)
        let each = try #require(results["per_prompt"] as? [String: [Double]])
        #expect(each["circuit"]!.count == 6 && abs(each["circuit"]!.reduce(0, +) / 6 - circuit) < 1e-12)
        #expect(each["model"]!.count == 6 && abs(each["model"]!.reduce(0, +) / 6 - model) < 1e-12)
        let orders = try #require(results["by_order"] as? [String: [String: Any]])
        let sum = orders.values.reduce(0.0) { $0 + ($1["circuit"] as! Double) * ($1["count"] as! Double) }
        #expect(Set(orders.keys).isSubset(of: ["ABBA", "BABA"]) && abs(sum / 6 - circuit) < 1e-12)
        #expect((0.005..<0.02).contains(results["sparsity"] as! Double))
        #expect(((results["random"] as? [String: Any])?["ratios"] as? [Double])?.count == 3)
        let worst = try #require(results["worst"] as? [[String: Any]])
        let gaps = worst.map { abs(($0["model"] as! Double) - ($0["circuit"] as! Double)) }
        #expect(gaps == gaps.sorted(by: >))
        #expect(gaps[0] == zip(each["model"]!, each["circuit"]!).map { abs($0 - $1) }.max())
    }

    @Test func theSurfaceHasEveryMethodOnce() async throws {
        let chart = CommandTests.fresh().appendingPathExtension("svg")
        let results = try await Self.results(
            ["faithfulness", "--surface", "--random-sets", "2", "--chart", chart.path]
        )
        let surface = try #require(results["surface"] as? [[String: Any]])
        let options = try surface.map { cell in
            try String(
                decoding: JSONSerialization.data(withJSONObject: cell["options"]!, options: .sortedKeys), as: UTF8.self)
        }
        // Four means, three other values, two places, two granularities, two aggregations.
        #expect(surface.count == 7 * 2 * 2 * 2 && Set(options).count == surface.count)
        let own = surface.first { cell in
            let options = cell["options"] as! [String: Any]
            return options["everywhere"] as! Bool == false && options["granularity"] as! String == "node"
                && options["abc_count"] == nil && options["aggregate"] as! String == "ratio-of-means"
                && (options["ablation"] as! [String: Any])["kind"] as! String == "mean"
                && (options["ablation"] as! [String: Any])["group"] as! String == "template"
        }
        #expect(own?["ratio"] as? Double == results["ratio"] as? Double)
        #expect(own?["ci95"] as? [Double] == results["ci95"] as? [Double])
        for cell in surface { #expect((0...100).contains(cell["null_percentile"] as! Double)) }
        #expect(Set(surface.map { $0["circuit"] as! Double }).count > 20)
        #expect(try String(contentsOf: chart, encoding: .utf8).hasPrefix("<svg"))
    }

    // MARK: Figures that mean nothing

    /// A folder of its own with a circuit, and what it holds.
    private static func file(_ name: String, _ contents: Data) throws -> URL {
        let folder = CommandTests.fresh()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent(name)
        try contents.write(to: file)
        return file
    }

    private static func circuit(_ heads: [Head]) throws -> URL {
        let circuit = try Circuit(model: "m", classes: [HeadClass(name: "some", heads: heads, position: .all)])
        return try file("circuit.json", circuit.json)
    }

    /// All weights 0: every logit difference is 0, and so is F(M).
    @Test func aShareOfNothingIsSaidToBeMeaningless() async throws {
        let original = try CommandTests.model.load()
        let folder = CommandTests.fresh()
        try GPT2.write(
            GPT2Parameters(zeros: original.config), tokenizer: try original.requireTokenizer(), to: folder)
        let circuit = try Self.circuit([Head(1, 0), Head(1, 2)])
        let common = ["--model", folder.path, "--circuit", circuit.path, "--count", "6", "--random-sets", "2"]
        let chart = CommandTests.fresh().appendingPathExtension("svg")
        let text = try await Program.run(["faithfulness"] + common + ["--surface", "--chart", chart.path])
        #expect(text.status == 0, "\(text.errors)")
        let figures = text.output.split(separator: "\n")
        #expect(figures.contains { $0.hasPrefix("F(C) / F(M) ") && $0.hasSuffix(" meaningless") })
        #expect(figures.contains { $0 == "\(RatioNote.meaningless.explanation())" })
        #expect(!text.output.contains("random circuits") && !text.output.contains("percentile"))
        let svg = try String(contentsOf: chart, encoding: .utf8)
        #expect(svg.contains(">meaningless<") && svg.contains("is meaningless here"))
        let csv = try await Program.run(["faithfulness"] + common + ["--format", "csv"])
        let rows = csv.output.split(separator: "\n")
        #expect(rows.count == 2 && rows[0].hasSuffix(",ratio_note") && rows[1].hasSuffix(",meaningless"))
        let json = try await Program.run(["faithfulness"] + common + ["--format", "json"])
        #expect(json.output.contains("\"ratio_note\" : \"meaningless\"") && json.output.contains("\"ratio\" : null"))

        let validate = ["circuit", "validate"] + common.dropLast(2) + ["--completeness", "class"]
        let validated = try await Program.run(validate)
        #expect(validated.status == 0, "\(validated.errors)")
        #expect(validated.output.contains("\n\(RatioNote.meaningless.explanation())\n"))
        #expect(!validated.output.contains("% of F(M)\n") && validated.output.contains("\nlargest: 0.000, empty\n"))
        let document = try await Program.run(validate + ["--format", "json"])
        #expect(document.output.contains("\"ratio_note\" : \"meaningless\""))
    }

    /// Prompts that differ in the place alone, so that F(M) is clearly apart from 0; circuits of all heads but one.
    @Test func moreThanTheModelIsSaidToBeOvershoot() async throws {
        let (templates, names) = (try TemplateSet.standard(), try NameList.standard().names)
        let lines = templates.places.map { place in
            let text = templates.templates[0].filled(
                order: .baba, io: names[0], s: names[1], place: place, object: templates.objects[0]
            )
            return "{\"text\": \"\(text)\", \"io\": \" \(names[0])\", \"s\": \" \(names[1])\"}\n"
        }
        let prompts = try Self.file("prompts.jsonl", Data(lines.joined().utf8))
        let model = CommandTests.model
        let heads = try model.load().config.allHeads
        var notes: Set<String> = []
        for left in heads {
            let circuit = try Self.circuit(heads.filter { $0 != left })
            let arguments = [
                "faithfulness", "--model", model.model.path, "--data", prompts.path, "--circuit", circuit.path,
            ]
            let json = try await Program.run(arguments + ["--format", "json"])
            let document = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
            let results = try #require(document?["results"] as? [String: Any])
            let (ratio, note) = (try #require(results["ratio"] as? Double), results["ratio_note"] as? String)
            #expect(note == (ratio >= 1.0005 ? "overshoot" : nil))
            guard notes.insert(note ?? "").inserted else { continue }
            let text = try await Program.run(arguments).output
            #expect(text.contains(RatioNote.overshoot.explanation()) == (note != nil))
            let figures = try #require(text.split(separator: "\n").first { $0.hasPrefix("F(C) / F(M) ") })
            #expect(figures.hasSuffix("]  overshoot") == (note != nil))
        }
        #expect(notes == ["", "overshoot"])
    }

    @Test func aFoundCircuitCanBeEvaluated() async throws {
        let file = CommandTests.fresh()
        let found = try await Self.results(
            [
                "circuit", "discover", "--method", "eap-ig", "--steps", "2", "--edges", "300", "--curve", "--resamples",
                "3", "--save", file.path,
            ]
        )
        let faithfulness = try #require(found["faithfulness"] as? [String: Any])
        #expect((found["curve"] as? [String: Any])?["points"] as? [[String: Any]] != nil)
        #expect((found["stability"] as? [String: Any])?["resamples"] as? Int == 3)
        let edges = try #require(found["edges"] as? [[String: Any]])
        let circuit = try Circuit(contentsOf: file)
        #expect(Set(edges.map { $0["edge"] as! String }) == Set(circuit.edges) && circuit.edges.count <= 300)
        let again = try await Self.results(
            [
                "faithfulness", "--circuit", file.path, "--granularity", "edge", "--ablate", "counterfactual",
            ]
        )
        #expect(abs((again["circuit"] as! Double) - (faithfulness["circuit"] as! Double)) < 1e-5)
    }

    static let wrongUsage: [[String]] = [
        ["faithfulness", "--circuit", "default", "--positions", "END"], ["faithfulness", "--granularity", "head"],
        ["faithfulness", "--abc-count", "3", "--ablate", "zero"],
        ["faithfulness", "--aggregate", "sum"], ["faithfulness", "--random-sets", "-1"],
        ["circuit", "discover", "--method", "guess"], ["circuit", "discover", "--method", "path", "--edges", "3"],
        ["circuit", "discover", "--method", "eap", "--edges", "0"],
        ["circuit", "discover", "--method", "eap", "--edges", "99999999"],
        ["circuit", "discover", "--method", "eap", "--steps", "3"],
        ["circuit", "discover", "--method", "acdc", "--threshold", "-1"],
        ["circuit", "discover", "--method", "acdc", "--metric", "accuracy"],
        ["circuit", "discover", "--method", "acdc", "--memory", "0.05", "--count", "2000"],
        ["circuit", "discover", "--method", "path", "--most", "0"],
        ["circuit", "discover", "--method", "eap", "--rank", "sideways"],
    ]

    @Test(arguments: wrongUsage) func wrongUseIsOneLine(_ arguments: [String]) async throws {
        let run = try await Program.run(
            arguments + ["--model", Self.path] + (arguments.contains("--count") ? [] : ["--count", "4"]))
        #expect(run.status == 64, "\(run.errors)")
        #expect(run.output.isEmpty && run.complaints.count == 1, "\(run.errors)")
    }

    @Test func aModelWithoutACircuitSaysWhatToDo() async throws {
        let run = try await Program.run(["faithfulness", "--model", CommandTests.model.model.path, "--count", "4"])
        #expect(run.status == 64)
        #expect(
            run.complaints.count == 1
                && run.complaints[0].hasPrefix("ioi: --circuit: found default, but no circuit belongs to"))
        let file = CommandTests.fresh()
        try Circuit(model: "m", classes: [HeadClass(name: "a", heads: [Head(0, 0)], position: .all)]).json.write(
            to: file)
        let edges = try await Program.run(
            [
                "faithfulness", "--model", CommandTests.model.model.path, "--count", "4", "--circuit", file.path,
                "--granularity", "edge",
            ]
        )
        #expect(edges.status == 64)
        #expect(edges.complaints.first?.contains("has neither paths between classes nor edges") == true)
    }
}
