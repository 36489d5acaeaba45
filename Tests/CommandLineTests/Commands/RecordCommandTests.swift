import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Whole commands on records that someone changed: one line each, and an end.
@Suite struct RecordCommandTests: FinetuneRuns {
    private static func run() throws -> (model: TemporaryModel, folder: URL) {
        let model = try TemporaryModel()
        _ = try start(model, "run", settings: settings { ($0.epochs, $0.savedEpochs) = (1, []) }).train()
        return (model, model.file("run"))
    }

    @Test func aRunIsNotGoneOnWithByOtherSettings() async throws {
        let (model, folder) = try Self.run()
        let config = folder.appendingPathComponent("config.json")
        let before = try Data(contentsOf: config)
        for mutation in [
            JSONMutation(
                "settings.epochs", "1000000000000", "settings.epochs: found 1000000000000, expected 1 to 100000"),
            JSONMutation(
                "settings.optimizer.beta1", "2", "settings.optimizer.beta1: found 2.0, expected from 0, below 1"),
        ] {
            try mutation.applied(to: before).write(to: config)
            let resumed = try await Program.run(["finetune", "--resume", "--out", folder.path, "--max-steps", "9"])
            #expect(resumed.status == 1 && resumed.complaints == ["ioi: \(config.path): \(mutation.message)"])
        }
        try before.write(to: config)

        let metrics = folder.appendingPathComponent("metrics.jsonl")
        try FileManager.default.removeItem(at: metrics)
        #expect(mkfifo(metrics.path, 0o600) == 0)
        let waiting = try await Program.run(["finetune", "--resume", "--out", folder.path, "--epochs", "2"])
        #expect(
            waiting.status == 1
                && waiting.complaints == ["ioi: \(metrics.path): found a device or pipe, expected a file"])
        _ = model
    }

    @Test func aPageSaysWhatIsWrongAndIsWritten() async throws {
        let (model, folder) = try Self.run()
        let file = folder.appendingPathComponent("checkpoints/epoch-001/progress.json")
        let changed = try JSONMutation("step", "9007199254740992", "").applied(to: Data(contentsOf: file))
        try changed.write(to: file)
        let report = try await Program.run(["report", folder.path])
        #expect(report.status == 0 && report.output == "\(folder.path)/report.html\n")
        #expect(
            report.complaints.contains(
                "ioi: \(file.path): step: found 9007199254740992, expected 1 to 3, the steps of the run"))
        _ = model
    }

    @Test func aPlanIsCheckedBeforeAnythingIsDone() async throws {
        let model = try TemporaryModel()
        let plan = model.file("plan.json")
        for (from, to, message) in [
            (
                "clean@2/eval/logit_difference", "clean@2/eval/logit_diference",
                "claims[0].figure: found \"logit_diference\" in \"clean@2/eval/logit_diference\""
            ),
            (
                "\"from\"", "\"form\"",
                "stages[3]: found the key \"form\", expected one of count, dataset, epochs, extra, from, measure, name, "
                    + "recipe; did you mean \"from\"?"
            ),
            ("\"seed\": 1}", "\"seed\": 1, \"seed\": 2}", "prompts: found the key \"seed\" twice, expected it once"),
        ] {
            try Data(ReproduceCommandTests.plan.replacing(from, with: to).utf8).write(to: plan)
            for flags in [[], ["--dry-run"]] {
                let outcome = try await Program.run(
                    ["reproduce", "--plan", plan.path, "--model", model.model.path, "--out", "out"] + flags,
                    in: model.folder
                )
                #expect(outcome.status == 1 && outcome.complaints.count == 1)
                #expect(
                    outcome.complaints.first?.hasPrefix("ioi: \(plan.path): \(message)") == true, "\(outcome.errors)")
                #expect(!FileManager.default.fileExists(atPath: model.file("out").path))
            }
        }
    }
}
