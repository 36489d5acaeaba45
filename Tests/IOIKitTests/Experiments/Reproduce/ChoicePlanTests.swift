import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Plans with stages on tasks that are not indirect-object identification.
@Suite struct ChoicePlanTests {
    static let text = """
        {"name": "tasks", "about": "A plan.", "model": "m", "prompts": {"count": 30, "seed": 1},
         "training": {"count": 48, "lr": 0.003, "batch": 8, "seed": 0},
         "stages": [{"name": "base", "measure": ["eval"]},
                    {"name": "both", "measure": ["agreement", "greater-than"], "extra": true},
                    {"name": "agreement", "dataset": "agreement", "epochs": [1, 4], "measure": ["eval", "agreement"],
                     "extra": true},
                    {"name": "back", "from": "agreement@4", "dataset": "clean", "epochs": [1],
                     "measure": ["agreement", "eval"], "extra": true}],
         "claims": [{"name": "a", "text": "It learns.", "figure": "agreement@4/agreement/loss",
                     "rule": {"at_most": 0.9, "of": "base/agreement/loss"}},
                    {"name": "b", "text": "It goes.", "figure": "base/eval/logit_difference",
                     "rule": {"at_least": -100}},
                    {"name": "c", "text": "It knows years.", "figure": "base/greater-than/accuracy",
                     "rule": {"at_least": 0, "at_most": 1}}]}
        """

    static func plan() throws -> Plan { try JSONDecoder().decode(Plan.self, from: Data(text.utf8)) }

    @Test func otherTasksAreTrainedAndMeasured() throws {
        let model = try TemporaryModel(knowing: ChoiceFixture.texts)
        let plan = try Self.plan()
        let plain = try ReproductionTests.run(model, "plain", plan: plan)
        #expect(plain.done == ["eval of base"])
        // Claims of extra stages that nobody asked for are left out.
        #expect(plain.record.claims.map(\.claim.name) == ["b"])

        let run = try ReproductionTests.run(model, plan: plan, stages: ["base", "both", "back"])
        #expect(
            run.done == [
                "eval of base", "agreement of base", "greater-than of base", "train agreement", "eval of agreement@1",
                "agreement of agreement@1", "eval of agreement@4", "agreement of agreement@4", "train back",
                "agreement of back@1", "eval of back@1",
            ]
        )
        #expect(run.record.claims.map(\.claim.name) == ["a", "b", "c"])
        #expect(run.record.claims.map(\.verdict) == [.shown, .shown, .shown])
        let again = try ReproductionTests.run(model, plan: plan, stages: ["base", "both", "back"])
        #expect(again.done.isEmpty && again.kept.count == 11)
        var others = plan
        others.prompts.seed = 2
        let done = try ReproductionTests.run(model, plan: others, stages: ["both", "agreement"]).done
        #expect(done.count == 6 && !done.contains("train agreement"))

        // Each file says what it was measured on, so that it can be measured again.
        struct Document: Decodable {
            let command: String
            let options: EvaluationExperiment
            let dataset: DatasetRecord
            let results: ChoiceEvaluation
        }
        for measurement in run.record.measurements where measurement.measure.kind.task != nil {
            let file = model.file("run/\(measurement.file)")
            let document = try JSONDecoder().decode(Document.self, from: Data(contentsOf: file))
            #expect(document.command == "eval" && document.options.prompts.task == measurement.measure.kind.task)
            #expect(document.options.prompts.heldOut && document.results.all.count == 30)
            #expect(document.dataset.name == measurement.measure.description)
        }
        let measured = run.record.measurements.filter { $0.measure.kind.task != nil }
        let files = measured.map { model.file("run/\($0.file)").path }
        let verified = try Verification(files, tolerance: .init(absolute: 0, relative: 0))
            .run(settings: RunSettings(workers: Workers(count: 2)))
        #expect(verified.passed && verified.files.count == files.count)
    }

    @Test func theReportHasThem() throws {
        let model = try TemporaryModel(knowing: ChoiceFixture.texts)
        let run = try ReproductionTests.run(model, plan: Self.plan(), stages: ["base", "both", "back"])
        let report = try ReproductionReport(of: model.file("run"))
        #expect(report.html.contains(">Other tasks</a></h2>") && !report.html.contains("Missing:"))
        let chart = try #require(report.charts.first { $0.name == "agreement" })
        #expect(report.html.contains(HTMLPage.inline(chart.svg)))
        for model in ["base", "agreement@1", "agreement@4", "back@1"] { #expect(chart.svg.contains("\(model): ")) }
        // Years were measured of one model only, which makes no line.
        #expect(!report.charts.contains { $0.name == "greater-than" })
        let table = try #require(report.tables.first { $0.name == "other-tasks" })
        let lines = table.csv.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
        #expect(lines.count == 6 && lines.allSatisfy { $0.count == lines[0].count })
        struct Document: Decodable { let results: ChoiceEvaluation }
        for measurement in run.record.measurements {
            guard let task = measurement.measure.kind.task else { continue }
            let file = model.file("run/\(measurement.file)")
            let all = try JSONDecoder().decode(Document.self, from: Data(contentsOf: file)).results.all
            let line = try #require(lines.first { $0[0] == measurement.model.description && $0[1] == task.rawValue })
            #expect(Double(line[3]) == all.probabilityDifference.mean)
            #expect(Double(line[4]) == all.probabilityDifference.bounds[0])
            #expect(Double(line[7]) == all.accuracy.mean && Double(line[11]) == all.loss.mean)
            #expect(report.html.contains(">\(all.probabilityDifference.mean.fixed(3))</td>"))
        }
    }

    /// Before anything is trained.
    @Test func aTokenizerWithoutYearsIsKnownAtOnce() throws {
        let model = try TemporaryModel()
        let error = #expect(throws: IOIError.self) {
            try ReproductionTests.run(model, plan: Self.plan(), stages: ["both"])
        }
        #expect(error?.description.hasPrefix("greater-than: found no token \"00\"") == true)
        #expect(!FileManager.default.fileExists(atPath: model.file("run").path))
    }
}
