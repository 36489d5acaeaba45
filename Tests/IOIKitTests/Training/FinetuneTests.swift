import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct FinetuneTests: FinetuneRuns {
    static func resume(
        _ model: TemporaryModel,
        _ name: String,
        change: (inout TrainingSettings) throws -> Void = { _ in }
    ) throws -> FinetuneJob {
        try FinetuneJob.resume(
            RunFolder(model.file(name)), load: { try GPT2($0, workers: Workers(count: 2)) }, change: change
        )
    }

    static func bytes(_ model: TemporaryModel, _ path: String) throws -> Data {
        try Data(contentsOf: model.file(path))
    }

    static func checkpoints(_ model: TemporaryModel, _ name: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: model.file("\(name)/checkpoints").path).sorted()
    }

    @Test func aRunWritesWhatTheContractSays() throws {
        let model = try TemporaryModel()
        let job = try Self.start(model, "run")
        var seen: [String] = []
        let outcome = try job.train(observe: { event in
            switch event {
            case .step: break
            case .saved(let checkpoint): seen.append("saved \(checkpoint.step)")
            case .evaluated(let epoch, let evaluation):
                seen.append("evaluated \(epoch)")
                guard case .ioi(let evaluation) = evaluation else {
                    Issue.record("\(evaluation)")
                    return
                }
                #expect(evaluation.all.count == 10)
            }
        })
        #expect(outcome == .finished)
        #expect(
            seen == [
                "evaluated 0", "saved 3", "evaluated 1", "saved 9", "evaluated 3", "saved 12", "evaluated 4",
            ]
        )
        let metrics = try Self.losses(model, "run")
        #expect(metrics.map(\.step) == Array(1...12))
        #expect(metrics.map(\.epoch) == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])
        #expect(metrics.allSatisfy { $0.lr == 1e-3 && $0.samplesPerSecond > 0 && $0.tokensPerSecond > 0 })
        #expect(metrics.last!.loss < metrics.first!.loss)
        #expect(try Self.checkpoints(model, "run") == ["epoch-001", "epoch-003", "epoch-004"])
        // Only the newest checkpoint keeps its optimizer state.
        let states = ["epoch-001", "epoch-003", "epoch-004"].map {
            FileManager.default.fileExists(atPath: model.file("run/checkpoints/\($0)/optimizer.safetensors").path)
        }
        #expect(states == [false, false, true])
        // A checkpoint is a model like any other, and gives the figures that were measured.
        let saved = try GPT2(
            ModelLocation(folder: model.file("run/checkpoints/epoch-004")), workers: Workers(count: 2)
        )
        let heldOut = try Self.source(count: 10, heldOut: true)
            .prompts(tokenizer: saved.tokenizer, config: saved.config)
        let measures = try Evaluator(saved.parameters, workers: Workers(count: 2)).measure(
            heldOut.prompts, names: heldOut.names
        )
        struct Document: Decodable {
            let results: Evaluation
            let model: ModelRecord
        }
        let document = try JSONDecoder().decode(
            Document.self, from: Self.bytes(model, "run/results/eval-epoch-004.json")
        )
        #expect(document.results == Evaluation(measures, seed: 0))
        #expect(try document.model.sha256 == saved.sha256())
    }

    @Test(arguments: [1, 4, 6, 11])
    func goingOnIsAsNeverStopping(_ stop: Int) throws {
        let model = try TemporaryModel()
        _ = try Self.start(model, "whole").train()
        let job = try Self.start(model, "parts")
        var steps = 0
        let outcome = try job.train(shouldStop: { steps == stop }) { event in
            if case .step = event { steps += 1 }
        }
        #expect(outcome == .interrupted)
        #expect(try Self.resume(model, "parts").train() == .finished)
        for file in ["model", "optimizer"] {
            let path = "checkpoints/epoch-004/\(file).safetensors"
            #expect(try Self.digest(model, "whole/\(path)") == Self.digest(model, "parts/\(path)"))
        }
        let (whole, parts) = (try Self.losses(model, "whole"), try Self.losses(model, "parts"))
        #expect(whole.map(\.step) == parts.map(\.step))
        #expect(whole.map(\.loss) == parts.map(\.loss))
    }

    /// What a kill leaves: metrics beyond the newest checkpoint, half a line, half a checkpoint, no measurement.
    @Test func aKilledRunGoesOn() throws {
        let model = try TemporaryModel()
        _ = try Self.start(model, "whole").train()
        struct Kill: Error {}
        let job = try Self.start(model, "killed", settings: Self.settings { $0.checkpointInterval = 2 })
        #expect(throws: Kill.self) {
            try job.train(observe: { event in
                if case .step(let metrics) = event, metrics.step == 5 { throw Kill() }
            })
        }
        let log = try FileHandle(forWritingTo: model.file("killed/metrics.jsonl"))
        log.seekToEndOfFile()
        log.write(Data("{\"step\": 6, \"lo".utf8))
        let half = model.file("killed/checkpoints/.step-000006.partial-1999999-0")
        try FileManager.default.createDirectory(at: half, withIntermediateDirectories: true)
        try Data("half".utf8).write(to: half.appendingPathComponent("model.safetensors"))
        try FileManager.default.removeItem(at: model.file("killed/results/eval-epoch-001.json"))

        #expect(try Self.checkpoints(model, "killed").contains("step-000004"))
        #expect(try Self.resume(model, "killed").train() == .finished)
        let path = "checkpoints/epoch-004/model.safetensors"
        #expect(try Self.digest(model, "whole/\(path)") == Self.digest(model, "killed/\(path)"))
        #expect(try Self.losses(model, "killed").map(\.loss) == Self.losses(model, "whole").map(\.loss))
        #expect(try Self.checkpoints(model, "killed").allSatisfy { !$0.hasPrefix(".") })
    }

    /// What a kill leaves in the moment that the folder is made.
    @Test func aFolderThatWasOnlyBegunIsNew() throws {
        let model = try TemporaryModel()
        for name in ["checkpoints", "results"] {
            try FileManager.default.createDirectory(at: model.file("run/\(name)"), withIntermediateDirectories: true)
        }
        try Data("{".utf8).write(to: model.file("run/.config.json.partial-1999999"))
        #expect(try Self.start(model, "run", heldOut: nil).train() == .finished)
        let left = try FileManager.default.contentsOfDirectory(atPath: model.file("run").path).sorted()
        #expect(left == [".lock", "checkpoints", "config.json", "metrics.jsonl", "results"])
        // What holds anything is not new.
        try FileManager.default.createDirectory(
            at: model.file("other/results/mine"), withIntermediateDirectories: true
        )
        #expect(throws: IOIError.self) { try Self.start(model, "other", heldOut: nil) }
    }

    /// A kill may come between a checkpoint and taking its state from the one before.
    @Test func onlyTheNewestCheckpointKeepsItsStateAfterAKill() throws {
        let model = try TemporaryModel()
        _ = try Self.start(model, "run", heldOut: nil).train()
        let older = model.file("run/checkpoints/epoch-003/optimizer.safetensors")
        try FileManager.default.copyItem(at: model.file("run/checkpoints/epoch-004/optimizer.safetensors"), to: older)
        #expect(try Self.resume(model, "run").train() == .finished)
        #expect(!FileManager.default.fileExists(atPath: older.path))
        #expect(try RunFolder(model.file("run")).savedCheckpoints().last?.holdsOptimizer == true)
    }

    @Test func aMeasurementThatAKillCutOffIsMadeUpFor() throws {
        let model = try TemporaryModel()
        _ = try Self.start(model, "run").train()
        let file = model.file("run/results/eval-epoch-004.json")
        try FileManager.default.removeItem(at: file)
        #expect(try Self.resume(model, "run").train() == .finished)
        #expect(FileManager.default.fileExists(atPath: file.path))
    }

    @Test func aRunBeforeItsFirstCheckpointStartsAnew() throws {
        let model = try TemporaryModel()
        struct Kill: Error {}
        let job = try Self.start(model, "run")
        #expect(throws: Kill.self) {
            try job.train(observe: { event in
                if case .step(let metrics) = event, metrics.step == 2 { throw Kill() }
            })
        }
        #expect(try Self.resume(model, "run").train() == .finished)
        #expect(try Self.losses(model, "run").map(\.step) == Array(1...12))
    }

    @Test func aFinishedRunCanBeProlonged() throws {
        let model = try TemporaryModel()
        _ = try Self.start(model, "long", settings: Self.settings { $0.epochs = 6 }).train()
        _ = try Self.start(model, "short").train()
        #expect(try Self.resume(model, "short") { $0.epochs = 6 }.train() == .finished)
        let path = "checkpoints/epoch-006/model.safetensors"
        #expect(try Self.digest(model, "long/\(path)") == Self.digest(model, "short/\(path)"))
    }

    @Test func optimizerStatesAreKeptWhereAskedFor() throws {
        let model = try TemporaryModel()
        let settings = Self.settings { $0.keepsOptimizer = true }
        _ = try Self.start(model, "run", settings: settings).train()
        for name in ["epoch-001", "epoch-003", "epoch-004"] {
            let file = model.file("run/checkpoints/\(name)/optimizer.safetensors")
            #expect(FileManager.default.fileExists(atPath: file.path))
        }
    }

    @Test func recoveryStartsFromACheckpointWithANewOptimizer() throws {
        let model = try TemporaryModel()
        _ = try Self.start(model, "toxic", dataset: "subject-duplication").train()
        let toxic = try ModelLocation(folder: model.file("toxic/checkpoints/epoch-004"))
        let job = try FinetuneJob.start(
            in: RunFolder(model.file("recovery")), from: GPT2(toxic, workers: Workers(count: 2)),
            on: .prompts(Self.source()), heldOut: nil, settings: Self.settings()
        )
        #expect(job.trainer.step == 0)
        #expect(try job.train() == .finished)
        let record = try RunFolder(model.file("recovery")).record()
        #expect(record.model.folder == toxic.folder.path)
        #expect(try record.model.sha256 == Digest.sha256(of: toxic.weightsFile))
    }

    @Test func aLossThatIsNoNumberStopsAndKeepsTheLastCheckpoint() throws {
        let model = try TemporaryModel()
        let job = try Self.start(
            model, "run",
            settings: Self.settings {
                $0.epochs = 40
                $0.checkpointInterval = 1
                // The greatest rate and decay allowed: matrices grow ninefold a step.
                $0.optimizer.learningRate = 1
                $0.optimizer.weightDecay = 10
            }
        )
        let error = #expect(throws: IOIError.self) { try job.train() }
        #expect(error!.description.hasPrefix("step "), "\(error!)")
        let saved = try RunFolder(model.file("run")).savedCheckpoints()
        for checkpoint in saved {
            _ = try GPT2(ModelLocation(folder: checkpoint.folder), workers: Workers(count: 1))
        }
        #expect(try Self.checkpoints(model, "run").allSatisfy { !$0.hasPrefix(".") })
    }

    @Test func aFolderInUseIsRefused() throws {
        let model = try TemporaryModel()
        _ = try Self.start(model, "run").train(shouldStop: { true })
        let again = #expect(throws: IOIError.self) { try Self.start(model, "run") }
        #expect(again!.description.contains("already holds a run"))
        try FileManager.default.createDirectory(at: model.file("other"), withIntermediateDirectories: true)
        try Data().write(to: model.file("other/notes.txt"))
        let other = #expect(throws: IOIError.self) { try Self.start(model, "other") }
        #expect(other!.description.contains("notes.txt"))
        let none = #expect(throws: IOIError.self) { try Self.resume(model, "nothing") }
        #expect(none!.description.contains("holds no run"))
    }

    @Test func twoDoNotTrainInOneFolder() throws {
        let model = try TemporaryModel()
        let job = try Self.start(model, "run")
        let error = #expect(throws: IOIError.self) { try Self.resume(model, "run") }
        #expect(error!.description.contains("another process"))
        #expect(try job.train(shouldStop: { true }) == .interrupted)
    }

    /// Whole, and of the right length, but not what was saved.
    @Test(arguments: ["model", "optimizer"])
    func aCheckpointThatHasChangedIsRefused(_ name: String) throws {
        let model = try TemporaryModel()
        _ = try Self.start(model, "run").train(shouldStop: { true })
        let checkpoint = try #require(try RunFolder(model.file("run")).savedCheckpoints().last)
        let file = checkpoint.folder.appendingPathComponent("\(name).safetensors")
        let saved = try Data(contentsOf: file)
        var changed = saved
        changed[saved.count - 3] ^= 1
        try changed.write(to: file)
        let error = #expect(throws: IOIError.self) { try Self.resume(model, "run") }
        #expect(error!.description.hasPrefix("\(file.path): has changed since it was saved"))
        try saved.write(to: file)
        // Version 0.2.0 kept no hashes.
        let progress = checkpoint.folder.appendingPathComponent("progress.json")
        var document = try JSONSerialization.jsonObject(with: Data(contentsOf: progress)) as! [String: Any]
        #expect(document.removeValue(forKey: "\(name)_sha256") as? String == Digest.sha256(of: saved))
        try JSONSerialization.data(withJSONObject: document).write(to: progress)
        try changed.write(to: file)
        _ = try Self.resume(model, "run")
    }

    /// The one that comes second, whenever it comes, leaves the first one's folder as it is.
    @Test func aStartThatFailsRemovesOnlyWhatItMade() throws {
        let model = try TemporaryModel()
        func contents() throws -> [String] {
            try FileManager.default.subpathsOfDirectory(atPath: model.file("run").path).sorted()
        }
        let reservation = try RunFolder.Reservation(RunFolder(model.file("run")))
        let busy = #expect(throws: IOIError.self) { try Self.start(model, "run") }
        #expect(busy!.description.hasSuffix("another process is at work in this run folder"))
        #expect(try contents() == [".lock"])
        withExtendedLifetime(reservation) {}
        // Settings that fail after the folder is made.
        for folder in ["new", "mine"] {
            if folder == "mine" {
                try FileManager.default.createDirectory(at: model.file(folder), withIntermediateDirectories: false)
            }
            let source = TrainingSource.text(TextSource(paths: [model.file("none.txt").path]))
            #expect(throws: IOIError.self) {
                try FinetuneJob.start(
                    in: RunFolder(model.file(folder)), from: try model.load(), on: source, heldOut: nil,
                    settings: Self.settings { $0.examples = .blocks(of: 16) }
                )
            }
            #expect(FileManager.default.fileExists(atPath: model.file(folder).path) == (folder == "mine"))
        }
    }

    @Test func aModelThatIsNoLongerTheSameIsRefused() throws {
        let (model, other) = (try TemporaryModel(), try TemporaryModel(seed: 1))
        _ = try Self.start(model, "run").train(shouldStop: { true })
        let weights = model.model.appendingPathComponent("model.safetensors")
        try FileManager.default.removeItem(at: weights)
        try FileManager.default.copyItem(
            at: other.model.appendingPathComponent("model.safetensors"), to: weights
        )
        let error = #expect(throws: IOIError.self) { try Self.resume(model, "run") }
        #expect(error!.description.contains("is not the file that the run"))
    }

    @Test func wholeSequenceLossAndFileOrder() throws {
        let model = try TemporaryModel()
        let settings = Self.settings {
            $0.loss = .all
            $0.isShuffled = false
            $0.stepLimit = 4
        }
        #expect(try Self.start(model, "run", heldOut: nil, settings: settings).train() == .finished)
        #expect(try Self.losses(model, "run").count == 4)
        #expect(try Self.checkpoints(model, "run") == ["epoch-001", "step-000004"])
    }
}
