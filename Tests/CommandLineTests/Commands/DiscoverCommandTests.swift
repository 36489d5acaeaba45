import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The rules of EAP-IG's sum, and files of edges' scores that `ioi circuit discover` writes and compares with.
@Suite struct DiscoverCommandTests {
    private static func run(_ arguments: [String], format: String = "json") async throws -> Program.Outcome {
        let common = ["--count", "5", "--edges", "60", "--resamples", "0", "--format", format, "--quiet"]
        return try await Program.run(
            ["circuit", "discover", "--model", CommandTests.model.model.path] + common + arguments
        )
    }

    /// The results and the options of attribution.
    private static func discover(_ arguments: [String]) async throws -> (results: [String: Any], options: [String: Any])
    {
        let run = try await run(arguments)
        #expect(run.status == 0 && run.complaints.isEmpty, "\(run.errors)")
        let document = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        let options = try #require(document["options"] as? [String: Any])
        let method = try #require(options["method"] as? [String: [String: [String: Any]]])
        return (try #require(document["results"] as? [String: Any]), try #require(method["attribution"]?["_0"]))
    }

    private static func scores(_ results: [String: Any]) -> [String: Double] {
        let edges = (results["edges"] as? [[String: Any]]) ?? []
        return Dictionary(uniqueKeysWithValues: edges.map { ($0["edge"] as! String, $0["score"] as! Double) })
    }

    @Test func aRuleIsRecordedUnlessItIsThePapers() async throws {
        let ig = ["--method", "eap-ig", "--steps", "3"]
        let plain = try await Self.discover(ig)
        let right = try await Self.discover(ig + ["--rule", "right"])
        #expect(plain.options["rule"] == nil && right.options["rule"] == nil)
        #expect(Self.scores(plain.results) == Self.scores(right.results) && Self.scores(plain.results).count > 10)
        for rule in ["left", "midpoint"] {
            let other = try await Self.discover(ig + ["--rule", rule])
            #expect(other.options["rule"] as? String == rule)
            #expect(Self.scores(other.results) != Self.scores(plain.results))
        }
        // One point at the end is the prompt.
        let eap = try await Self.discover(["--method", "eap"])
        let one = try await Self.discover(["--method", "eap-ig", "--steps", "1"])
        #expect(Self.scores(eap.results) == Self.scores(one.results))
    }

    @Test func savedScoresAreACircuitAndAgreeWithThemselves() async throws {
        let file = CommandTests.fresh()
        let found = try await Self.discover(["--method", "eap-ig", "--save-scores", file.path])
        let circuit = try #require(found.results["circuit"] as? [String: Any])
        let saved = try MIBCircuit(contentsOf: file, for: CommandTests.model.load().config)
        #expect(Set(try saved.circuit.edges) == Set(circuit["edges"] as! [String]))
        for (name, score) in Self.scores(found.results) {
            let edge = saved.graph.index(of: try #require(saved.graph.edge(named: name)))
            #expect(abs(saved.scores[edge] - score) <= 1e-12 * abs(score))
        }
        #expect(found.results["against"] == nil && found.options["against"] == nil)

        let same = try await Self.discover(["--method", "eap-ig", "--against", file.path])
        #expect(same.options["against"] as? String == file.path)
        let against = try #require(same.results["against"] as? [String: Any])
        #expect(against["file"] as? String == file.lastPathComponent && against["best"] as? Int == 60)
        #expect(against["edges"] as? Int == saved.graph.edgeCount)
        #expect(against["edges_in_graph"] as? Int == saved.edges.count)
        #expect(against["largest_difference"] as? Double == 0 && against["best_jaccard"] as? Double == 1)
        for key in ["correlation", "rank_correlation", "absolute_rank_correlation"] {
            #expect(abs((against[key] as! Double) - 1) < 1e-9)
        }
        let other = try await Self.discover(["--method", "eap", "--against", file.path])
        let less = try #require(other.results["against"] as? [String: Any])
        #expect((0.0..<1).contains(less["rank_correlation"] as! Double) && less["largest_difference"] as! Double > 0)

        let text = try await Self.run(["--method", "eap", "--against", file.path], format: "text")
        #expect(text.output.contains("\nagainst \(file.lastPathComponent): \(saved.graph.edgeCount) edges, "))
        #expect(text.output.contains("\nrank correlation 0.") && !text.output.contains("negative correlation"))
        let opposite = CommandTests.fresh()
        try MIBCircuit(saved.edges, scores: saved.scores.map { -$0 }, width: saved.width).json.write(to: opposite)
        let turned = try await Self.run(["--method", "eap", "--against", opposite.path], format: "text")
        #expect(turned.output.contains("rank correlation -0.") && turned.output.contains("a negative correlation"))
    }

    @Test func everyCommandTakesSavedScoresAsACircuit() async throws {
        let (scores, plain, model) = (CommandTests.fresh(), CommandTests.fresh(), CommandTests.model.model.path)
        let found = try await Self.discover(
            ["--method", "eap", "--save-scores", scores.path, "--save", plain.path, "--rank", "signed"])
        let ablation = ["--granularity", "edge", "--ablate", "counterfactual", "--count", "5", "--model", model]
        func faithfulness(_ circuit: URL) async throws -> Double {
            let run = try await Program.run(
                ["faithfulness", "--circuit", circuit.path, "--format", "json", "--quiet"] + ablation)
            #expect(run.status == 0, "\(run.errors)")
            let document = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
            return try #require((document?["results"] as? [String: Any])?["circuit"] as? Double)
        }
        let value = try await faithfulness(scores)
        #expect(try await faithfulness(plain) == value)
        let measured = try #require((found.results["faithfulness"] as? [String: Any])?["circuit"] as? Double)
        #expect(abs(value - measured) < 1e-5)
        let diff = try await Program.run(["circuit", "diff", scores.path, plain.path, "--format", "json"])
        let jaccard = try JSONSerialization.jsonObject(with: Data(diff.output.utf8)) as? [String: Any]
        #expect(jaccard?["edge_jaccard"] as? Double == 1 && jaccard?["classed_head_jaccard"] as? Double == 1)
        let shown = try await Program.run(["circuit", "show", scores.path, "--format", "csv", "--model", model])
        #expect(shown.output.hasPrefix("class,position,head\nheads,all,"))
    }

    @Test func filesThatDoNotFitAreOneLine() async throws {
        let (larger, results) = (CommandTests.fresh(), CommandTests.fresh())
        let graph = Graph(layers: 3, heads: 4)
        let scores = Array(repeating: 0.0, count: graph.edgeCount)
        try MIBCircuit(EdgeSet(all: graph), scores: scores, width: 32).json.write(to: larger)
        _ = try await Self.discover(["--method", "eap", "--out", results.path])
        let own = CircuitCommandTests.own
        for (file, problem) in [
            (
                larger.path,
                "cfg: found n_layers 3, n_heads 4, d_model 32, expected this model's n_layers 2, n_heads 4, "
            ),
            (results.path, "found results without the scores"), (own, "found a circuit without the scores"),
            ("missing.json", "cannot be read"),
        ] {
            let run = try await Self.run(["--method", "eap", "--against", file])
            #expect(run.status == 1 && run.output.isEmpty && run.complaints.count == 1, "\(run.errors)")
            #expect(run.errors.contains(problem) && run.errors.contains(file), "\(run.errors)")
        }
        let shown = try await Program.run(
            ["circuit", "show", larger.path, "--model", CommandTests.model.model.path])
        #expect(shown.status == 1 && shown.complaints.count == 1 && shown.errors.contains("n_layers 3"))
    }

    static let wrongUsage: [[String]] = [
        ["--method", "eap", "--rule", "right"], ["--method", "eap-ig", "--rule", "trapezoid"],
        ["--method", "acdc", "--rule", "left"], ["--method", "acdc", "--against", "f.json"],
        ["--method", "path", "--save-scores", "f.json"], ["--against", "f.json"],
    ]

    @Test(arguments: wrongUsage) func wrongUseIsOneLine(_ arguments: [String]) async throws {
        let run = try await Program.run(
            ["circuit", "discover", "--model", CommandTests.model.model.path, "--count", "4"] + arguments)
        #expect(run.status == 64 && run.output.isEmpty && run.complaints.count == 1, "\(run.errors)")
        #expect(
            run.complaints.first?.hasPrefix("ioi: \(arguments.first { $0 != "--method" && $0.hasPrefix("--") }!)")
                == true)
    }
}
