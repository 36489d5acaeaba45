import Foundation

/// A model folder saved during a run, with the run's progress and, in the newest checkpoint, the optimizer state.
public struct Checkpoint: Codable, Sendable {
    /// `progress.json`.
    struct Progress: Codable, Equatable, CheckedRecord {
        /// Steps done.
        let step: Int
        /// The epoch of the last step, from 1.
        let epoch: Int
        /// The epoch whose end the checkpoint marks, if any.
        let keptEpoch: Int?
        /// SHA-256 of model.safetensors as it was written; nil in checkpoints of version 0.2.0.
        var model: String?
        /// The same of optimizer.safetensors.
        var optimizer: String?

        enum CodingKeys: String, CodingKey {
            case step, epoch
            case keptEpoch = "kept_epoch"
            case model = "model_sha256"
            case optimizer = "optimizer_sha256"
        }

        func check() throws {
            for (field, value) in [("step", step), ("epoch", epoch), ("kept_epoch", keptEpoch ?? 1)] where value < 1 {
                throw IOIError("\(field): found \(value), expected 1 or more")
            }
        }
    }

    public let folder: URL
    private let progress: Progress

    /// Steps done.
    public var step: Int { progress.step }
    /// The epoch whose end the checkpoint marks; nil for one saved between.
    public var keptEpoch: Int? { progress.keptEpoch }
    /// SHA-256 of the weights file as it was written; nil in checkpoints of version 0.2.0.
    public var sha256: String? { progress.model }

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
        var progress = progress
        try AtomicFolder.create(at: folder) { folder in
            progress.model = try GPT2.write(parameters, like: original, to: folder)
            // A borrowed circuit is borrowed by the checkpoint as well.
            if let circuit = DefaultCircuit(of: original, parameters.config),
                !circuit.isBorrowed(by: (try? SafetensorsSet.sha256(at: original.weightsFile)) ?? "")
            {
                try AtomicFile.write(
                    try InputFile.read(circuit.file),
                    to: folder.appendingPathComponent(original.circuitFile.lastPathComponent)
                )
            }
            progress.optimizer = try SafetensorsWriter.write(
                bytes: optimizer.first.tensors(prefix: "exp_avg.")
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
        self.init(folder: folder, progress: try InputFile.decode(Progress.self, from: file))
    }

    /// - Throws: `IOIError` that names the file and the field if a run of this schedule has no such step, or it ends
    ///   another epoch.
    func check(_ schedule: Schedule) throws {
        let file = Self.progressFile(in: folder)
        guard step <= schedule.steps else {
            throw IOIError("\(file.path): step: found \(step), expected 1 to \(schedule.steps), the steps of the run")
        }
        let epoch = schedule.epochEnding(at: step)
        guard keptEpoch == nil || keptEpoch == epoch else {
            throw IOIError(
                "\(file.path): kept_epoch: found \(keptEpoch!), expected \(epoch.map { "\($0)" } ?? "none"): the run has "
                    + "\(schedule.stepsPerEpoch) steps in an epoch"
            )
        }
    }

    private init(folder: URL, progress: Progress) {
        self.folder = folder
        self.progress = progress
    }

    /// Whether a run can resume from here.
    var holdsOptimizer: Bool { FileManager.default.fileExists(atPath: optimizerFile.path) }

    /// The weights, copied.
    ///
    /// - Throws: `IOIError` if they cannot be read, or are not those that were saved.
    func parameters(_ config: GPT2Config, workers: Workers) throws -> GPT2Parameters {
        let file = try SafetensorsFile(contentsOf: folder.appendingPathComponent("model.safetensors"))
        let copy = try GPT2Parameters(copying: file, prefix: "transformer.", config: config, workers: workers)
        try Self.check(file, progress.model)
        if let name = copy.firstNonFinite(workers: workers) {
            throw IOIError("\(file.url.path): tensor \(name) holds a NaN or an infinity, expected finite numbers")
        }
        return copy
    }

    /// - Parameter saved: the hash of the file that was saved.
    private static func check(_ file: SafetensorsFile, _ saved: String?) throws {
        guard let saved, try file.hash.value() != saved else { return }
        throw isAnother(file.url)
    }

    /// What to say of weights that have changed.
    static func isAnother(_ file: URL) -> IOIError {
        IOIError(
            "\(file.path): has changed since it was saved or first read, expected the same file; put it back, or start "
                + "anew"
        )
    }

    /// The state of the optimizer of a run of `settings`, as far as this one of the ranks moves it.
    ///
    /// - Throws: `IOIError` if it cannot be read, or is not what was saved.
    func optimizer(
        _ config: GPT2Config,
        settings: TrainingSettings,
        ranks: Ranks = .alone,
        workers: Workers
    ) throws -> AdamW {
        let file = try SafetensorsFile(contentsOf: optimizerFile)
        let parts = ranks.pieces(of: config).map { ranks.part(of: $0) }
        func moments(_ prefix: String) throws -> Moments {
            try Moments(
                file, prefix: prefix, config: config, precision: settings.moments, values: parts, workers: workers)
        }
        let optimizer = AdamW(
            first: try moments("exp_avg."), second: try moments("exp_avg_sq."), seed: settings.seed, step: step
        )
        try Self.check(file, progress.optimizer)
        return optimizer
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
