import Foundation
import TestSupport
import Testing

@testable import IOIKit

@Suite struct ModelOrRunTests: FinetuneRuns {
    /// The folder of a run stands for the checkpoint of its last step, that of a model for itself.
    @Test func aRunStandsForItsNewestCheckpoint() throws {
        let model = try TemporaryModel()
        _ = try Self.start(model, "run", heldOut: nil).train()
        let newest = model.file("run/checkpoints/epoch-004")
        for path in [model.file("run").path, model.file("run").path + "/"] {
            let found = try ModelLocation.find(modelOrRun: path)
            #expect(found.folder == newest.standardizedFileURL && found.name == "epoch-004")
            #expect(found.run?.path == model.file("run").path)
        }
        for path in [model.model.path, newest.path] {
            let found = try ModelLocation.find(modelOrRun: path)
            #expect(try found == ModelLocation.find(path) && found.run == nil)
        }
        // A later step counts, whatever its name and age.
        let step = model.file("run/checkpoints/step-000099")
        try FileManager.default.copyItem(at: newest, to: step)
        let progress = step.appendingPathComponent("progress.json")
        let text = try String(contentsOf: progress, encoding: .utf8)
        let later = text.replacingOccurrences(of: #""step" : 12"#, with: #""step" : 99"#)
        #expect(later != text)
        try later.write(to: progress, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.modificationDate: Date.distantPast], ofItemAtPath: progress.path)
        #expect(try ModelLocation.find(modelOrRun: model.file("run").path).name == "step-000099")

        let checkpoints = model.file("run/checkpoints")
        try FileManager.default.removeItem(at: checkpoints)
        let empty = ioiError { _ = try ModelLocation.find(modelOrRun: model.file("run").path) }
        #expect(empty?.description == "\(model.file("run").path): found a run without checkpoints, expected one")
    }

    /// A plan has several runs; which one is meant is the user's to say.
    @Test func aPlansFolderIsRefusedWithItsRuns() throws {
        let model = try TemporaryModel()
        for name in ["clean", "more"] { _ = try Self.start(model, "plan/runs/\(name)", heldOut: nil).train() }
        let plan = model.file("plan").path
        let error = ioiError { _ = try ModelLocation.find(modelOrRun: plan) }
        #expect(
            error?.description
                == "\(plan): found the runs of a plan, expected one of them: \(plan)/runs/ and clean, more")
        #expect(try ModelLocation.find(modelOrRun: "\(plan)/runs/more").name == "epoch-004")
        let none = ioiError { _ = try ModelLocation.find(modelOrRun: model.folder.path) }
        #expect(none?.description == ioiError { _ = try ModelLocation.find(model.folder.path) }?.description)
    }

    @Test func theListHasModelsAndCheckpoints() throws {
        let model = try TemporaryModel()
        _ = try Self.start(model, "runs/clean", heldOut: nil).train()
        let base = try ModelLocation(folder: model.model)
        let problem = IOIError("models/x: found nothing")
        let list = ModelList(([base], [problem]), runs: RunSearch(in: model.file("runs")), standard: base)
        #expect(list.problems.map(\.description) == [problem.description])
        #expect(list.entries.map(\.location.name) == ["model", "epoch-001", "epoch-003", "epoch-004"])
        #expect(list.entries.map(\.isDefault) == [true, false, false, false])
        #expect(list.entries.map(\.run?.path) == [nil] + Array(repeating: model.file("runs/clean").path, count: 3))
        let size = try Data(contentsOf: model.model.appendingPathComponent("model.safetensors")).count
        #expect(list.entries.allSatisfy { $0.bytes == size && ($0.config.layers, $0.config.heads) == (2, 4) })
    }
}
