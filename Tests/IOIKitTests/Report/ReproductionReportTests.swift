import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct ReproductionReportTests {
    /// A finished run of a small plan.
    static let finished: (model: TemporaryModel, folder: URL) = {
        let model = try! ReproductionTests.model()
        let plan = try! ReproductionTests.plan { plan in
            plan.stages[0].measure += [.init(.circuit), .init(.heads)]
            plan.stages[1].measure.append(.init(.heads))
            plan.prompts.count = 24
        }
        _ = try! ReproductionTests.run(model, plan: plan)
        return (model, model.file("run"))
    }()

    @Test func thePageIsWholeAndAsksForNothing() throws {
        let report = try ReproductionReport(of: Self.finished.folder)
        let html = report.html
        for title in [
            "Claims", "Behaviour and circuit over epochs", "Training", "Where the changes are", "Circuits", "Heads",
            "MLPs",
            "Faithfulness by method", "How to repeat it",
        ] { #expect(html.contains(">\(title)</a></h2>"), "\(title)") }
        #expect(!html.contains("Missing:"))
        // A model with random weights has no circuit, which the page says.
        #expect(html.contains("base: none. no head has"))
        // The namespaces of SVG are names, not addresses that are fetched.
        let addresses = html.matches(of: /(src|href)="([^"]*)"/).map { String($0.output.2) }
        #expect(addresses.allSatisfy { $0.hasPrefix("#") || $0 == "data:," })
        #expect(!html.contains("<script ") && !html.contains("@import") && !html.contains("url("))
        let names = report.charts.map(\.name)
        #expect(Set(names).count == names.count)
        for name in [
            "logit-difference", "io-over-names", "accuracy", "loss", "training-loss",
            "clean@1-patterns",
            "clean@2-outputs", "base-surface", "base-heads-1", "clean@2-heads-1",
        ] { #expect(names.contains(name), "\(name)") }
        for chart in report.charts {
            // The page has maps in another form: small ones with the intervals, and large ones with the figures.
            #expect(chart.svg.contains("class=\"cells\"") || html.contains(HTMLPage.inline(chart.svg)))
            _ = try ChartTests.read(chart.svg)
        }
    }

    /// The tables hold what the results files hold, to the last digit, and the page what the tables hold.
    @Test func numbersAreThoseOfTheFiles() throws {
        let report = try ReproductionReport(of: Self.finished.folder)
        let record = try ReproductionRecord(in: Self.finished.folder)
        func rows(_ name: String) throws -> [[String]] {
            let csv = report.tables.first { $0.name == name }?.csv
            return try #require(csv).split(separator: "\n").map {
                $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            }
        }
        let behaviour = try rows("behaviour")
        for measurement in record.measurements where measurement.measure.kind == .eval {
            struct Document: Decodable { let results: Evaluation }
            let file = Self.finished.folder.appendingPathComponent(measurement.file)
            let all = try JSONDecoder().decode(Document.self, from: Data(contentsOf: file)).results.all
            let row = try #require(behaviour.first { $0[0] == measurement.model.description })
            #expect(Double(row[1]) == all.logitDifference.mean && Double(row[2]) == all.logitDifference.bounds[0])
            #expect(
                Double(row[4]) == all.accuracy.value && Double(row[5]) == all.top1.value
                    && Double(row[7]) == all.loss.value)
            #expect(Double(row[8]) == all.counterfactualLogitDifference?.mean)
            #expect(Double(row[11]) == all.ioOverNames?.mean && Double(row[14]) == all.ioRankAmongNames?.mean)
            #expect(report.html.contains(">\(all.logitDifference.mean.fixed(2))</td>"))
        }
        let claims = try rows("claims")
        let decision = try #require(record.claims.first)
        #expect(Double(claims[1][3]) == decision.measured?.value)
        #expect(report.html.contains(">\(decision.valueText)</td>"))
    }

    @Test func theTableOfHeadsIsThatOfTheFiles() throws {
        let report = try ReproductionReport(of: Self.finished.folder)
        let record = try ReproductionRecord(in: Self.finished.folder)
        let table = try #require(report.tables.first { $0.name == "heads" })
        let rows = table.csv.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let measured = record.measurements.filter { $0.measure.kind == .heads }
        #expect(measured.map(\.model.description) == ["base", "clean@1", "clean@2"])
        struct Document: Decodable { let results: HeadsResults }
        var first: HeadProfile?
        for measurement in measured {
            let file = Self.finished.folder.appendingPathComponent(measurement.file)
            let results = try JSONDecoder().decode(Document.self, from: Data(contentsOf: file)).results
            // Each is compared with the same model.
            #expect(first == nil || results.model == first)
            first = results.model
            let profile = results.donor ?? results.model
            for classed in profile.classification!.heads {
                let row = try #require(
                    rows.first { $0[0] == measurement.model.description && $0[1] == classed.head.description }
                )
                let written = profile.attribution!.heads[classed.head]
                #expect(row[2] == classed.kind.rawValue)
                #expect(row[3...5].map { Double($0) } == [written.value, written.ci95?[0], written.ci95?[1]])
                let change = results.comparison?.weights.ov.relative[classed.head.layer][classed.head.index]
                #expect(Double(row.last!) == change)
            }
        }
    }

    /// As version 0.2.0 wrote it.
    static let oldRecord = """
        {"schema": "ioi/1",
         "command": "reproduce",
         "model": {"name": "gpt2", "sha256": "00"},
         "dataset": {"count": 8, "name": "clean", "seed": 1, "sha256": "00"},
         "environment": {"blas": "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY Haswell MAX_THREADS=64",
         "threads": 2, "version": "0.2.0"},
         "stages": ["base", "clean"],
         "runs": {"clean": "runs/clean-881a2c5ade57"},
         "measurements": [{"file": "results/base-eval-66f26cf43132.json", "measure": "eval", "model": "base"},
         {"file": "results/clean@1-eval-1330450b864a.json", "measure": "eval", "model": "clean@1"}],
         "claims": [{"claim": {"figure": "clean@1/eval/logit_difference", "name": "c", "published": "6.32",
         "rule": {"at_least": -100}, "text": "It grows."}, "measured": {"ci95": [4.5, 5.75], "meaningless": false,
         "value": 5.25}, "verdict": "shown"}],
         "plan": {"about": "A tiny plan.", "claims": [{"figure": "clean@1/eval/logit_difference", "name": "c",
         "published": "6.32", "rule": {"at_least": -100}, "text": "It grows."}], "model": "embedded",
         "name": "tiny", "prompts": {"count": 8, "seed": 1}, "stages": [{"measure": ["eval"], "name": "base"},
         {"dataset": "clean", "epochs": [1], "measure": ["eval"], "name": "clean"}], "training": {"batch": 8,
         "count": 16, "lr": 0.001, "seed": 0}}}
        """

    @Test func recordsOfEarlierVersionsAreRead() throws {
        let scratch = try TemporaryModel()
        try Data(Self.oldRecord.utf8).write(to: scratch.file(ReproductionRecord.fileName))
        let record = try ReproductionRecord(in: scratch.folder)
        #expect(record.plan.recipe == .plain && record.plan.training.batch == 8)
        #expect(record.published(record.claims[0]) == "6.32" && record.claims[0].publishedDifference == nil)
        let html = try ReproductionReport(of: scratch.folder).html
        #expect(html.contains("<td class=\"number\">6.32</td>") && html.contains("<td class=\"number\">5.25</td>"))
        // Nothing is added when it is written again, but for the precision, which was the only one.
        func object(_ data: Data) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        }
        var expected = try object(Data(Self.oldRecord.utf8))
        var environment = try #require(expected["environment"] as? [String: Any])
        environment["precision"] = "fp32"
        expected["environment"] = environment
        #expect(try object(JSONEncoder.readable.encode(record)) as NSObject == expected as NSObject)
    }

    @Test func whatIsMissingIsSaid() throws {
        let copy = try TemporaryModel().folder.appendingPathComponent("copy")
        try FileManager.default.createDirectory(
            at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: copy.deletingLastPathComponent()) }
        try FileManager.default.copyItem(at: Self.finished.folder, to: copy)
        let record = try ReproductionRecord(in: copy)
        let file = try #require(record.measurements.first { $0.measure.kind == .mlps }).file
        try FileManager.default.removeItem(at: copy.appendingPathComponent(file))
        let html = try ReproductionReport(of: copy).html
        #expect(html.contains("Missing: ") && html.contains(file) && html.contains(">Claims</a></h2>"))
        let error = #expect(throws: IOIError.self) {
            try ReproductionReport(of: copy.appendingPathComponent("results"))
        }
        #expect(error?.description.contains("reproduce.json") == true)
    }
}
