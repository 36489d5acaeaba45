import Foundation
import TestSupport
import Testing

@testable import IOIKit

/// `--shard k/n` and `ioi merge`: the results are those of one process.
@Suite struct ShardCommandTests {
    private static let model = ["--model", "embedded", "--quiet", "--threads", "1"]

    /// The results document, without what is not a figure.
    private static func document(_ outcome: Program.Outcome) throws -> NSDictionary {
        #expect(outcome.status == 0, "\(outcome.errors)")
        var object = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        object["seconds"] = nil
        return object as NSDictionary
    }

    private static func measure(_ arguments: [String], shard: String, to file: URL) async throws -> Program.Outcome {
        try await Program.run(arguments + model + ["--shard", shard, "--out", file.path])
    }

    @Test(arguments: [
        "eval --count 11 --per-prompt", "lens --count 7 --per-prompt",
        "patch --mode activation --count 7 --scale gap --per-prompt",
        "patch --mode path --count 5 --receiver q:3.1@END", "patch --mode cross-model --donor embedded --count 5",
        "knockout --heads 2.1,3.1 --each --count 6 --metric probability-difference",
        "faithfulness --count 7 --random-sets 2",
        "heads --count 5 --analyses dla,scatter,copying,inhibition,backup", "attention --heads 3.1 --mean --count 7",
        "circuit validate --count 4 --completeness random --minimality-sets class",
    ]) func mergedShardsAreTheResultsOfOneProcess(_ line: String) async throws {
        let arguments = line.split(separator: " ").map(String.init)
        let whole = try await Program.run(arguments + Self.model + ["--format", "json"])
        let folder = try TemporaryFolder()
        let files = (1...3).map { folder.file("\($0).json") }
        for (index, file) in files.enumerated() {
            let shard = try await Self.measure(arguments, shard: "\(index + 1)/3", to: file)
            #expect(shard.status == 0 && shard.output.isEmpty, "\(shard.errors)")
        }
        // In any order.
        let merged = try await Program.run(
            ["merge"] + files.reversed().map(\.path) + ["--quiet", "--format", "json", "--threads", "1"])
        let (expected, found) = (try Self.document(whole), try Self.document(merged))
        let environment = try #require(expected["environment"] as? [String: Any])
        // Rows of a product have the same bits in any batch by oneDNN; by OpenBLAS they agree to rounding.
        if (environment["blas"] as? String)?.hasPrefix("oneDNN") == true {
            #expect(found == expected)
        } else {
            let tolerance = FigureComparison.Tolerance(absolute: 1e-4, relative: 1e-4)
            var comparison = FigureComparison(tolerance: tolerance)
            comparison.compare(
                try Self.json(expected["results"]), try Self.json(found["results"]), at: "results")
            #expect(comparison.groups.flatMap(\.moved).isEmpty)
        }
        let text = try await Program.run(["merge"] + files.map(\.path) + ["--quiet"])
        let own = try await Program.run(arguments.filter { $0 != "--per-prompt" } + Self.model)
        #expect(text.status == 0 && text.output == own.output)
    }

    private static func json(_ object: Any?) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: JSONSerialization.data(withJSONObject: object ?? [:]))
    }

    @Test func shardsThatDoNotGoTogetherAreRefused() async throws {
        let folder = try TemporaryFolder()
        func shard(_ name: String, _ part: String, _ more: [String] = []) async throws -> String {
            let file = folder.file(name)
            let outcome = try await Self.measure(["eval", "--count", "6"] + more, shard: part, to: file)
            #expect(outcome.status == 0, "\(outcome.errors)")
            return file.path
        }
        let first = try await shard("1.json", "1/2")
        let cases: [(files: [String], problem: String, status: Int32)] = [
            ([first], "found 1 of 2 shards of eval, expected all; missing: 2/2", 64),
            ([first, first], "holds shard 1/2, which \(first) holds too", 1),
            (
                [first, try await shard("seed.json", "2/2", ["--seed", "3"])],
                "options.prompts.seed: found 3, expected 0", 1
            ),
            ([first, try await shard("third.json", "2/3")], "shard: found 2/3, expected one of 2", 1),
            ([first, try await shard("figures.json", "2/2", ["--per-prompt"])], "per_prompt: found true", 1),
        ]
        for (files, problem, status) in cases {
            let outcome = try await Program.run(["merge"] + files)
            #expect(outcome.status == status && outcome.output.isEmpty)
            #expect(outcome.complaints.count == 1 && outcome.errors.contains(problem), "\(outcome.errors)")
        }
        for command in ["report", "verify"] {
            let outcome = try await Program.run([command, first])
            #expect(outcome.status == 1 && outcome.errors.contains("shard"), "\(outcome.errors)")
        }
    }

    @Test(arguments: [
        ("eval --shard 4/3 --out x.json", "--shard: found \"4/3\", expected a shard such as 3/8"),
        ("eval --shard 1/3", "--shard: needs --out with a .json file"),
        ("eval --shard 1/3 --out x.csv", "--shard: needs --out with a .json file"),
        ("eval --shard 1/3 --out x.json --format csv", "--format: has no effect with --shard"),
        ("eval --shard 1/3 --out x.json --count 2", "--shard: found 3 shards of 2 prompts, expected at most one each"),
        (
            "circuit discover --shard 1/2 --out x.json",
            "--shard: found 1/2, but a search decides each step by all prompts"
        ),
        ("patch --mode activation --estimate --shard 1/2 --out x.json", "--shard: found 1/2, but which effects"),
    ]) func whatNoShardCanDoIsRefused(_ line: String, _ problem: String) async throws {
        let folder = try TemporaryFolder()
        let outcome = try await Program.run(
            line.split(separator: " ").map(String.init) + ["--model", "embedded"], in: folder.url)
        #expect(outcome.status == 64 && outcome.complaints.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(problem), "\(outcome.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
    }
}
