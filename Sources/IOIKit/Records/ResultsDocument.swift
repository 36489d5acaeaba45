import Foundation

/// The JSON that every command writes: what was run, on what, and what came out.
public struct ResultsDocument<Options: Encodable, Results: Encodable>: Encodable {
    public var schema = "ioi/1"
    public var command: String
    public var options: Options
    public var model: ModelRecord
    /// The other model, where there is one.
    public var donor: ModelRecord?
    /// nil where nothing was measured on prompts.
    public var dataset: DatasetRecord?
    public var environment: EnvironmentRecord
    /// How long the command took.
    public var seconds: Double
    public var results: Results

    public init(
        command: String,
        options: Options,
        model: ModelRecord,
        donor: ModelRecord? = nil,
        dataset: DatasetRecord?,
        environment: EnvironmentRecord,
        seconds: Double,
        results: Results
    ) {
        self.command = command
        self.options = options
        self.model = model
        self.donor = donor
        self.dataset = dataset
        self.environment = environment
        self.seconds = seconds
        self.results = results
    }
}

extension ResultsDocument: Decodable where Options: Decodable, Results: Decodable {}
extension ResultsDocument: Sendable where Options: Sendable, Results: Sendable {}

extension ResultsDocument where Options: Experiment, Results == Options.Results {
    /// Runs an experiment and records it.
    ///
    /// - Throws: what the experiment throws, and ``IOIError`` where a model's weights can no longer be read.
    public init(running experiment: Options, on subject: Subject, _ work: Work) throws {
        let started = ContinuousClock.now
        let results = try experiment.run(on: subject, work)
        self.init(
            command: Options.name, options: experiment, model: try ModelRecord(subject.model),
            donor: try subject.donor.map(ModelRecord.init), dataset: subject.dataset.map { DatasetRecord($0) },
            environment: EnvironmentRecord(workers: work.workers),
            seconds: (ContinuousClock.now - started) / .seconds(1),
            results: results
        )
    }
}

/// Which model something was measured on.
public struct ModelRecord: Codable, Equatable, Sendable {
    public let name: String
    /// Where it lay; nil where the name alone leads there, as those of published models do.
    public let folder: String?
    /// Of model.safetensors; nil where that cannot be read.
    public let sha256: String?

    public init(name: String, folder: URL, sha256: String?) {
        let named = ModelLocation.named(name)
        let folder = folder.standardizedFileURL
        self.name = name
        self.folder = named?.folder == folder ? nil : folder.path
        self.sha256 = sha256
    }

    /// - Throws: `IOIError` where the model's weights can no longer be read.
    public init(_ model: GPT2) throws {
        self.init(name: model.location.name, folder: model.location.folder, sha256: try model.sha256())
    }
}

/// Which prompts something was measured on, or trained on.
public struct DatasetRecord: Codable, Equatable, Sendable {
    public let name: String
    public let count: Int
    /// nil for prompts that were read from a file.
    public let seed: UInt64?
    /// Of the prompts as JSON lines.
    public let sha256: String

    public init(_ dataset: Dataset) { self.init(.ioi(dataset)) }

    public init(_ dataset: TaskDataset) {
        name = dataset.name
        count = dataset.count
        seed = dataset.seed
        sha256 = Digest.sha256(of: dataset.jsonLines)
    }
}

/// What a figure was computed with.
public struct EnvironmentRecord: Codable, Equatable, Sendable {
    public let version: String
    public let threads: Int
    public let blas: String

    public init(workers: Workers) {
        version = ioiVersion
        threads = workers.count
        blas = GEMM.library
    }
}

/// The version of the program and of the library.
public let ioiVersion = "0.2.0"

extension JSONEncoder {
    /// For files and output that people read as well: indented, keys sorted, so that equal results are equal bytes.
    public static var readable: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}
