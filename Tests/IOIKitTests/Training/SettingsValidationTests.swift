import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Options out of range, by their names in results files.
@Suite struct SettingsValidationTests {
    static let settings: [(field: String, change: @Sendable (inout TrainingSettings) -> Void)] = [
        ("epochs", { $0.epochs = 0 }), ("batch", { $0.batch = 65537 }), ("lr", { $0.optimizer.learningRate = 0 }),
        ("lr", { $0.optimizer.learningRate = .nan }), ("weight_decay", { $0.optimizer.weightDecay = -0.1 }),
        ("clip", { $0.optimizer.clip = 0 }), ("warm_up", { $0.schedule.warmUp = -1 }),
        ("save_at", { $0.savedEpochs = [1, 4] }), ("save_at", { $0.savedEpochs = [0] }),
        ("checkpoint_every", { $0.checkpointInterval = 0 }), ("max_steps", { $0.stepLimit = 0 }),
        ("threads", { $0.threads = 0 }), ("dropout", { $0.dropout = 1 }), ("dropout", { $0.dropout = .nan }),
        ("block", { ($0.examples, $0.loss) = (.blocks(of: 1), .all) }), ("loss", { $0.examples = .blocks(of: 8) }),
    ]

    @Test(arguments: settings.indices)
    func trainingSettings(_ index: Int) throws {
        var settings = TrainingSettings(epochs: 3, threads: 1, savedEpochs: [1, 3])
        try settings.validate()
        let (field, change) = Self.settings[index]
        change(&settings)
        let error = ioiError { try settings.validate() }
        #expect(error?.field == field && error?.kind == .usage, "\(String(describing: error))")
    }

    static let sources: [(field: String, change: @Sendable (inout PromptSource) -> Void)] = [
        ("count", { $0.count = 0 }), ("count", { $0.count = 10_000_001 }), ("dataset", { $0.dataset = "dirty" }),
        ("names", { ($0.dataset, $0.names) = ("greater-than", "names.txt") }),
    ]

    @Test(arguments: sources.indices)
    func promptSources(_ index: Int) throws {
        var source = PromptSource(count: 8)
        try source.validate()
        let (field, change) = Self.sources[index]
        change(&source)
        let error = ioiError { try source.validate() }
        #expect(error?.field == field && error?.kind == .usage, "\(String(describing: error))")
        if field != "count" {
            source.file = "prompts.jsonl"
            try source.validate()
        }
    }
}
