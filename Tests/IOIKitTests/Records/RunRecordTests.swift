import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The records of a run folder are checked like options.
@Suite(.serialized) struct RunRecordTests {
    /// A copy, because it is changed.
    private static let run: (model: TemporaryModel, folder: URL) = {
        let (model, folder) = RunReportTests.finished
        let copy = model.file("changed")
        try! FileManager.default.copyItem(at: folder, to: copy)
        return (model, copy)
    }()

    private static func file(_ path: String) -> URL { run.folder.appendingPathComponent(path) }

    static let settings = [
        JSONMutation("settings.batch", "0", "settings.batch: found 0, expected 1 to 65536"),
        JSONMutation(
            "settings.epochs", "4611686018427387904", "settings.epochs: found 4611686018427387904, expected 1"),
        JSONMutation("settings.epochs", "1000000000000", "settings.epochs: found 1000000000000, expected 1 to 100000"),
        JSONMutation("settings.checkpoint_every", "0", "settings.checkpoint_every: found 0"),
        JSONMutation("settings.threads", "-5", "settings.threads: found -5"),
        JSONMutation("settings.max_steps", "-1", "settings.max_steps: found -1"),
        JSONMutation("settings.dropout", "1", "settings.dropout: found 1.0"),
        JSONMutation("settings.save_at", "[9]", "settings.save_at: found 9, expected epochs from 1 to 4"),
        JSONMutation("settings.optimizer.lr", "-1", "settings.optimizer.lr: found -1.0"),
        JSONMutation("settings.optimizer.beta1", "2", "settings.optimizer.beta1: found 2.0, expected from 0, below 1"),
        JSONMutation("settings.optimizer.beta2", "1", "settings.optimizer.beta2: found 1.0, expected from 0, below 1"),
        JSONMutation("settings.optimizer.epsilon", "0", "settings.optimizer.epsilon: found 0.0"),
        JSONMutation("settings.optimizer.weight_decay", "-1e9", "settings.optimizer.weight_decay: found -1000000000.0"),
        JSONMutation("settings.optimizer.clip", "-1", "settings.optimizer.clip: found -1.0"),
        JSONMutation("settings.schedule.warm_up", "-1", "settings.schedule.warm_up: found -1"),
        JSONMutation("settings.loss", "\"some\"", "settings.loss: found \"some\""),
        JSONMutation("settings.epochs", "2.5", "found a number that is not whole"),
        JSONMutation("dataset.count", "0", "dataset.count: found 0"),
        JSONMutation("prompts.count", "99999999", "prompts.count: found 99999999, expected 1 to 10000000"),
        JSONMutation("prompts.count", "1000000", "prompts.count: found 1000000, expected dataset.count, 21"),
        JSONMutation("held_out.count", "0", "held_out.count: found 0"),
        JSONMutation("prompts", nil, "expected either \"prompts\" or \"text\" to train on"),
        JSONMutation("text", "{\"paths\": []}", "expected either \"prompts\" or \"text\" to train on"),
        JSONMutation("settings", nil, "settings: found nothing"),
    ]

    @Test(arguments: settings)
    func configs(_ mutation: JSONMutation) throws {
        let config = Self.file("config.json")
        try mutation.apply(to: config) {
            for read in [{ _ = try RunReport(of: Self.run.folder) }, { _ = try Self.resume() }] {
                expectError(containing: "\(config.path): ", mutation.message, from: read)
            }
        }
    }

    private static func resume() throws -> FinetuneJob {
        try FinetuneJob.resume(RunFolder(run.folder), load: { _ in try run.model.load() })
    }

    @Test func aKeyThatIsThereTwiceIsRefused() throws {
        let config = Self.file("config.json")
        let before = try Data(contentsOf: config)
        defer { try? before.write(to: config) }
        let text = String(decoding: before, as: UTF8.self).replacing(
            "\"epochs\" :", with: "\"epochs\" : 9, \"epochs\" :")
        try Data(text.utf8).write(to: config)
        expectError(containing: "\(config.path): settings: found the key \"epochs\" twice") { try Self.resume() }
    }

