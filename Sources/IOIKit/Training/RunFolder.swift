import Foundation

/// The folder of a training run: its options, metrics, checkpoints and results.
public struct RunFolder: Sendable {
    public let url: URL

    var configFile: URL { url.appendingPathComponent("config.json") }
    var metricsFile: URL { url.appendingPathComponent("metrics.jsonl") }
    var checkpoints: URL { url.appendingPathComponent("checkpoints") }
    public var results: URL { url.appendingPathComponent("results") }

    public init(_ url: URL) { self.url = url }

    /// - Throws: `IOIError` of kind `usage` for an empty path.
    public init(path: String) throws {
        guard !path.isEmpty else { throw IOIError.usage("found an empty name, expected a folder") }
        self.init(URL(fileURLWithPath: path))
    }

    public var holdsRun: Bool { FileManager.default.fileExists(atPath: configFile.path) }

    /// The fine-tuning run in a folder; nil if it holds none. A model folder has a `config.json` too.
    static func run(in folder: URL) -> RunFolder? {
        let run = RunFolder(folder)
        guard run.holdsRun, (try? ModelLocation(folder: folder)) == nil,
            (try? RecordKind.check(run.configFile, command: RunRecord.command)) != nil
        else { return nil }
        return run
    }

    /// - Throws: `IOIError` if the folder contains a run or other files.
    func refuseUsed() throws {
        if holdsRun {
            throw IOIError("\(url.path): already holds a run; resume it, or give another folder")
        }
        let contents = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        if let other = contents.sorted().first(where: { !isBeginning($0) }) {
            throw IOIError("\(url.path): holds other files (\(other)), expected a new folder")
        }
    }

    /// Whether an entry can be left behind by a process killed while creating the folder.
    private func isBeginning(_ name: String) -> Bool {
        if name == Self.lockName || PartialName.process(of: name) != nil { return true }
        guard let folder = [checkpoints, results].first(where: { $0.lastPathComponent == name }) else { return false }
        return (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?.isEmpty == true
    }

    /// A folder that is locked for a new run. What was made for it is removed with this, unless the run has started.
    public final class Reservation {
        let lock: FileLock
        private let run: RunFolder
        /// What was made for the run, in order.
        private var made: [URL] = []

        /// - Throws: `IOIError` if the folder cannot be made, is in use, or contains a run or other files.
        public init(_ run: RunFolder) throws {
            self.run = run
            // Nothing is made in a folder of something else.
            try run.refuseUsed()
            if try OutputFolder.make(run.url) { made.append(run.url) }
            lock = try run.lock()
            if !made.isEmpty { made.append(run.lockFile) }
            try run.refuseUsed()
        }

        /// Removes what was made, as far as nobody has put anything in it.
        deinit {
            for url in made.reversed() where unlink(url.path) != 0 { rmdir(url.path) }
        }

        /// Starts the run.
        func begin(_ record: some Encodable) throws {
            try run.begin(record) { made.append($0) }
        }

        /// Keeps what was made.
        func keep() { made = [] }
    }

    /// Starts a run.
    ///
    /// - Parameter making: called for what is made, in order.
    func begin(_ record: some Encodable, making: (URL) -> Void = { _ in }) throws {
        for folder in [checkpoints, results] where try OutputFolder.make(folder) { making(folder) }
        making(configFile)
        try write(record)
    }

    func write(_ record: some Encodable) throws {
        try AtomicFile.write(JSONEncoder.readable.encode(record), to: configFile)
    }

    /// Reads `config.json`.
    /// - Throws: `IOIError` if the folder contains no run, or one that cannot be read.
    public func record() throws -> RunRecord {
        guard holdsRun else { throw IOIError("\(url.path): holds no run (no config.json) to resume") }
        try RecordKind.check(configFile, command: RunRecord.command)
        return try InputFile.decode(RunRecord.self, from: configFile)
    }

    /// Checks the checkpoints against the run that saved them.
    ///
    /// - Throws: `IOIError` that names the file and the field.
    func check(_ schedule: Schedule) throws {
        for checkpoint in try savedCheckpoints() { try checkpoint.check(schedule) }
    }

    /// The checkpoints, by step.
    public func savedCheckpoints() throws -> [Checkpoint] {
        let folders =
            (try? FileManager.default.contentsOfDirectory(
                at: checkpoints, includingPropertiesForKeys: nil, options: .skipsHiddenFiles
            )) ?? []
        return try folders.map { try Checkpoint(folder: $0) }.sorted { $0.step < $1.step }
    }

    /// Deletes the optimizer state of all checkpoints but the newest. Requires the lock.
    func dropOlderOptimizers() throws {
        for older in try savedCheckpoints().dropLast() { try older.dropOptimizer() }
    }

    /// The folder of the checkpoint after `step`, named for the epoch if it ends one, else for the step.
    func checkpointFolder(step: Int, epochEnding epoch: Int?) -> URL {
        let name = epoch.map { String(format: "epoch-%03d", $0) } ?? String(format: "step-%06d", step)
        return checkpoints.appendingPathComponent(name)
    }

    private static let lockName = ".lock"
    private var lockFile: URL { url.appendingPathComponent(Self.lockName) }

    /// Takes the lock that a process holds while it works in the folder.
    ///
    /// - Throws: `IOIError` if another process does.
    func lock() throws -> FileLock {
        guard let lock = try FileLock(lockFile) else {
            throw IOIError("\(url.path): another process is at work in this run folder")
        }
        return lock
    }

    /// Removes partial files left by killed processes. Requires the lock.
    func removeLeftovers() {
        for folder in [url, checkpoints, results] { AtomicFile.removeLeftovers(in: folder, all: true) }
    }
}

/// `config.json` of a run folder.
public struct RunRecord: Codable, Equatable, Sendable {
    /// The model that a run starts from.
    public struct Model: Codable, Equatable, Sendable {
        public let name: String
        public let folder: String
        public let sha256: String
        /// A folder whose tokenizer is used; nil for the model's own.
        public let tokenizer: String?

