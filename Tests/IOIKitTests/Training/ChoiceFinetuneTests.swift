import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Fine-tuning on tasks that are not indirect-object identification.
@Suite struct ChoiceFinetuneTests {
    static func source(_ task: String, count: Int, heldOut: Bool = false) -> PromptSource {
        var source = PromptSource(count: count)
        source.dataset = task
        source.heldOut = heldOut
        return source
    }

    @Test func theEmbeddedModelLearnsAgreement() throws {
        let workers = Workers(count: 2)
        let model = try GPT2(ModelLocation(folder: DataDirectory.file("embedded")), workers: workers)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ioi-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        var settings = TrainingSettings(epochs: 4, threads: 2, savedEpochs: [])
        settings.optimizer.learningRate = 1e-3
        let job = try FinetuneJob.start(
            in: RunFolder(folder), from: model, on: .prompts(Self.source("agreement", count: 3200)),
            heldOut: Self.source("agreement", count: 400, heldOut: true), settings: settings
        )
        #expect(job.record.dataset.name == "agreement" && job.record.dataset.count == 3200)
        var evaluations: [ChoiceEvaluation] = []
        let outcome = try job.train(observe: { event in
            if case .evaluated(_, .choice(let evaluation)) = event { evaluations.append(evaluation) }
        })
        #expect(outcome == .finished && evaluations.count == 2)
        let (before, after) = (evaluations[0].all, evaluations[1].all)
        #expect(before.accuracy.bounds[1] < 0.6, "\(before)")
        #expect(after.accuracy.bounds[0] > 0.65, "\(after)")
        #expect(after.probabilityDifference.bounds[0] > before.probabilityDifference.bounds[1])
        #expect(after.loss.mean < before.loss.mean)
    }

    @Test func aRunOnAnotherTaskGoesOnAsIfItHadNotStopped() throws {
        let model = try TemporaryModel(knowing: ChoiceFixture.texts)
        func start(_ name: String) throws -> FinetuneJob {
            try FinetuneJob.start(
                in: RunFolder(model.file(name)), from: model.load(),
                on: .prompts(Self.source("greater-than", count: 21)),
                heldOut: Self.source("greater-than", count: 10, heldOut: true), settings: FinetuneTests.settings()
            )
        }
        _ = try start("whole").train()
        var steps = 0
        let outcome = try start("parts").train(shouldStop: { steps == 5 }) { if case .step = $0 { steps += 1 } }
        #expect(outcome == .interrupted)
        #expect(try FinetuneTests.resume(model, "parts").train() == .finished)
        let path = "checkpoints/epoch-004/model.safetensors"
        #expect(try FinetuneTests.digest(model, "whole/\(path)") == FinetuneTests.digest(model, "parts/\(path)"))
        let losses = try FinetuneTests.losses(model, "whole").map(\.loss)
        #expect(losses.last! < losses.first!)
        struct Document: Decodable {
            let command: String
            let options: EvaluationExperiment
            let results: ChoiceEvaluation
        }
        let document = try JSONDecoder().decode(
            Document.self, from: FinetuneTests.bytes(model, "parts/results/eval-epoch-004.json")
        )
        #expect(document.command == "eval" && document.options.prompts.task == .greaterThan)
        #expect(document.results.all.count == 10)
    }
}
