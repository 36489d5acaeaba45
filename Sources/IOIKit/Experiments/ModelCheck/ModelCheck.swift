import Foundation

/// Checks that a model folder is sound, and that the model does what is known of it.
///
/// A failed check skips only the checks that depend on it, so that one run shows all that is wrong.
public struct ModelCheck: Sendable {
    /// What decides the results besides the model.
    public struct Options: Codable, Equatable, Sendable {
        /// nil if nothing is known of the model.
        public var expectations: ModelExpectations?
    }

    public struct Results: Encodable, Sendable {
        public enum Status: String, Codable, Sendable {
            case ok, failed, skipped
        }

        public struct Check: Codable, Equatable, Sendable {
            public let name: String
            public let status: Status
            /// What was found, or why the check was skipped.
            public let found: String
            public let expected: String
            /// The source of an expectation that is specific to this model.
            public let source: String?
        }

        public let checks: [Check]
        /// The hash of model.safetensors; nil if it cannot be read.
        public let sha256: String?
        /// The prompts of the metrics; nil if none were measured.
        public let dataset: Dataset?

        public var passed: Bool { checks.allSatisfy { $0.status != .failed } }

        enum CodingKeys: CodingKey {
            case passed, checks
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(passed, forKey: .passed)
            try container.encode(checks, forKey: .checks)
        }
    }

    public static let command = "model check"
    /// The texts of the results, which repeat figures.
    static let uncompared: Set = ["found", "expected"]

    /// The model's name in reports.
    public let name: String
    public let folder: URL
    public let options: Options

    /// Checks a model against the entry of `Data/checks.json` with its name. The published GPT-2 small is also recognised
    /// by its place in Hugging Face's cache.
    ///
    /// - Throws: `IOIError` if that file is missing or invalid.
    public init(_ location: ModelLocation) throws {
        try self.init(
            name: location.name, folder: location.folder,
            expectations: .standard(for: location.isGPT2Small ? "gpt2" : location.name)
        )
    }

    /// Checks a folder that has a config but may lack other files of a model.
    ///
    /// - Throws: `IOIError` if `Data/checks.json` is missing or invalid.
    public init(folder: URL) throws {
        let folder = folder.standardizedFileURL
        let name = folder.lastPathComponent
        self.init(name: name, folder: folder, expectations: try .standard(for: name))
    }

    /// - Parameters:
    ///   - expectations: nil if nothing is known of the model.
    ///   - name: the name of the model.
    ///   - folder: the folder.
    public init(name: String, folder: URL, expectations: ModelExpectations?) {
        self.name = name
        self.folder = folder
        options = Options(expectations: expectations)
    }

    /// - Parameters:
    ///   - progress: called with the fraction of the prompts that is measured.
    ///   - workers: the threads that compute.
    public func run(workers: Workers, progress: @escaping (Double) -> Void = { _ in }) -> Results {
        let run = ModelCheckRun(folder: folder, workers: workers)
        run.checkFiles()
        if let expectations = options.expectations {
            run.checkHash(expectations)
            run.checkMetrics(expectations, progress: progress)
            run.checkContinuations(expectations)
            run.checkRepeatedTokens(expectations)
        } else {
            run.skip("expectations", "nothing is expected of a model called \(name.quoted)", "an entry in checks.json")
        }
        return run.results
    }
}
