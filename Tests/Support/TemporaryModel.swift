import Foundation
import GPT2Kit
import IOIKit

/// A small random model that knows the task's words, in a folder of its own that goes with the object.
package final class TemporaryModel: Sendable {
    package let folder: URL
    package let model: URL

    /// - Parameter texts: others whose words it knows as well.
    package init(
        layers: Int = 2,
        heads: Int = 4,
        width: Int = 32,
        seed: UInt64 = 0,
        knowing texts: [String] = []
    ) throws {
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

    /// One for all tests that leave it as it is.
    package static let shared = try! TemporaryModel()

    /// A fresh path in the shared model's folder.
    package static func fresh() -> URL { shared.file(UUID().uuidString) }

    /// A circuit of a model of two layers with four heads each.
    package static let circuit = try! Circuit(
        model: "small",
        classes: [
            HeadClass(name: "late", heads: [Head(1, 0), Head(1, 2), Head(1, 3)], position: .one(.end)),
            HeadClass(name: "early", heads: [Head(0, 1), Head(0, 2)], position: .one(.s2)),
        ]
    )

    deinit { try? FileManager.default.removeItem(at: folder) }

    package func load() throws -> GPT2 {
        try GPT2(ModelLocation(folder: model), workers: Workers(count: 2))
    }

    package func file(_ name: String) -> URL { folder.appendingPathComponent(name) }
}
