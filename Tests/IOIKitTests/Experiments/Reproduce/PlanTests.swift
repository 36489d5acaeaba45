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
            stage.dataset.flatMap(ChoiceTask.init(dataset:)) != nil || stage.measure.contains { $0.kind.task != nil }
        }
        #expect(tasks.count >= 5 && tasks.allSatisfy { $0.isExtra == true })
    }

    @Test func thePlansOfOtherTasksAreSound() throws {
        let years = try Plan.named("greater-than")
        #expect(years.ownDataset == "greater-than" && years.circuit == "greater-than")
        #expect(Set(years.stages.compactMap(\.dataset)) == ["greater-than", "greater-than-reversed"])
        // Each class and MLP of a claim is one of the circuit and the model.
        let circuit = try Circuit(contentsOf: Circuit.file(named: "greater-than"))
        let named = years.claims.map(\.figure).filter { $0.steps.first == "each" }
        #expect(named.count >= 4)
        for path in named {
            let names = path.measure?.kind == .mlps ? (0..<12).map { "MLP \($0)" } : circuit.classes.map(\.name)
            #expect(names.contains(path.steps[1]), "\(path)")
        }
        let twinning = try Plan.named("twinning")
        #expect(twinning.ownDataset == "clean" && twinning.circuit == nil)
        for path in twinning.claims.map(\.figure) where path.steps.first == "comparison" {
            #expect(path.steps[1] == "twinning_mean" && path.measure?.kind == .heads, "\(path)")
        }
        for plan in [years, twinning] {
            #expect(plan.stages.first?.name == "base" && plan.recipe == .published)
            #expect(plan.claims.allSatisfy { $0.published == nil || $0.published?.source != nil })
        }
    }

    /// A measure has one name, and so has each figure.
    @Test func measuresNameTheirPrompts() throws {
        let own = try #require(Plan.Measure("heads"))
        #expect(own == Plan.Measure(.heads) && own.description == "heads")
        let other = try #require(Plan.Measure("heads:greater-than-reversed"))
        #expect(other == Plan.Measure(.heads, on: "greater-than-reversed") && other != own)
        #expect(other.description == "heads:greater-than-reversed")
        for text in ["", "haeds", "heads:", ":clean", "heads:clean:1"] { #expect(Plan.Measure(text) == nil, "\(text)") }
        let path = try #require(FigurePath("a@3/heads:clean/logit_difference"))
        #expect(path.measure == Plan.Measure(.heads, on: "clean") && path.steps == ["logit_difference"])
        #expect(path.description == "a@3/heads:clean/logit_difference")
        var plan = try Self.read(Self.sound)
        #expect(plan.dataset(of: own) == "clean" && plan.isOwnTask(own) && !plan.isOwnTask(other))
        plan.prompts.dataset = "greater-than"
        #expect(plan.dataset(of: own) == "greater-than" && plan.isOwnTask(other))
        #expect(plan.dataset(of: .init(.agreement)) == "agreement" && !plan.isOwnTask(.init(.agreement)))
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
        let from, to: String
        /// A second replacement.
        var also: (from: String, to: String)?
        let message: String
    }

    private static func measuring(_ measures: String, _ message: String) -> Fault {
        Fault(from: "\"base\", \"measure\": [\"eval\"]", to: "\"base\", \"measure\": [\(measures)]", message: message)
    }

    private static let measured = Plan.Measuring.datasets.joined(separator: ", ")

    static let faults = [
        Fault(
            from: "\"count\": 8", to: "\"dataset\": \"grater-than\", \"count\": 8",
            message: "prompts.dataset: found \"grater-than\", expected one of \(measured)"
        ),
        Fault(
            from: "\"count\": 8", to: "\"dataset\": \"published-clean\", \"count\": 8",
            message: "prompts.dataset: found \"published-clean\", expected one of \(measured)"
        ),
        Fault(
            from: "\"model\": \"m\",", to: "\"model\": \"m\", \"circuit\": \"grater-than\",",
            message: "circuit: found \"grater-than\", expected default, embedded, gpt2-small, gpt2-small-naive, "
                + "greater-than or a file"
        ),
        measuring(
            "\"eval:clean\"",
            "stages[0].measure: found \"eval:clean\", expected eval alone, whose prompts in this plan are clean"),
        measuring(
            "\"eval:greater-than\"",
            "stages[0].measure: found \"eval:greater-than\", expected greater-than, which is the same measure"),
        measuring(
            "\"agreement:clean\"",
            "stages[0].measure: found \"agreement:clean\", expected agreement alone, which has prompts of its own"),
        measuring(
            "\"heads:nothing\"",
            "stages[0].measure: found \"heads:nothing\", expected heads: and one of \(measured)"),
        measuring(
            "\"faithfulness:greater-than\"",
            "stages[0].measure: found \"faithfulness:greater-than\", expected a measure that needs no circuit, because "
                + "the plan's is for its own prompts, clean"),
        measuring("\"eval\", \"eval\"", "stages: found base/eval twice, expected each measure of a model once"),
        Fault(
            from: "\"count\": 8, \"seed\": 1},", to: "\"dataset\": \"agreement\", \"count\": 8, \"seed\": 1},",
            also: ("[\"eval\", \"outputs\"]", "[\"eval\", \"agreement\"]"),
            message: "stages[1].measure: found \"agreement\", expected eval, whose prompts in this plan are the same"
        ),
        Fault(
            from: "\"clean@2/eval/", to: "\"clean@2/eval:name-moving/",
            message:
                "claims[0].figure: found \"clean@2/eval:name-moving/logit_difference\", expected a figure that a stage"
        ),
        Fault(from: "\"count\": 8", to: "\"count\": 0", message: "prompts.count: found 0, expected 1 to 10000000"),
        Fault(
            from: "\"count\": 16", to: "\"count\": 1000000000000000000",
            message: "training.count: found 1000000000000000000, expected 1 to 10000000"
        ),
        Fault(from: "\"batch\": 8", to: "\"batch\": 0", message: "training.batch: found 0, expected 1 to 65536"),
        Fault(
            from: "[1, 2]", to: "[1, 1000000000000000000]",
            message: "stages[1].epochs: found 1000000000000000000, expected 1 to 100000"
        ),
        Fault(
            from: "\"name\": \"more\"", to: "\"name\": \"../more\"",
            message: "stages[2].name: found \"../more\", expected a name of at most 100 characters"
        ),
        Fault(
            from: "\"from\": \"clean@2\"", to: "\"form\": \"clean@2\"",
            message: "stages[2]: found the key \"form\", expected one of count, dataset, epochs, extra, from, measure, "
                + "name, recipe; did you mean \"from\"?"
        ),
        Fault(
            from: "\"at_least\"", to: "\"at_last\"",
            message:
                "claims[0].rule: found the key \"at_last\", expected one of at_least, at_most, of, relation; did you "
                + "mean \"at_least\"?"
        ),
        Fault(from: "\"of\"", to: "\"ofs\"", message: "claims[0].rule: found the key \"ofs\""),
        Fault(from: "\"model\": \"m\",", to: "\"model\": \"m\", \"scle\": \"gap\",", message: "found the key \"scle\""),
        Fault(
            from: "\"seed\": 1}", to: "\"seed\": 1, \"seed\": 2}", message: "prompts: found the key \"seed\" twice"),
        Fault(
            from: "\"clean@2/eval/logit_difference\"", to: "\"clean@2/eval/logit_diference\"",
            message: "claims[0].figure: found \"logit_diference\" in \"clean@2/eval/logit_diference\", expected one of "
        ),
        Fault(
            from: "\"base/eval/logit_difference\"", to: "\"base/eval/by_order\"",
            message: "claims[0].rule.of: found \"base/eval/by_order\", which is a list or an object, expected a number"
        ),
        Fault(
            from: "\"clean@2/eval/logit_difference\"", to: "\"clean@2/outputs/donor-to-host/effect\"",
            message: "claims[0].figure: found \"clean@2/outputs/donor-to-host/effect\", which is a list or an object"
        ),
        Fault(
            from: "\"clean@2/eval/logit_difference\"", to: "\"clean@2/eval/loss/mean/9.9\"",
            message: "claims[0].figure: found \"mean\" in "
        ),
        Fault(
            from: "\"at_least\": 1, \"of\": \"base/eval/logit_difference\"",
            to: "\"at_least\": 1, \"relation\": \"plus\"",
            message: "claims[0].rule.relation: found plus, expected none without the other figure, of"
        ),
        Fault(
            from: "\"at_least\": 1", to: "\"at_least\": 1, \"at_most\": 0",
            message: "claims[0].rule.at_least: found 1.0, expected at most at_most, 0.0"
        ),
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
                + "greater-than, greater-than-reversed, pronouns, colours"
        ),
    ]

    @Test(arguments: faults.indices)
    func whatIsWrongIsNamed(_ index: Int) throws {
        let fault = Self.faults[index]
        var text = Self.sound.replacing(fault.from, with: fault.to)
        #expect(text != Self.sound)
        if let also = fault.also { text = text.replacing(also.from, with: also.to) }
        let error = #expect(throws: IOIError.self) { try Self.read(text) }
        #expect(error?.description.contains(fault.message) == true, "\(String(describing: error))")
    }

    @Test func plansAreFoundByName() {
        let error = #expect(throws: IOIError.self) { try Plan.named("quik") }
        #expect(
            error?.description
                == "plan: found \"quik\", expected greater-than, paper, paper-short, quick, twinning or a file")
    }
}
