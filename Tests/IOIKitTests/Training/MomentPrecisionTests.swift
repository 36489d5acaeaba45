import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Training with moments in bfloat16.
@Suite struct MomentPrecisionTests: FinetuneRuns {
    private static let halves = settings { $0.moments = .bf16 }

    @Test func resumedRunsAreTheSame() throws {
        let model = try TemporaryModel()
        _ = try Self.start(model, "whole", settings: Self.halves).train()
        let job = try Self.start(model, "parts", settings: Self.halves)
        var steps = 0
        _ = try job.train(shouldStop: { steps == 4 }) { event in
            if case .step = event { steps += 1 }
        }
        #expect(try FinetuneTests.resume(model, "parts").train() == .finished)
        #expect(try RunFolder(model.file("parts")).record().settings.moments == .bf16)
        for name in ["model", "optimizer"] {
            let path = "checkpoints/epoch-004/\(name).safetensors"
            #expect(try Self.digest(model, "whole/\(path)") == Self.digest(model, "parts/\(path)"))
        }
        let file = try SafetensorsFile(
            contentsOf: model.file("whole/checkpoints/epoch-004/optimizer.safetensors"))
        #expect(file.tensors.values.allSatisfy { $0.dtype == .bf16 })
        #expect(file.tensors.count == 2 * GPT2Parameters.entries(of: try model.load().config).count)
    }

    @Test func lossesAreNearAndSeedsDiffer() throws {
        let model = try TemporaryModel()
        func losses(_ name: String, _ change: (inout TrainingSettings) -> Void) throws -> [Double] {
            let settings = Self.settings {
                $0.isShuffled = false
                change(&$0)
            }
            _ = try Self.start(model, name, heldOut: nil, settings: settings).train()
            return try Self.losses(model, name).map(\.loss)
        }
        let exact = try losses("exact") { _ in }
        let rounded = try losses("rounded") { $0.moments = .bf16 }
        #expect(exact.first! - exact.last! > 0.01 * exact.first!)
        for (loss, expected) in zip(rounded, exact) { #expect(abs(loss - expected) < 1e-2 * expected) }
        #expect(rounded != exact)
        // Without dropout and in the order of the file, a seed is that of the rounding alone.
        #expect(try losses("exact 1") { $0.seed = 1 } == exact)
        #expect(
            try losses("rounded 1") {
                $0.moments = .bf16
                $0.seed = 1
            } != rounded)
    }

    @Test func olderRunsWereInSinglePrecision() throws {
        var fields = try #require(
            try JSONSerialization.jsonObject(with: JSONEncoder().encode(Self.halves)) as? [String: Any])
        #expect(fields.removeValue(forKey: "moments") as? String == "bf16")
        let older = try JSONSerialization.data(withJSONObject: fields)
        #expect(try JSONDecoder().decode(TrainingSettings.self, from: older).moments == .fp32)
    }

    /// The estimate that training is refused by is what its arenas take.
    @Test(arguments: [nil, 1.0], MomentPrecision.allCases)
    func theEstimateIsWhatIsTaken(_ clip: Double?, _ moments: MomentPrecision) throws {
        // As large as GPT-2 XL, of which nothing is written: what other tests take meanwhile is little beside it.
        let config = try GPT2Config(vocabularySize: 50257, contextLength: 1024, width: 1600, layers: 48, heads: 25)
        let settings = Self.settings {
            $0.optimizer.clip = clip
            $0.moments = moments
            $0.dropout = clip == nil ? 0 : 0.1
        }
        let capacity = BatchCapacity(
            lengths: Array(repeating: 127, count: 10), count: 10, rows: clip == nil ? .last : .all)
        let before = Arena.mapped
        let parameters = GPT2Parameters(zeros: config)
        let optimizer = AdamW(config, moments: moments)
        let step = TrainingStep(
            parameters, capacity: capacity, hasDropout: settings.dropout > 0, settings: settings.optimizer,
            workers: Workers(count: 1)
        )
        let taken = Arena.mapped - before
        withExtendedLifetime((optimizer, step)) {}
        let estimate = TrainingStep.bytes(config, capacity, settings)
        #expect(abs(Double(taken) / Double(estimate) - 1) < 0.03)
    }
}
