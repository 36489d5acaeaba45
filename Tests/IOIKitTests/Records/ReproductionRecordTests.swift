import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite(.serialized) struct ReproductionRecordTests {
    /// A copy, because it is changed.
    private static let run: (model: TemporaryModel, folder: URL) = {
        let (model, folder) = ReproductionReportTests.finished
        let copy = model.file("changed")
        try! FileManager.default.copyItem(at: folder, to: copy)
        return (model, copy)
    }()

    static let records = [
        JSONMutation(
            "plan.stages.1.from", "\"clean@1\"", "plan.stages[1].from: found \"clean@1\", expected an epoch of"),
        JSONMutation("plan.stages.1.name", "\"../../escaped\"", "plan.stages[1].name: found \"../../escaped\""),
        JSONMutation(
            "plan.stages.1.epochs", "[1, 1000000000000000000]", "plan.stages[1].epochs: found 1000000000000000000"),
        JSONMutation("plan.prompts.count", "0", "plan.prompts.count: found 0"),
        JSONMutation("plan.claims.0.name", "\"a/b\"", "plan.claims[0].name: found \"a/b\""),
        JSONMutation("plan.training.lr", "7", "plan.training.lr: found 7.0"),
        JSONMutation("dataset.count", "-1", "dataset.count: found -1"),
        JSONMutation(
            "stages", "[\"base\", \"base\"]", "stages: found \"base\", expected stages of the plan, each once"),
        JSONMutation("stages", "[\"nothing\"]", "stages: found \"nothing\""),
        JSONMutation("runs.nothing", "\"runs/x\"", "runs: found \"nothing\", expected runs of the plan"),
        JSONMutation("runs.clean", "\"runs/../..\"", "runs.clean: found \"runs/../..\", expected a folder in runs"),
        JSONMutation("runs.clean", "\"/etc\"", "runs.clean: found \"/etc\""),
        JSONMutation("measurements.1.model", "\"clean@9\"", "measurements[1]: found \"clean@9/"),
        JSONMutation("measurements.0.measure", "\"agreement\"", "measurements[0]: found \"base/agreement\""),
        JSONMutation("measurements.0.file", "\"results/..\"", "measurements[0].file: found \"results/..\""),
        JSONMutation("measurements.0.file", "\"../secret.json\"", "measurements[0].file: found \"../secret.json\""),
        JSONMutation("claims.0.measured.ci95", "[]", "claims[0].measured.ci95: found [], expected two numbers"),
        JSONMutation("claims.0.claim.name", "\"other\"", "claims[0]: found \"other\", expected a claim of the plan"),
        JSONMutation("claims.0.verdict", "\"surely\"", "claims[0].verdict: found \"surely\""),
    ]

    @Test(arguments: records)
    func whatIsWrongIsNamed(_ mutation: JSONMutation) throws {
        let file = Self.run.folder.appendingPathComponent(ReproductionRecord.fileName)
        try mutation.apply(to: file) {
            expectError(containing: "\(file.path): ", mutation.message) { try ReproductionReport(of: Self.run.folder) }
        }
    }

    @Test func oneMeasurementTwiceIsRefused() throws {
        let file = Self.run.folder.appendingPathComponent(ReproductionRecord.fileName)
        let first = try ReproductionRecord(in: Self.run.folder).measurements[0]
        let again = String(decoding: try JSONEncoder().encode(first), as: UTF8.self)
        try JSONMutation("measurements.1", again, "").apply(to: file) {
            expectError(containing: "measurements[1]: found \"base/eval\", expected each measure of a model once") {
                try ReproductionReport(of: Self.run.folder)
            }
        }
    }

    /// The measure whose file is changed, of the last model that has it.
    static let results: [(Plan.Measure.Kind, JSONMutation)] = [
        (.heads, JSONMutation("results.attention.heads.end_to_io.value", "[[1, 2], [3]]", "rows of equal length")),
        (.heads, JSONMutation("results.attention.heads.end_to_io.value.0", "[1]", "rows of equal length")),
        (.heads, JSONMutation("results.attention.heads.end_to_io.ci95", "[[[0, 1]]]", "as in other maps")),
        (
            .heads,
            JSONMutation("results.donor.attribution_scatter.per_prompt.attention_to_io", "[]", "rows of equal length")
        ),
        (.heads, JSONMutation("results.comparison.weights.ov.relative", "[[1]]", "as in other maps")),
        (.heads, JSONMutation("results.classification.heads.1.head", "\"7.7\"", "expected all heads in order")),
        (.heads, JSONMutation("results.classification.heads", "[]", "rows of equal length")),
        (.patterns, JSONMutation("results.donor-to-host.effect", "[[1]]", "expected as many as")),
        (.patterns, JSONMutation("results.donor-to-host.ci95.0.0", "[2, 1]", "expected two numbers")),
        (.patterns, JSONMutation("results.donor-to-host.recovered", "[]", "donor-to-host")),
        (.surface, JSONMutation("results.surface.0.ci95", "[3, 2]", "expected two numbers")),
        (.surface, JSONMutation("results.surface.0.null_90", "[0]", "expected two numbers")),
        (.mlps, JSONMutation("results.ci95", "[0]", "results.ci95: found [0], expected two numbers")),
        (.eval, JSONMutation("results.logit_difference", "7", "results.logit_difference: found 7")),
    ]

    @Test(arguments: results.indices)
    func resultsThatAreNotOfOneShapeAreSaid(_ index: Int) throws {
        let (kind, mutation) = Self.results[index]
        let record = try ReproductionRecord(in: Self.run.folder)
        let name = try #require(record.measurements.last { $0.measure.kind == kind }).file
        let file = Self.run.folder.appendingPathComponent(name)
        try mutation.apply(to: file) {
            let report = try ReproductionReport(of: Self.run.folder)
            let problem = report.problems.first { $0.hasPrefix("\(file.path): ") }
            #expect(problem?.contains(mutation.message) == true, "\(String(describing: problem))")
            #expect(report.html.contains(">Claims</a></h2>"))
        }
    }

    @Test func namesOfPicturesStayInTheirFolder() throws {
        var builder = ReproductionReportBuilder(
            record: try ReproductionRecord(in: Self.run.folder), folder: Self.run.folder)
        for name in ["../../a", "/a", "..", "a\0b", "clean@1-heads"] { _ = builder.add(name, "") }
        #expect(builder.charts.map(\.name) == ["-..-..-a", "-a", "-..", "a-b", "clean@1-heads"])
    }
}
