import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct ReproductionTests: ReproductionRuns {
    static func results(_ folder: URL, _ record: ReproductionRecord) throws -> [String: String] {
        var all: [String: String] = [:]
        for measurement in record.measurements {
            let document = try JSONSerialization.jsonObject(
                with: Data(contentsOf: folder.appendingPathComponent(measurement.file)))
            let results = try #require((document as? [String: Any])?["results"])
            all[measurement.file] = Digest.sha256(
                of: try JSONSerialization.data(withJSONObject: results, options: .sortedKeys))
        }
        return all
    }

    @Test func aStoppedRunGoesOnAndMeasuresTheSame() throws {
        let model = try Self.model()
        let whole = try Self.run(model, "whole")
        #expect(whole.done.count == 17 && whole.kept.isEmpty)
        // What an extra stage measures that nobody asked for is no claim of this run.
        #expect(whole.record.claims.map(\.verdict) == [.shown])
        for stop in [2, 5, 9] {
            let name = "stopped-\(stop)"
            #expect(throws: Reproduction.Interruption.self) { try Self.run(model, name, stopAfter: stop) }
            #expect(!FileManager.default.fileExists(atPath: model.file("\(name)/reproduce.json").path))
            let rest = try Self.run(model, name)
            #expect(rest.kept.count >= stop && rest.kept.count + rest.done.count == 17)
            #expect(try Self.results(model.file(name), rest.record) == Self.results(model.file("whole"), whole.record))
        }
        let again = try Self.run(model, "whole")
        #expect(again.done.isEmpty && again.kept.count == 17)
    }

    /// What a kill may leave between a piece of work and tidying up after it.
    @Test func whatAKillLeavesIsTidiedUp() throws {
        let model = try Self.model()
        let plan = try Self.plan { $0.stages = Array($0.stages[...1]) }
        let record = try Self.run(model, plan: plan).record
        let checkpoints = model.file("run/\(record.runs["clean"]!)/checkpoints")
        let state = checkpoints.appendingPathComponent("epoch-001/optimizer.safetensors")
        try FileManager.default.copyItem(
            at: checkpoints.appendingPathComponent("epoch-002/optimizer.safetensors"), to: state
        )
        let partial = model.file("run/\(record.measurements[0].file).partial")
        let half = model.file("run/results/.half.json.partial-1999999")
        for file in [partial, half] { try Data("{}".utf8).write(to: file) }
        #expect(try Self.run(model, plan: plan).done.isEmpty)
        for file in [state, partial, half] {
            #expect(!FileManager.default.fileExists(atPath: file.path), "\(file.path)")
        }
    }

    @Test func aChangedSettingDoesAnewWhatDependsOnIt() throws {
        let model = try Self.model()
        let first = try Self.run(model)
        let longer = try Self.plan { $0.stages[2].epochs = [2] }
        #expect(try Self.run(model, plan: longer).done == ["train again", "eval of again@2"])
        let others = try Self.plan { $0.training.seed = 1 }
        let done = try Self.run(model, plan: others).done
        #expect(!done.contains { $0.hasSuffix("of base") } && done.count == 13)
        // What was measured before is still there.
        let back = try Self.run(model)
        #expect(back.done.isEmpty && back.record.measurements == first.record.measurements)
        let prompts = try Self.plan { $0.prompts.seed = 2 }
        #expect(try Self.run(model, plan: prompts).done.allSatisfy { !$0.hasPrefix("train") })
    }

    @Test func stagesBringWhatTheyStartFrom() throws {
        let model = try Self.model()
        let plan = try Self.plan()
        let record = try Self.run(model, plan: plan, stages: ["again"]).record
        #expect(record.stages == ["clean", "again"])
        let extra = try Self.run(model, plan: plan, stages: ["extra"]).record
        // With those that are done in the folder.
        #expect(extra.stages == ["clean", "again", "extra"])
        #expect(extra.claims.map(\.verdict) == [.shown, .notShown])
        let error = #expect(throws: IOIError.self) { try Self.run(model, plan: plan, stages: ["claen"]) }
        #expect(error?.description == "stages: found \"claen\", expected base, clean, again, extra, or all")
    }

    /// Stage by stage, a folder comes to hold what all stages at once make of it.
    @Test func aRecordHasAllThatIsDone() throws {
        let model = try Self.model()
        let whole = try Self.run(model, "whole", stages: ["all"]).record
        #expect(
            whole.stages == ["base", "clean", "again", "extra"] && whole.claims.map(\.verdict) == [.shown, .notShown])
        let base = try Self.run(model, "parts", stages: ["base"]).record
        #expect(base.stages == ["base"] && base.claims.map(\.verdict) == [.notMeasured])
        // What is begun is not done.
        #expect(throws: Reproduction.Interruption.self) {
            try Self.run(model, "parts", stages: ["clean"], stopAfter: 2)
        }
        let extra = try Self.run(model, "parts", stages: ["extra"]).record
        #expect(extra.stages == ["base", "extra"] && extra.runs.keys.sorted() == ["extra"])
        #expect(extra.claims.map(\.verdict) == [.notMeasured, .notShown])
        let parts = try Self.run(model, "parts", stages: ["again"])
        #expect(
            parts.record.stages == whole.stages && !parts.done.contains { $0.hasSuffix("base") || $0.contains("extra") }
        )
        #expect(parts.record.measurements == whole.measurements && parts.record.runs == whole.runs)
        #expect(parts.record.claims.map(\.measured) == whole.claims.map(\.measured))
        let reports = try ["parts", "whole"].map { try ReproductionReport(of: model.file($0)) }
        #expect(reports[0].tables.map(\.csv) == reports[1].tables.map(\.csv))
        #expect(reports[0].charts.map(\.svg) == reports[1].charts.map(\.svg) && reports[0].problems.isEmpty)
        // Trained by other settings, the others are not this plan's.
        let others = try Self.plan { $0.training.seed = 1 }
        #expect(try Self.run(model, "parts", plan: others, stages: ["base"]).record.stages == ["base"])
    }

    /// A run over one prompt shows no interval, on the page neither.
    @Test func onePromptHasNoInterval() throws {
        let model = try Self.model()
        for (count, isShown) in [(1, false), (8, true)] {
            let plan = try Self.plan { $0.prompts.count = count }
            let record = try Self.run(model, "of \(count)", plan: plan).record
            #expect(record.claims[0].intervalText.isEmpty != isShown)
            let report = try ReproductionReport(of: model.file("of \(count)"))
            let interval = /\[[−-]?\d+\.\d+, [−-]?\d+\.\d+\]/
            #expect(report.problems.isEmpty && (report.html.firstMatch(of: interval) != nil) == isShown)
            // The bars of intervals in charts over epochs.
            #expect(report.charts.contains { $0.svg.contains("class=\"bar\"") } == isShown)
        }
    }

    @Test func stagesAreNamedAddedOrAll() throws {
        let plan = try Self.plan()
        func names(_ names: [String]?) throws -> [String] { try plan.stages(named: names).map(\.name) }
        #expect(try names(nil) == ["base", "clean", "again"])
        #expect(try names(["again"]) == ["clean", "again"])
        #expect(try names(["+extra"]) == ["base", "clean", "again", "extra"])
        #expect(try names(["+extra", "+base"]) == ["base", "clean", "again", "extra"])
        #expect(try names(["all"]) == ["base", "clean", "again", "extra"])
        for (wrong, message) in [
            (["base", "+extra"], "found \"base\" beside \"+extra\", expected + before each name or before none"),
            (["+extr"], "found \"extr\", expected base, clean, again, extra, or all"),
            (["all", "base"], "found \"all\""),
        ] {
            expectError(containing: "stages: ", message) { _ = try names(wrong) }
        }
        for name in ["all", "+more"] {
            let plan = try Self.plan { $0.stages[3].name = name }
            expectError(containing: "stages[3].name: found \"\(name)\"") { try plan.check() }
        }
    }

    @Test func aRecordOfSomethingElseIsRefused() throws {
        let model = try Self.model()
        try Data("{\"schema\": \"ioi/2\"}".utf8).write(to: model.file("reproduce.json"))
        let error = #expect(throws: IOIError.self) { try ReproductionRecord(in: model.folder) }
        #expect(
            error?.description.hasSuffix("schema: found \"ioi/2\" of \"nothing\", expected \"ioi/1\" of \"reproduce\"")
                == true)
    }
}
