import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi reproduce` with a plan that holds its figures against published ones, on a small model in a folder called gpt2.
@Suite struct PublishedPlanTests {
    static let plan = """
        {"name": "theirs", "about": "A tiny plan.", "model": "gpt2", "prompts": {"count": 8, "seed": 1},
         "training": {"count": 20, "lr": 0.01, "recipe": "published-sentences", "seed": 0, "note": "As they did."},
         "stages": [{"name": "base", "measure": ["eval", "direct"]},
                    {"name": "clean", "dataset": "clean", "epochs": [1, 2], "measure": ["eval"]},
                    {"name": "second", "dataset": "clean", "recipe": "plain", "epochs": [1], "measure": ["eval"]}],
         "claims": [{"name": "grows", "text": "It grows.", "figure": "clean@2/eval/logit_difference",
                     "published": {"value": 6.5, "source": "a paper, table 2"}, "rule": {"at_least": -100}},
                    {"name": "recipe", "text": "The first is nearer.", "figure": "clean@1/eval/logit_difference",
                     "published": {"value": 6.5, "source": "a paper, table 2"},
                     "rule": {"of": "second@1/eval/logit_difference", "relation": "nearer"}},
                    {"name": "loss", "text": "It learns.", "figure": "clean@2/training/loss",
                     "published": {"value": 0.75, "unit": "nats", "source": "a log"}, "rule": {"at_least": 0}},
                    {"name": "map", "text": "The heads are theirs.", "figure": "base/direct/effect",
                     "published": {"map": [[1, 2, 3, 4], [5, 6, 7, 8]], "source": "a notebook"},
                     "rule": {"at_least": -1}},
                    {"name": "words", "text": "It stands.", "figure": "base/eval/accuracy", "published": "about half",
                     "rule": {"at_least": 0}}]}
        """

    /// A model in a folder called gpt2, and the plan's file.
    static func model() throws -> (scratch: TemporaryModel, arguments: [String]) {
        let scratch = try TemporaryModel()
        let folder = scratch.file("gpt2")
        try FileManager.default.copyItem(at: scratch.model, to: folder)
        // Of a model with this name, the circuit is GPT-2's unless it has its own.
        try TemporaryModel.circuit.json.write(to: folder.appendingPathComponent("circuit.json"))
        try Data(plan.utf8).write(to: scratch.file("plan.json"))
        return (
            scratch,
            [
                "reproduce", "--plan", scratch.file("plan.json").path, "--model", folder.path, "--threads", "2",
                "--quiet",
            ]
        )
    }

    @Test func publishedFiguresStandBesideMeasuredOnes() async throws {
        let (scratch, arguments) = try Self.model()
        let out = ["--out", scratch.file("run").path]
        let run = try await Program.run(arguments + out + ["--format", "json"])
        try #require(run.status == 0, "\(run.errors)")
        let record = try JSONDecoder().decode(ReproductionRecord.self, from: Data(run.output.utf8))
        let decision = record.claims[0]
        let difference = try #require(decision.publishedDifference)
        #expect(abs(difference - (decision.measured!.value! - 6.5)) < 1e-12)
        #expect(record.claims.map { $0.publishedDifference != nil } == [true, true, true, false, false])
        #expect(record.runs.keys.sorted() == ["clean@1", "clean@2", "second"])

        let csv = try await Program.run(arguments + out + ["--format", "csv"]).output.split(separator: "\n")
        #expect(csv[0].hasSuffix(",rule,verdict,published_value,published_difference,source"))
        #expect(csv[1].hasSuffix(",shown,6.5,\(difference),\"a paper, table 2\""))
        #expect(csv[5].hasPrefix("words,It stands.,about half,") && csv[5].hasSuffix(",shown,,,"))
        let text = try await Program.run(arguments + out).output.split(separator: "\n")
        let line = try #require(text.first { $0.hasPrefix("It grows.") })
        #expect(line.contains("6.50") && line.contains(decision.differenceText) && decision.differenceText != "")
        #expect(text.contains { $0.hasPrefix("It learns.") && $0.contains("0.75 nats") })
        #expect(text.contains { $0.hasPrefix("The heads are theirs.  a map of 2 × 4 heads") && $0.contains("ρ ") })

        let report = try ReproductionReport(of: scratch.file("run"))
        #expect(!report.html.contains("Missing:"))
        #expect(report.html.contains("<td class=\"number\">6.50<span class=\"rule\">a paper, table 2</span></td>"))
        #expect(report.html.contains("<td class=\"number\">\(decision.differenceText.xml)</td>"))
        #expect(report.html.contains(">Direct effects</a></h2>"))
        let claims = try #require(report.tables.first { $0.name == "claims" }).csv.split(separator: "\n")
        #expect(claims[1].hasSuffix(",6.5,\(difference),\"a paper, table 2\""))
        #expect(
            report.charts.contains { $0.name == "published-map" && $0.svg.contains("published: base/direct/effect") })
        // The recipes, and which of the two comes nearer.
        for sentence in [
            "Recipe published-sentences (clean): 10 lines of up to 25 tokens a step, loss over all tokens, "
                + "lr 0.01 falling to 0, ",
            "dropout 0.1; each number of epochs is a run of its own. As they did.</p>",
            "Recipe plain (second): 32 prompts a step, loss over the answer, lr 1e-05, weight decay 0.1, a constant rate, "
                + "no dropout.</p>",
        ] { #expect(report.html.contains(sentence), "\(sentence)") }
        let (first, second) = (record.claims[1].measured!.value!, record.claims[1].other!.value!)
        let nearer = abs(first - 6.5) < abs(second - 6.5) ? "published-sentences" : "plain"
        #expect(report.html.contains("\(nearer) comes nearer to the published 6.50: "))
        let runs = try #require(report.tables.first { $0.name == "training" }).csv.split(separator: "\n")
        #expect(runs.map { $0.split(separator: ",")[0] } == ["run", "clean@1", "clean@2", "second"])
        let loss = try #require(Double(runs[2].split(separator: ",").last!))
        #expect(abs(loss - record.claims[2].measured!.value!) < 1e-12)
        #expect(report.html.contains("--recipe published-sentences"))
    }

    @Test(.enabled(if: PromptSource.datasets.contains("published-clean")))
    func dataThatAreNotThereAreMissedAtOnce() async throws {
        let (scratch, arguments) = try Self.model()
        let plan = Self.plan.replacing(
            "\"dataset\": \"clean\", \"epochs\"", with: "\"dataset\": \"published-clean\", \"epochs\"")
        try Data(plan.utf8).write(to: scratch.file("plan.json"))
        for dry in [[], ["--dry-run"]] {
            let run = try await Program.run(
                arguments + dry + ["--out", scratch.file("run").path],
                environment: ["IOI_PAPER_DATA": scratch.file("nowhere").path]
            )
            #expect(run.status != 0 && run.complaints.count == 1)
            #expect(run.complaints[0].hasPrefix("ioi: stage \"clean\": dataset published-clean: not found"))
        }
        #expect(!FileManager.default.fileExists(atPath: scratch.file("run").path))
    }

    @Test func aDryRunOnlyLists() async throws {
        let (scratch, arguments) = try Self.model()
        let out = ["--out", scratch.file("run").path, "--dry-run"]
        let text = try await Program.run(arguments + out)
        #expect(text.status == 0 && text.complaints.isEmpty, "\(text.errors)")
        #expect(text.output.contains("The plan theirs on gpt2: 3 stages, 8 pieces of work, of which 0 are done in "))
        #expect(text.output.contains(" left of "))
        let lines = text.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        for piece in ["base", "eval of base", "train clean@1", "train clean@2", "eval of second@1"] {
            #expect(lines.contains { $0.hasPrefix(piece) }, "\(piece)")
        }
        let switched = try await Program.run(arguments + out + ["--recipe", "plain", "--format", "csv"])
        let titles = switched.output.split(separator: "\n").map { $0.split(separator: ",")[1] }
        #expect(
            titles == [
                "piece", "eval of base", "direct of base", "train clean", "eval of clean@1", "eval of clean@2",
                "train second", "eval of second@1",
            ]
        )
        #expect(!FileManager.default.fileExists(atPath: scratch.file("run").path))

        let wrong = try await Program.run(arguments + out + ["--recipe", "plain", "--stages", "second"])
        #expect(wrong.status == 64)
        #expect(
            wrong.complaints == [
                "ioi: --recipe: has no effect, because the stages of the plan theirs train nothing or name their own"
            ]
        )
        let long = try await Program.run(arguments + out + ["--recipe", "published"])
        #expect(long.status == 64 && long.complaints == ["ioi: stage \"clean\": block: found 128, expected 2 to 48"])
    }
}