    /// 4 epochs of 3 steps; epochs 1, 3 and 4 are kept.
    static let progress = [
        JSONMutation(
            "step", "9007199254740992", "step: found 9007199254740992, expected 1 to 12, the steps of the run"),
        JSONMutation("step", "0", "step: found 0, expected 1 or more"),
        JSONMutation("epoch", "0", "epoch: found 0, expected 1 or more"),
        JSONMutation("kept_epoch", "2", "kept_epoch: found 2, expected 1"),
        JSONMutation("step", "2", "kept_epoch: found 1, expected none"),
        JSONMutation("step", nil, "step: found nothing"),
    ]

    @Test(arguments: progress)
    func checkpoints(_ mutation: JSONMutation) throws {
        let file = Self.file("checkpoints/epoch-001/progress.json")
        try mutation.apply(to: file) {
            let report = try RunReport(of: Self.run.folder)
            #expect(report.problems.contains { $0.hasPrefix("\(file.path): ") && $0.contains(mutation.message) })
            expectError(containing: "\(file.path): ", mutation.message) { try Self.resume() }
        }
    }

    @Test func metricsAreStepsInOrder() throws {
        let file = Self.file("metrics.jsonl")
        let before = try Data(contentsOf: file)
        defer { try? before.write(to: file) }
        let text = String(decoding: before, as: UTF8.self)
        for (from, to, message) in [
            ("\"step\":2,", "\"step\":9007199254740992,", "line 3: found step 3 of epoch 1, expected a step above"),
            ("\"step\":2,", "\"step\":1,", "line 2: found step 1 of epoch 1, expected a step above 1"),
            ("\"step\":12,", "\"step\":13,", "found step 13, expected at most 12"),
            ("\"epoch\":2,", "\"epoch\":-2,", "line 4: found step 4 of epoch -2"),
            ("\"step\":2,", "\"step\":2,\"step\":2,", "line 2: found the key \"step\" twice"),
        ] {
            try Data(text.replacing(from, with: to).utf8).write(to: file)
            let report = try RunReport(of: Self.run.folder)
            #expect(report.problems.contains { $0.contains(file.path) && $0.contains(message) }, "\(message)")
        }
    }

    static let evaluations = [
        JSONMutation(
            "results.logit_difference.ci95", "[1]", "results.logit_difference.ci95: found [1], expected two numbers"),
        JSONMutation("results.logit_difference.ci95", "[2, 1]", "found [2,1], expected two numbers, the lower bound"),
        JSONMutation("results.ci95.accuracy", "[]", "results.ci95.accuracy: found []"),
        JSONMutation("results.by_order.ABBA.ci95.loss", "[1, 2, 3]", "results.by_order.ABBA.ci95.loss: found [1,2,3]"),
        JSONMutation("results.count", "\"x\"", "results.count: found \"x\", expected a number"),
        JSONMutation("results.io_rank", nil, "found another task than in the other evaluations"),
    ]

    @Test(arguments: evaluations)
    func results(_ mutation: JSONMutation) throws {
        let file = Self.file("results/eval-epoch-003.json")
        try mutation.apply(to: file) {
            let report = try RunReport(of: Self.run.folder)
            if mutation.field.hasSuffix("io_rank") {
                #expect(report.problems.contains { $0.hasPrefix("\(file.path): ") })
            } else {
                #expect(report.problems.contains { $0.hasPrefix("\(file.path): ") && $0.contains(mutation.message) })
            }
            #expect(report.html.contains("Missing: \(file.path)"))
        }
    }

    /// Numbers at the ends of what a file can hold are drawn.
    @Test(arguments: ["1e300", "-1e308", "5e-324", "0", "1e17"])
    func numbersOfAnySize(_ number: String) throws {
        let file = Self.file("results/eval-epoch-003.json")
        try JSONMutation("results.logit_difference.mean", number, "").apply(to: file) {
            let report = try RunReport(of: Self.run.folder)
            #expect(report.problems.isEmpty)
        }
        try JSONMutation("results.logit_difference.ci95", "[-1e308, \(number)]", "").apply(to: file) {
            let report = try RunReport(of: Self.run.folder)
            #expect(report.problems.isEmpty)
        }
    }
}
