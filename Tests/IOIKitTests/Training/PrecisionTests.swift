import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Training with products in bfloat16.
@Suite(.enabled(if: Precision.bf16.isAvailable())) struct PrecisionTests: FinetuneRuns {
    private static func settings(_ precision: Precision) -> TrainingSettings {
        settings { $0.precision = precision }
    }

    /// The weights stay in single precision, and the parts that products use follow them.
    @Test(arguments: [Precision.bf16, .bf16x3]) func resumedRunsAreTheSame(_ precision: Precision) throws {
        let model = try TemporaryModel()
        _ = try Self.start(model, "whole", settings: Self.settings(precision)).train()
        _ = try Self.start(model, "again", settings: Self.settings(precision)).train()
        let job = try Self.start(model, "parts", settings: Self.settings(precision))
        var steps = 0
        _ = try job.train(shouldStop: { steps == 4 }) { event in
            if case .step = event { steps += 1 }
        }
        #expect(try FinetuneTests.resume(model, "parts").train() == .finished)
        #expect(try RunFolder(model.file("parts")).record().settings.precision == precision)
        let path = "checkpoints/epoch-004/model.safetensors"
        let whole = try Self.digest(model, "whole/\(path)")
        #expect(try Self.digest(model, "again/\(path)") == whole && Self.digest(model, "parts/\(path)") == whole)
    }

    /// Eight bits change a loss by a thousandth or so; 24 bits do not.
    @Test func lossesAreNear() throws {
        let model = try TemporaryModel()
        let losses = try Precision.allCases.map { precision in
            let name = precision.rawValue
            _ = try Self.start(model, name, heldOut: nil, settings: Self.settings(precision)).train()
            return try Self.losses(model, name).map(\.loss)
        }
        let (exact, three, one) = (losses[0], losses[1], losses[2])
        #expect(exact.first! - exact.last! > 0.01 * exact.first!)
        for (step, loss) in exact.enumerated() {
            #expect(abs(three[step] - loss) < 1e-5 * loss)
            #expect(abs(one[step] - loss) < 1e-2 * loss)
        }
        #expect(one != exact)
    }

    /// A run that a version before precisions wrote was in single precision.
    @Test func olderRunsWereInSinglePrecision() throws {
        let settings = try JSONEncoder().encode(Self.settings(.bf16))
        var fields = try #require(try JSONSerialization.jsonObject(with: settings) as? [String: Any])
        #expect(fields.removeValue(forKey: "precision") as? String == "bf16")
        let older = try JSONSerialization.data(withJSONObject: fields)
        #expect(try JSONDecoder().decode(TrainingSettings.self, from: older).precision == .fp32)
    }
}
