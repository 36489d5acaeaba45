import Foundation

/// A results file: an experiment's options, models, prompts, environment and results.
public struct ResultsDocument<Options: Encodable, Results: Encodable>: Encodable {
    public var schema = "ioi/1"
    public var command: String
    public var options: Options
    public var model: ModelRecord
    /// nil for experiments on one model.
    public var donor: ModelRecord?
    /// nil for experiments without prompts.
    public var dataset: DatasetRecord?
    public var environment: EnvironmentRecord
    /// The elapsed time.
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

/// The model of an experiment.
public struct ModelRecord: Codable, Equatable, Sendable {
    public let name: String
    /// nil if the name is enough to find it.
    public let folder: String?
    /// The hash of model.safetensors; nil if that cannot be read.
    public let sha256: String?
    /// A folder whose tokenizer was used; nil for the model's own.
    public let tokenizer: String?

    /// - Parameters:
    ///   - name: the model's name.
    ///   - folder: where it is.
    ///   - sha256: the hash of its weights; nil if they cannot be read.
    ///   - tokenizer: a folder whose tokenizer is used; nil for the model's own.
    public init(name: String, folder: URL, sha256: String?, tokenizer: URL? = nil) {
        let named = ModelLocation.named(name)
        let folder = folder.standardizedFileURL
        self.name = name
        self.folder = named?.folder == folder ? nil : folder.path
        self.sha256 = sha256
        self.tokenizer = tokenizer?.standardizedFileURL.path
    }

    /// - Throws: `IOIError` if the model's weights can no longer be read.
    public init(_ model: GPT2) throws {
        self.init(
            name: model.location.name, folder: model.location.folder, sha256: try model.sha256(),
            tokenizer: model.location.otherTokenizer
        )
    }

    /// A folder under the recorded name, with the recorded tokenizer if it has none of its own.
    func location(in folder: URL) throws -> ModelLocation {
        let location = try ModelLocation(name: name, folder: folder)
        return location.hasTokenizer
            ? location : try location.with(tokenizer: tokenizer.map { URL(fileURLWithPath: $0) })
    }
}

/// The prompts of an experiment, or the examples of a training run.
public struct DatasetRecord: Codable, Equatable, Sendable {
    public let name: String
    public let count: Int
    /// nil for prompts from a file.
    public let seed: UInt64?
    /// The hash of the prompts as JSON lines, or of a text.
    public let sha256: String
    /// How many prompts of a file were left out; nil if none could be.
    public internal(set) var dropped: Int?
    /// How many prompts of a file have answers or positions in doubt; nil for none.
    public internal(set) var irregular: Int?
    /// nil for prompts without counterfactuals and for texts.
    public private(set) var counterfactuals: CounterfactualHealth?

    init(name: String, count: Int, seed: UInt64?, sha256: String, dropped: Int? = nil, irregular: Int? = nil) {
        self.name = name
        self.count = count
        self.seed = seed
        self.sha256 = sha256
        self.dropped = dropped
        self.irregular = irregular
    }

    /// Whether the prompts are the same. What else is said of them follows from that, and older files say less.
    public static func == (a: Self, b: Self) -> Bool {
        (a.name, a.count, a.seed, a.sha256, a.dropped) == (b.name, b.count, b.seed, b.sha256, b.dropped)
    }

    public init(_ dataset: IOIDataset) { self.init(TaskDataset(dataset)) }

    public init(_ dataset: TaskDataset) {
        self.init(
            name: dataset.name, count: dataset.count, seed: dataset.seed,
            sha256: Digest.sha256(of: dataset.jsonLines), dropped: dataset.dropped,
            irregular: dataset.irregular.isEmpty ? nil : dataset.irregular.count
        )
        counterfactuals = CounterfactualHealth(dataset)
    }
}

/// The software environment of an experiment.
public struct EnvironmentRecord: Equatable, Sendable {
    public private(set) var version = ioiVersion
    public private(set) var threads = 1
    public private(set) var blas = Backend.library
    /// Of matrix products.
    public private(set) var precision = Precision.fp32

    public init(workers: Workers) {
        (threads, blas) = (workers.count, workers.backend.library)
        precision = workers.precision
    }
}

extension EnvironmentRecord: FieldCoded {
    init() {}

    static var fields: [Field<EnvironmentRecord>] {
        [
            .value("version", \.version), .value("threads", \.threads), .value("blas", \.blas),
            .value("precision", \.precision, default: .fp32),
        ]
    }
}

/// The version of the program and of the library.
public let ioiVersion = "0.2.0"

extension JSONEncoder {
    /// For files and output that people read: indented, with sorted keys so that equal results have equal bytes.
    public static var readable: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}

/// The version and command that wrote a record in a run folder.
struct RecordKind: Decodable {
    private let schema: String?
    private let command: String?

    /// - Throws: `IOIError` if the file cannot be read or was written by another version or command.
    static func check(_ file: URL, command: String) throws {
        let kind = try InputFile.decode(Self.self, from: file)
        guard kind.schema == "ioi/1", kind.command == command else {
            throw IOIError(
                "\(file.path): schema: found \((kind.schema ?? "nothing").quoted) of "
                    + "\((kind.command ?? "nothing").quoted), expected \"ioi/1\" of \(command.quoted)"
            )
        }
    }
}
