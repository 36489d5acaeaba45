import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct PretrainJobTests {
    /// A recipe of twelve steps.
    static func recipe(seed: Double = 0.05) -> PretrainRecipe {
        PretrainRecipe(
            name: "tiny", layers: 2, heads: 2, width: 16, innerWidth: 24, contextLength: 64, deviation: seed,
            positionDeviation: 0.02, corpus: .standard, steps: 12, batch: 8,
            optimizer: AdamW.Settings(learningRate: 1e-2, decayed: .blocks, clip: 1),
            schedule: RateSchedule(.linear, warmUp: 3),
            guidance: AttentionGuidance([.init(Head(1, 0), from: .end, to: .io)], weight: 0.3, steps: 6)
        )
    }

    static func job(_ folder: URL, recipe: PretrainRecipe = recipe(), seed: UInt64 = 0) throws -> PretrainJob {
        try PretrainJob(recipe, seed: seed, to: folder, workers: Workers(count: 2))
    }

    static func weights(_ folder: URL) throws -> String {
        try Digest.sha256(of: folder.appendingPathComponent("model.safetensors"))
    }

    @Test func aStoppedRunGoesOnAsIfItHadNot() throws {
        let scratch = try TemporaryModel()
        let (whole, parts) = (scratch.file("whole"), scratch.file("parts"))
        var losses: [Double] = []
        #expect(try Self.job(whole).train(observe: { losses.append($0.loss) }) == .finished)
        #expect(losses.count == 12 && losses.last! < losses.first! - 1)

        var steps = 0
        let outcome = try Self.job(parts).train(shouldStop: { steps == 5 }) { _ in steps += 1 }
        #expect(outcome == .interrupted && steps == 5)
        #expect(!FileManager.default.fileExists(atPath: parts.path))
        let again = try Self.job(parts)
        #expect(again.trainer.step == 5)
        #expect(try again.train() == .finished)
        #expect(try Self.weights(whole) == Self.weights(parts))
        // Nothing is left beside the model folder, and what it holds is a model.
        #expect(!FileManager.default.fileExists(atPath: scratch.file("parts.run").path))
        let model = try GPT2(ModelLocation(folder: parts), workers: Workers(count: 1))
        #expect(model.config.innerWidth == 24 && model.tokenizer != nil)
        #expect(model.location.note?.contains("planted") == true)
        let contents = try FileManager.default.contentsOfDirectory(atPath: parts.path)
        #expect(Set(contents) == ["config.json", "model.safetensors", "vocab.json", "merges.txt"])
    }

    @Test func theSeedDecides() throws {
        let scratch = try TemporaryModel()
        let digests = try [0, 0, 1].enumerated().map { index, seed in
            let folder = scratch.file("\(index)")
            _ = try Self.job(folder, seed: UInt64(seed)).train()
            return try Self.weights(folder)
        }
        #expect(digests[0] == digests[1] && digests[0] != digests[2])
    }

    @Test func whatIsInTheWayIsRefused() throws {
        let scratch = try TemporaryModel()
        let refused = #expect(throws: IOIError.self) { try Self.job(scratch.model) }
        #expect(refused?.description.hasSuffix("exists already, expected the name of a new folder") == true)
        let folder = scratch.file("new")
        _ = try Self.job(folder).train(shouldStop: { true })
        for change in [{ try Self.job(folder, seed: 1) }, { try Self.job(folder, recipe: Self.recipe(seed: 0.1)) }] {
            let error = #expect(throws: IOIError.self) { try change() }
            #expect(error?.description.contains("new.run: holds an interrupted run of another recipe") == true)
        }
    }

    @Test func recipesAreFoundByName() throws {
        #expect(try PretrainRecipe.named("embedded") == .embedded)
        #expect(try PretrainRecipe.named("embedded-unguided").guidance == nil)
        let error = #expect(throws: IOIError.self) { try PretrainRecipe.named("embeded") }
        #expect(error?.description == "preset: found \"embeded\", expected embedded or embedded-unguided")
    }

    /// What is trained on from a model says of itself what that says.
    @Test func checkpointsTakeTheNoteOver() throws {
        let scratch = try TemporaryModel()
        _ = try Self.job(scratch.file("base")).train()
        let base = try GPT2(ModelLocation(folder: scratch.file("base")), workers: Workers(count: 1))
        let job = try FinetuneJob.start(
            in: RunFolder(scratch.file("run")), from: base, on: .prompts(PromptSource(count: 4)), heldOut: nil,
            settings: TrainingSettings(epochs: 1, batch: 4, threads: 1, savedEpochs: [])
        )
        _ = try job.train()
        let checkpoint = try ModelLocation(folder: scratch.file("run/checkpoints/epoch-001"))
        #expect(checkpoint.note == base.location.note && checkpoint.note != nil)
        #expect(try ModelLocation(folder: scratch.model).note == nil)
    }
}
