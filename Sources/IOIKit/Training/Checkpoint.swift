import Foundation

/// A model folder saved during a run, with the run's progress and, in the newest checkpoint, the optimizer state.
public struct Checkpoint: Sendable {
    /// `progress.json`.
    struct Progress: Codable, Equatable {
        /// Steps done.
        let step: Int
        /// The epoch of the last step, from 1.
        let epoch: Int
        /// The epoch whose end the checkpoint marks, if any.
        let keptEpoch: Int?

        enum CodingKeys: String, CodingKey {
            case step, epoch
            case keptEpoch = "kept_epoch"
        }
    }

    public let folder: URL
    private let progress: Progress

    /// Steps done.
    public var step: Int { progress.step }
    /// The epoch whose end the checkpoint marks; nil for one saved between.
    public var keptEpoch: Int? { progress.keptEpoch }

    /// When it was saved; the distant past if that is unknown.
    var saved: Date {
        let file = Self.progressFile(in: folder)
        return (try? file.resourceValues(forKeys: [.contentModificationDateKey]))?.contentModificationDate
            ?? .distantPast
    }

    private static func progressFile(in folder: URL) -> URL { folder.appendingPathComponent("progress.json") }

    var optimizerFile: URL { folder.appendingPathComponent("optimizer.safetensors") }

    /// Saves a checkpoint atomically.
    ///
    /// - Parameter original: the model whose config, tokenizer and circuit are copied.
    static func write(
        to folder: URL,
        parameters: GPT2Parameters,
        optimizer: AdamW,
        progress: Progress,
        original: ModelLocation
    ) throws -> Checkpoint {
        try AtomicFolder.create(at: folder) { folder in
            try GPT2.write(parameters, like: original, to: folder)
            if let circuit = DataDirectory.circuit(of: original) {
                try AtomicFile.write(
                    try InputFile.read(circuit),
                    to: folder.appendingPathComponent(original.circuitFile.lastPathComponent)
                )
            }
            try SafetensorsWriter.write(
                optimizer.first.tensors(prefix: "exp_avg.")
                    + optimizer.second.tensors(prefix: "exp_avg_sq."),
                to: folder.appendingPathComponent("optimizer.safetensors")
            )
            try AtomicFile.write(JSONEncoder.readable.encode(progress), to: progressFile(in: folder))
        }
        return Checkpoint(folder: folder, progress: progress)
    }

    /// - Throws: `IOIError` if `progress.json` cannot be read.
    init(folder: URL) throws {
        let file = Self.progressFile(in: folder)
        let progress = try InputFile.decode(Progress.self, from: file)
        guard progress.step > 0 else {
            throw IOIError("\(file.path): step: found \(progress.step), expected 1 or more")
        }
        self.init(folder: folder, progress: progress)
    }

    private init(folder: URL, progress: Progress) {
        self.folder = folder
        self.progress = progress
    }

    /// Whether a run can resume from here.
    var holdsOptimizer: Bool { FileManager.default.fileExists(atPath: optimizerFile.path) }

    func optimizer(_ config: GPT2Config, workers: Workers) throws -> AdamW {
        let file = try SafetensorsFile(contentsOf: optimizerFile)
        func moments(_ prefix: String) throws -> GPT2Parameters {
            GPT2Parameters(copying: try GPT2Parameters(file, prefix: prefix, config: config), workers: workers)
        }
        return AdamW(first: try moments("exp_avg."), second: try moments("exp_avg_sq."), step: step)
    }

    /// Deletes the optimizer state, two thirds of the checkpoint, which only the newest checkpoint needs.
    func dropOptimizer() throws {
        guard holdsOptimizer else { return }
        do {
            try FileManager.default.removeItem(at: optimizerFile)
        } catch {
            throw IOIError("\(optimizerFile.path): cannot be removed: \(error.localizedDescription)")
        }
    }
}