        public init(name: String, folder: String, sha256: String, tokenizer: String? = nil) {
            self.name = name
            self.folder = folder
            self.sha256 = sha256
            self.tokenizer = tokenizer
        }
    }

    static let command = "finetune"

    public var schema = "ioi/1"
    public var command = Self.command
    public let model: Model
    /// The training prompts; nil for a run on text files.
    public let prompts: PromptSource?
    /// The text files; nil for a run on prompts.
    public let text: TextSource?
    /// The examples made of them.
    public let dataset: DatasetRecord
    /// The prompts that kept epochs are evaluated on, if any.
    public let heldOut: PromptSource?
    public var settings: TrainingSettings
    public let version: String
    /// The library of matrix products that the run began with; nil for a run of version 0.2.0, all of OpenBLAS.
    public let blas: String?

    enum CodingKeys: String, CodingKey {
        case schema, command, model, prompts, text, dataset
        case heldOut = "held_out"
        case settings, version, blas
    }

    public init(
        model: Model,
        source: TrainingSource,
        dataset: DatasetRecord,
        heldOut: PromptSource?,
        settings: TrainingSettings
    ) {
        self.model = model
        switch source {
        case .prompts(let prompts): (self.prompts, text) = (prompts, nil)
        case .text(let text): (prompts, self.text) = (nil, text)
        }
        self.dataset = dataset
        self.heldOut = heldOut
        self.settings = settings
        version = ioiVersion
        blas = Backend.library
    }

    /// What the run trains on.
    public var source: TrainingSource {
        text.map { .text($0) } ?? .prompts(prompts!)
    }
}

extension RunRecord: CheckedRecord {
    /// - Throws: `IOIError` that names the field.
    package func check() throws {
        guard (prompts == nil) != (text == nil) else {
            throw IOIError("expected either \"prompts\" or \"text\" to train on")
        }
        try IOIError.check("dataset.count", dataset.count, in: 1...1_000_000_000)
        for (field, prompts) in [("prompts", prompts), ("held_out", heldOut)] {
            if let prompts { try IOIError.check("\(field).count", prompts.count, in: 1...PromptSource.most) }
        }
        // Seen before the prompts are made, which takes long for a large number.
        if let prompts, settings.examples == .prompts, prompts.file == nil, prompts.published == nil,
            prompts.count != dataset.count
        {
            throw IOIError.invalid("prompts.count", "found \(prompts.count), expected dataset.count, \(dataset.count)")
        }
        try IOIError.scoped("settings") {
            do {
                try settings.validate()
            } catch let error as IOIError {
                // Options name these by themselves.
                let isOfOptimizer = ["lr", "weight_decay", "beta1", "beta2", "epsilon", "clip"].contains(error.field)
                guard let field = error.field, isOfOptimizer || field == "warm_up" else { throw error }
                throw IOIError.invalid("\(isOfOptimizer ? "optimizer" : "schedule").\(field)", error.problem)
            }
        }
    }
}
