import Foundation

@testable import GPT2Kit
@testable import IOIKit

/// A small random model that knows the task's words, in a folder of its own that goes with the object.
final class TemporaryModel: Sendable {
    let folder: URL
    let model: URL

    /// - Parameter texts: others whose words it knows as well.
    init(layers: Int = 2, heads: Int = 4, width: Int = 32, seed: UInt64 = 0, knowing texts: [String] = []) throws {
        folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
            .appendingPathComponent("ioi-\(UUID().uuidString)")
        model = folder.appendingPathComponent("model")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let tokenizer = try BPETokenizer.covering(.standard(), .standard(), and: texts)
        let config = try GPT2Config(
            vocabularySize: tokenizer.vocabularySize, contextLength: 48, width: width, layers: layers, heads: heads
        )
        let parameters = GPT2Parameters(random: config, seed: seed, deviation: 0.1, workers: Workers(count: 2))
        try GPT2.write(parameters, tokenizer: tokenizer, to: model)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func load() throws -> GPT2 {
        try GPT2(ModelLocation(folder: model), workers: Workers(count: 2))
    }

    func file(_ name: String) -> URL { folder.appendingPathComponent(name) }
}
