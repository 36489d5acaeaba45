import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct PlanTests {
    @Test(arguments: ["quick", "paper", "paper-short"])
    func thePlansThatAreBuiltInAreSound(_ name: String) throws {
        let plan = try Plan.named(name)
        #expect(plan.name == name)
        #expect(plan.stages.first?.name == "base" && plan.claims.count > 10)
        let datasets = Set(plan.stages.compactMap(\.dataset))
        let whose = name == "quick" ? "" : "published-"
        #expect(
            datasets.isSuperset(
                of: ["clean", "name-moving", "subject-duplication", "duplication"].map { whose + $0 }
            )
        )
        #expect(plan.recipe == (name == "quick" ? .plain : .published))
        for claim in plan.claims where name != "quick" {
            #expect(claim.published == nil || claim.published?.source != nil, "\(claim.name)")
        }
        guard name != "paper-short" else { return }
        // The embedded model has no years.
        #expect(datasets.contains("greater-than") == (name == "paper"))
        let tasks = plan.stages.filter { stage in
            stage.dataset.flatMap(ChoiceTask.init(dataset:)) != nil || stage.measure.contains { $0.task != nil }
        }
        #expect(tasks.count >= 5 && tasks.allSatisfy { $0.isExtra == true })
    }

    static let sound = """
        {"name": "p", "about": "A plan.", "model": "m", "prompts": {"count": 8, "seed": 1},
         "training": {"count": 16, "lr": 0.001, "batch": 8, "seed": 0},
         "stages": [{"name": "base", "measure": ["eval"]},
                    {"name": "clean", "dataset": "clean", "epochs": [1, 2], "measure": ["eval", "outputs"]},
                    {"name": "more", "from": "clean@2", "dataset": "clean", "epochs": [1], "measure": ["eval"]}],
         "claims": [{"name": "c", "text": "It grows.", "figure": "clean@2/eval/logit_difference",
                     "rule": {"at_least": 1, "of": "base/eval/logit_difference"}}]}
        """

    static func read(_ text: String) throws -> Plan {
        let scratch = try TemporaryModel()
        let file = scratch.file("plan.json")
        try Data(text.utf8).write(to: file)
        return try Plan.named(file.path)
    }

    @Test func aPlanIsReadAsItStands() throws {
        let plan = try Self.read(Self.sound)
        #expect(plan.stages.map(\.name) == ["base", "clean", "more"])
        #expect(plan.stages[1].models.map(\.description) == ["clean@1", "clean@2"])
        #expect(plan.stages[2].from == PlanModel(stage: "clean", epoch: 2))
    }

    struct Fault: Sendable {
        let from, to, message: String
    }

    static let faults = [
        Fault(from: "\"count\": 8", to: "\"count\": 0", message: "prompts.count: found 0, expected 1 or more"),
        Fault(
            from: "\"lr\": 0.001", to: "\"recipe\": \"publish\"",
            message: "training.recipe: found \"publish\", expected one of published, published-sentences, plain"
        ),
        Fault(
            from: "\"epochs\": [1, 2]", to: "\"epochs\": [1, 2], \"recipe\": \"another\"",
            message: "stages[1].recipe: found \"another\", expected published, published-sentences, plain, other"
        ),
        Fault(
            from: "\"base\", \"measure\"", to: "\"base\", \"recipe\": \"plain\", \"measure\"",
            message: "stages[0].recipe: found plain, expected none without a dataset"
        ),
        Fault(
            from: "\"clean@2/eval/logit_difference\"", to: "\"clean@2/training/rate\"",
            message: "claims[0].figure: found \"clean@2/training/rate\", expected clean@2/training/loss"
        ),
        Fault(
            from: "\"clean@2/eval/logit_difference\"", to: "\"base/training/loss\"",
            message: "claims[0].figure: found \"base/training/loss\", expected a figure that a stage measures"
        ),
        Fault(
            from: "\"at_least\": 1, ", to: "\"relation\": \"nearer\", ",
            message: "claims[0].published.value: found nothing, expected the figure to be near to"
        ),
        Fault(
            from: "\"rule\": {", to: "\"published\": {\"source\": \"a book\"}, \"rule\": {",
            message: "claims[0].published: found neither, expected value, map or text"
        ),
        Fault(
            from: "\"rule\": {", to: "\"published\": {\"map\": [[1, 2], [3]]}, \"rule\": {",
            message: "claims[0].published.map: found rows of [2, 1], expected rows of equal length"
        ),
        Fault(from: "\"lr\": 0.001", to: "\"lr\": 0", message: "training.lr: found 0.0, expected above 0, at most 1"),
        Fault(
            from: "\"clean@2\", \"dataset\"", to: "\"clean@3\", \"dataset\"",
            message: "stages[2].from: found \"clean@3\", expected an epoch of an earlier stage"
        ),
        Fault(
            from: "[1, 2]", to: "[2, 1]",
            message: "stages[1].epochs: found [2, 1], expected ascending epochs from 1"
        ),
        Fault(
            from: "\"name\": \"more\"", to: "\"name\": \"clean\"",
            message: "stages[2].name: found \"clean\", expected each name once"
        ),
        Fault(
            from: "\"base\", \"measure\": [\"eval\"]", to: "\"base\", \"measure\": [\"outputs\"]",
            message:
                "stages[0].measure: found \"outputs\", expected a measure that does not compare the base model with itself"
        ),
        Fault(
            from: "\"clean@2/eval", to: "\"clean@2/mlps",
            message:
                "claims[0].figure: found \"clean@2/mlps/logit_difference\", expected a figure that a stage measures, such "
                + "as clean@1/eval/logit_difference"
        ),
        Fault(
            from: "\"at_least\": 1, ", to: "",
            message: "claims[0].rule: found neither, expected at_least, at_most or both"),
        Fault(
            from: "[\"eval\", \"outputs\"]", to: "[\"evil\"]",
            message: "stages[1].measure[0]: found \"evil\", expected "
        ),
        Fault(
            from: "\"dataset\": \"clean\", \"epochs\": [1], ", to: "\"dataset\": \"cleen\", \"epochs\": [1], ",
            message: "stages[2].dataset: found \"cleen\", expected one of clean, name-moving, subject-duplication, "
                + "duplication, \(PublishedDataset.allCases.map(\.rawValue).joined(separator: ", ")), agreement, "
                + "greater-than"
        ),
    ]

    @Test(arguments: faults.indices)
    func whatIsWrongIsNamed(_ index: Int) throws {
        let fault = Self.faults[index]
        let text = Self.sound.replacing(fault.from, with: fault.to)
        #expect(text != Self.sound)
        let error = #expect(throws: IOIError.self) { try Self.read(text) }
        #expect(error?.description.contains(fault.message) == true, "\(String(describing: error))")
    }

    @Test func plansAreFoundByName() {
        let error = #expect(throws: IOIError.self) { try Plan.named("quik") }
        #expect(error?.description == "plan: found \"quik\", expected paper, paper-short, quick or a file")
    }
}
