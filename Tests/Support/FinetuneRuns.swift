import Foundation
import GPT2Kit
import IOIKit

/// Short fine-tunings of small models, for the suites that need one.
package protocol FinetuneRuns {}

extension FinetuneRuns {
    /// 4 epochs of 3 steps, the last of each smaller than the others.
    package static func settings(_ change: (inout TrainingSettings) -> Void = { _ in }) -> TrainingSettings {
        var settings = TrainingSettings(epochs: 4, batch: 8, threads: 2, savedEpochs: [1, 3])
        settings.optimizer.learningRate = 1e-3
        change(&settings)
        return settings
    }

    package static func source(_ dataset: String = "clean", count: Int = 21, heldOut: Bool = false) -> PromptSource {
        var source = PromptSource(count: count)
        source.dataset = dataset
        source.heldOut = heldOut
        return source
    }

    package static func start(
        _ model: TemporaryModel,
        _ name: String,
        dataset: String = "clean",
        heldOut: Int? = 10,
        settings: TrainingSettings = settings()
    ) throws -> FinetuneJob {
        try FinetuneJob.start(
            in: RunFolder(model.file(name)), from: model.load(), on: .prompts(source(dataset)),
            heldOut: heldOut.map { source(count: $0, heldOut: true) }, settings: settings
        )
    }

    /// Equal for equal files. (What differs between two long files takes the test library minutes to find.)
    package static func digest(_ model: TemporaryModel, _ path: String) throws -> String {
        try Digest.sha256(of: model.file(path))
    }

    /// The steps and losses that a run wrote down.
    package static func losses(_ model: TemporaryModel, _ name: String) throws -> [StepMetrics] {
        try String(contentsOf: model.file("\(name)/metrics.jsonl"), encoding: .utf8)
            .split(separator: "\n").map { try JSONDecoder().decode(StepMetrics.self, from: Data($0.utf8)) }
    }
}
