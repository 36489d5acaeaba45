import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Plans about another task than IOI, from training to the page.
@Suite struct GreaterThanPlanTests {
    private static let measures = """
        "eval", "faithfulness", "circuit", "direct", "mlps", "knockout", "heads"
        """

    private static let text = """
        {"name": "years", "about": "A plan.", "model": "m",
         "prompts": {"dataset": "greater-than", "count": 12, "seed": 1},
         "training": {"count": 32, "lr": 0.003, "batch": 8, "seed": 0}, "scale": "gap",
         "stages": [{"name": "base", "measure": [\(measures), "surface", "agreement", "eval:clean", "heads:clean"]},
                    {"name": "clean", "dataset": "greater-than", "epochs": [1],
                     "measure": [\(measures), "patterns", "outputs", "queries", "eval:clean", "heads:clean"]},
                    {"name": "reversed", "dataset": "greater-than-reversed", "epochs": [1, 2],
                     "measure": ["eval", "outputs", "heads", "outputs:clean", "eval:greater-than-reversed"]},
                    {"name": "recovery", "from": "reversed@2", "dataset": "greater-than", "epochs": [1],
                     "measure": [\(measures), "outputs"]}],
         "claims": [{"name": "a", "text": "It is measured.", "published": {"value": 0.817, "source": "a paper"},
                     "figure": "base/eval/probability_difference", "rule": {"at_least": -1}},
                    {"name": "b", "text": "The class matters.", "figure": "clean@1/knockout/each/late MLP/effect",
                     "rule": {"at_least": -1e9}},
                    {"name": "c", "text": "So does the MLP.", "figure": "clean@1/mlps/each/MLP 1/effect",
                     "rule": {"at_least": 1, "at_most": 1, "of": "clean@1/knockout/each/late MLP/effect"}},
                    {"name": "d", "text": "Inside.", "figure": "reversed@2/outputs/donor-to-host/sets/circuit/recovered",
                     "rule": {"at_least": -1e9}},
                    {"name": "e", "text": "The other task.", "figure": "clean@1/eval:clean/logit_difference",
                     "rule": {"at_least": -10, "at_most": 10, "of": "base/eval:clean/logit_difference",
                              "relation": "plus"}},
                    {"name": "f", "text": "Together.", "figure": "reversed@2/heads/comparison/twinning_mean/change",
                     "rule": {"at_most": 1}}]}
        """

    /// With a circuit of one MLP and two heads in a file beside the model.
    static func setting() throws -> (model: TemporaryModel, plan: Plan) {
        // This one's heads write to the logit difference, by either sign.
        let model = try TemporaryModel(seed: 9, knowing: ChoiceFixture.texts)
        let circuit = try Circuit(
            model: "m",
            classes: [
                HeadClass(name: "early", heads: [Head(0, 1), Head(1, 2)], position: .all),
                HeadClass(name: "late MLP", nodes: [.mlp(1)], position: .all),
            ]
        )
        try circuit.json.write(to: model.file("years.json"))
        var plan = try JSONDecoder().decode(Plan.self, from: Data(text.utf8))
        plan.circuit = model.file("years.json").path
        return (model, plan)
    }

    private struct Document: Decodable {
        struct Options: Decodable {
            let prompts: PromptSource
            let circuit: String?
            let metric: Metric?
        }
        let options: Options
        let dataset: DatasetRecord
    }

