import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi compare`: its document, table, text and charts, exit codes and one-line errors.
@Suite struct CompareCommandTests: FinetuneRuns {
    /// A model with a circuit, and a run with checkpoints after epochs 1 and 3.
    static let trained: TemporaryModel = {
        let model = try! TemporaryModel()
        try! TemporaryModel.circuit.json.write(to: model.model.appendingPathComponent("circuit.json"))
        _ = try! start(model, "run", heldOut: nil, settings: settings { $0.epochs = 3 }).train()
        return model
    }()
    static var base: String { trained.model.path }
    static var runFolder: String { trained.file("run").path }

    static func run(_ arguments: [String]) async throws -> Program.Outcome {
        try await Program.run(["compare"] + arguments + ["--count", "8", "--seed", "2", "--quiet", "--threads", "2"])
    }

    private struct Document: Decodable {
        let schema, command: String
        let options: Comparison
        let model: ModelRecord
        let dataset: DatasetRecord
        let results: ComparisonResults
    }

    @Test func everyFormHasTheSameFigures() async throws {
        let arguments = [Self.base, Self.runFolder, "--measure", "eval,faithfulness,heads,patterns"]
        let json = try await Self.run(arguments + ["--format", "json"])
        #expect(json.status == 0, "\(json.errors)")
        #expect(json.errors.split(separator: "\n").filter { $0.hasPrefix("model ") }.count == 3)
        let document = try JSONDecoder().decode(Document.self, from: Data(json.output.utf8))
        #expect(document.schema == "ioi/1" && document.command == "compare" && document.dataset.count == 8)
        #expect(document.options.measures == Comparison.Measure.allCases)
        let results = document.results
        #expect(results.models.map(\.name) == ["model", "run/epoch-001", "run/epoch-003"])
        #expect(results.models.allSatisfy { $0.sha256 != nil } && document.model == results.models[0])
        let row = try #require(results.evaluation?.figures[0].models[2])

        let csv = try await Self.run(arguments + ["--format", "csv"])
        let lines = csv.output.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        #expect(lines[0].count == 11 && lines.allSatisfy { $0.count == 11 })
        // A header, 5 and 3 figures of 3 models, 8 heads of 3, and 8 and the mean of 2.
        #expect(lines.count == 67)
        let line = try #require(lines.first { Array($0.prefix(3)) == ["eval", "logit_difference", "run/epoch-003"] })
        #expect(Double(line[3]) == row.estimate.value && Double(line[6]) == row.change?.value)
        #expect(Double(line[9]) == row.p && Double(line[10]) == row.holm && row.p != nil)

        let text = try await Self.run(arguments)
        #expect(text.status == 0 && text.output.hasPrefix("8 clean prompts\n"))
        let shown = try #require(text.output.split(separator: "\n").first { $0.hasPrefix("run/epoch-003") })
        #expect(shown.contains(row.estimate.mean.fixed(3)) && shown.contains(row.change!.mean.fixed(3, isSigned: true)))
        for part in [
            "F(C) / F(M), %", "written for the answer", "attention elsewhere, %",
            "eval: p by paired permutation (all 256 exchanges), after Holm's correction over 10 comparisons",
        ] { #expect(text.output.contains(part), "\(part)") }
        let markdown = try await Self.run(arguments + ["--format", "markdown"])
        #expect(markdown.output.contains("| run/epoch-001 |") && markdown.status == 0)
    }

    @Test(arguments: ["eval", "faithfulness", "heads", "patterns"])
    func theFirstMeasureIsDrawn(_ measure: String) async throws {
        let chart = CommandTests.fresh().appendingPathExtension("svg")
        let run = try await Self.run([Self.base, Self.runFolder, "--measure", measure, "--chart", chart.path])
        #expect(run.status == 0, "\(run.errors)")
        let texts = try XMLReader(Data(contentsOf: chart)).elements.filter { $0.name == "text" }.map(\.text)
        #expect(texts.contains("run/epoch-001") && texts.contains("run/epoch-003"))
        #expect(texts.contains("8 clean prompts") || texts.contains { $0.hasSuffix("8 clean prompts") })
    }

    @Test func verifyRefusesIt() async throws {
        let file = CommandTests.fresh()
        let run = try await Self.run([Self.base, Self.runFolder, "--out", file.path])
        #expect(run.status == 0, "\(run.errors)")
        let verified = try await VerifyCommandTests.verify([file])
        #expect(verified.status == 1 && verified.complaints.count == 1)
        #expect(
            verified.complaints[0].hasPrefix(
                "ioi: \(file.path): command: found \"compare\", expected results of one of"))
    }

    static let wrong: [(arguments: [String], status: Int32, complaint: String)] = [
        ([base], 64, "found one model, expected a model to compare with and others"),
        ([base, base], 64, "found model twice, expected each model once"),
        ([runFolder, base], 64, "\(runFolder): found a fine-tuning run, expected the model to compare with"),
        ([base, runFolder, "--measure", "evals"], 64, "--measure"),
        ([base, runFolder, "--measure", "eval,eval"], 64, "--measure: found none, or one twice"),
        ([base, "/nowhere"], 1, "/nowhere"),
        ([base, runFolder, "--measure", "faithfulness", "--circuit", "nothing"], 64, "--circuit: found \"nothing\""),
        ([base, runFolder, "--chart", "/proc/x/y.svg"], 64, "--chart: /proc/x"),
    ]

    @Test(arguments: wrong.indices) func whatIsWrongIsOneLine(_ index: Int) async throws {
        let (arguments, status, complaint) = Self.wrong[index]
        let run = try await Self.run(arguments)
        #expect(run.status == status && run.output.isEmpty, "\(arguments): \(run.errors)")
        #expect(run.complaints.count == 1 && run.errors.contains(complaint), "\(run.errors)")
        // Nothing was measured.
        #expect(!run.errors.contains("model run"))
    }

    @Test func aSignalEndsItWith130() async throws {
        let line =
            "\"$IOI\" compare '\(Self.base)' '\(Self.runFolder)' --count 20000 --measure eval,heads --quiet & "
            + "sleep 2; kill -INT $!; wait $!"
        let run = try await Program.shell(line)
        #expect(run.status == 130 && run.output.isEmpty)
        #expect(run.errors.contains("ioi: interrupted at model "), "\(run.errors)")
    }
}