    @Test func aPlanOfAnotherTaskRunsThrough() throws {
        let (model, plan) = try Self.setting()
        let run = try ReproductionTests.run(model, plan: plan)
        #expect(run.done.count == 11 + 13 + 11 + 9)
        #expect(run.done.contains("heads:clean of clean@1") && run.done.contains("train recovery"))
        #expect(run.record.circuit?.mlps == [1] && run.record.dataset.name == "greater-than")
        #expect(try ReproductionTests.run(model, plan: plan).done.isEmpty)

        for measurement in run.record.measurements {
            let (measure, file) = (measurement.measure, model.file("run/\(measurement.file)"))
            let document = try JSONDecoder().decode(Document.self, from: Data(contentsOf: file))
            let expected = measure.dataset ?? (measure.kind == .agreement ? "agreement" : "greater-than")
            #expect(document.dataset.name == expected && document.options.prompts.dataset == expected)
            #expect(document.options.prompts.heldOut && !measurement.file.contains(":"))
            if measure.kind.needsCircuit || measure.kind == .outputs {
                #expect(document.options.circuit == (measure.dataset == nil ? plan.circuit : nil), "\(measure)")
            }
            if measure.kind.needsCircuit { #expect(document.options.metric == .probabilityDifference) }
        }
        let verdicts = Dictionary(uniqueKeysWithValues: run.record.claims.map { ($0.claim.name, $0) })
        for name in ["a", "b", "d", "e", "f"] { #expect(verdicts[name]?.verdict == .shown, "\(name)") }
        // The class of one MLP at all positions is that MLP.
        #expect(verdicts["c"]?.measured?.value != nil)
        #expect(verdicts["c"]?.measured?.value == verdicts["c"]?.other?.value)
        // Only the labels differ, so that only the loss does.
        func evaluation(_ measure: Plan.Measure) throws -> ChoiceEvaluation.Summary {
            let measured = run.record.measurements
            let file = try #require(measured.first { $0.model.stage == "reversed" && $0.measure == measure }).file
            let document = try InputFile.decode(
                ResultsDocument<EvaluationExperiment, ChoiceEvaluation>.self, from: model.file("run/\(file)")
            )
            return document.results.all
        }
        let (own, reversed) = try (
            evaluation(.init(.eval)), evaluation(.init(.eval, on: "greater-than-reversed"))
        )
        #expect(own.probabilityDifference == reversed.probabilityDifference && own.loss != reversed.loss)

        let files = run.record.measurements.map { model.file("run/\($0.file)").path }
        let verified = try Verification(files, tolerance: .init(absolute: 0, relative: 0))
            .run(settings: RunSettings(workers: Workers(count: 2)))
        #expect(verified.passed && verified.files.count == files.count)

        try Self.check(ReproductionReport(of: model.file("run")))
    }

    private static func check(_ report: ReproductionReport) throws {
        let html = report.html
        #expect(!html.contains("Missing:"))
        let sections = html.split(separator: "<section ").dropFirst().map(String.init)
        func section(_ title: String) throws -> String {
            try #require(sections.first { $0.contains(">\(title)</a></h2>") }, "\(title)")
        }
        for title in [
            "Behaviour and circuit over epochs", "Where the changes are", "Direct effects", "Heads", "MLPs",
            "Classes of the circuit", "Faithfulness by method",
        ] {
            let text = try section(title)
            for word in ["IO over", "of IO", "the same two names", "name mover", "no name repeats"] {
                #expect(!text.contains(word), "\(title): \(word)")
            }
        }
        for title in ["Where the changes are", "Direct effects", "MLPs", "Classes of the circuit"] {
            #expect(try section(title).contains("change of the probability difference"), "\(title)")
        }
        #expect(try section("Behaviour and circuit over epochs").contains("F is the probability difference."))
        #expect(try section("Behaviour and circuit over epochs: clean").contains("IO over the names"))
        #expect(try section("Where the changes are: clean").contains("change of the logit difference"))
        #expect(try section("Heads: clean").contains("name mover"))
        #expect(try section("Other tasks").contains("<td>agreement</td>"))
        for names in [report.charts.map(\.name), report.tables.map(\.name)] {
            #expect(Set(names).count == names.count)
        }
        let behaviour = try #require(report.tables.first { $0.name == "behaviour" }).csv.split(separator: "\n")
        #expect(behaviour.count == 6 && behaviour[0].hasPrefix("model,probability_difference,"))
        let attention = try #require(report.tables.first { $0.name == "position-attention" }).csv
        #expect(attention.hasPrefix("model,class,END,"))
        #expect(report.tables.contains { $0.name == "clean-behaviour" })
    }

    /// A circuit of another task is never taken for this one's.
    @Test func faithfulnessNeedsTheTasksOwnCircuit() throws {
        var (model, plan) = try Self.setting()
        try TemporaryModel.circuit.json.write(to: model.model.appendingPathComponent("circuit.json"))
        plan.circuit = nil
        let error = #expect(throws: IOIError.self) { try ReproductionTests.run(model, plan: plan) }
        #expect(
            error?.description
                == "stage \"base\": found no circuit for the model \(model.model.lastPathComponent), expected "
                + "one for faithfulness in the plan's circuit"
        )
        plan.stages[0].measure = [.init(.eval), .init(.mlps)]
        plan.claims = []
        plan.stages = [plan.stages[0]]
        #expect(try ReproductionTests.run(model, plan: plan).record.circuit == nil)
        plan.circuit = "gpt2-small"
        let misfit = #expect(throws: IOIError.self) { try ReproductionTests.run(model, plan: plan) }
        #expect(misfit?.description.contains("circuits/gpt2-small.json: heads of class") == true)
        #expect(!FileManager.default.fileExists(atPath: model.file("run/runs/clean").path))
    }

    @Test func aCircuitWithoutNameMoversIsKnownBeforeTraining() throws {
        let model = try TemporaryModel()
        try TemporaryModel.circuit.json.write(to: model.file("own.json"))
        let plan = try ReproductionTests.plan { plan in
            plan.circuit = model.file("own.json").path
            plan.stages[1].measure = [.init(.heads)]
            plan.claims = []
        }
        let error = #expect(throws: IOIError.self) { try ReproductionTests.run(model, plan: plan) }
        #expect(
            error?.description
                == "stage \"clean\": circuit: found the class \"name mover\", expected one of \"late\", \"early\""
        )
        #expect(!FileManager.default.fileExists(atPath: model.file("run").path))
    }
}
