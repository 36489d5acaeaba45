import Foundation

/// Checks that a model folder is sound, and that the model does what is known of it.
///
/// A failed check skips only the checks that depend on it, so that one run shows all that is wrong.
public struct ModelCheck: Sendable {
    /// What decides the results besides the model.
    public struct Options: Codable, Equatable, Sendable {
        /// nil if nothing is known of the model.
        public var expectations: ModelExpectations?
        /// A file of prompts for which figures were published; nil for none.
        public var data: String?
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
        public let dataset: IOIDataset?

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

    /// The prompts of ``Options/data``; empty without any.
    private let prompts: [IOIPrompt]

    /// Checks a model against the entry of `Data/checks.json` with its name. The published GPT-2 small is also recognised
    /// by its place in Hugging Face's cache.
    ///
    /// - Parameters:
    ///   - location: the model.
    ///   - data: a file of prompts for which figures were published; nil for none.
    /// - Throws: `IOIError` if `Data/checks.json` is missing or invalid, or nothing was published for the prompts.
    public init(_ location: ModelLocation, data: URL? = nil) throws {
        try self.init(
            name: location.name, folder: location.folder,
            expectations: .standard(for: location.isCalledGPT2Small ? "gpt2" : location.name), data: data
        )
    }

    /// Checks a folder that has a config but may lack other files of a model.
    ///
    /// - Parameters:
    ///   - folder: the folder.
    ///   - data: a file of prompts for which figures were published; nil for none.
    /// - Throws: `IOIError` if `Data/checks.json` is missing or invalid, or nothing was published for the prompts.
    public init(folder: URL, data: URL? = nil) throws {
        let folder = folder.standardizedFileURL
        let name = folder.lastPathComponent
        try self.init(name: name, folder: folder, expectations: .standard(for: name), data: data)
    }

    /// - Parameters:
    ///   - name: the name of the model.
    ///   - folder: the folder.
    ///   - expectations: nil if nothing is known of the model.
    ///   - data: a file of prompts for which figures were published; nil for none.
    /// - Throws: `IOIError` of the field `data` if nothing was published for the prompts, or they cannot be read.
    public init(name: String, folder: URL, expectations: ModelExpectations?, data: URL? = nil) throws {
        self.name = name
        self.folder = folder
        options = Options(expectations: expectations, data: data?.path)
        guard let data else {
            prompts = []
            return
        }
        let dataset = try PromptReader(tokenizer: try? BPETokenizer(directory: folder)).dataset(contentsOf: data)
        let known = expectations?.publishedPrompts.map(\.tokensSHA256) ?? []
        guard known.contains(dataset.tokensSHA256) else {
            throw IOIError.invalid(
                "data",
                "found \(dataset.count) prompts in \(data.path) with tokens of SHA-256 \(dataset.tokensSHA256), expected "
                    + (known.isEmpty
                        ? "none, since no prompts are known for \(name)"
                        : "those of \(known.joined(separator: " or "))")
            )
        }
        prompts = dataset.prompts
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
            run.checkPublishedPrompts(expectations, prompts)
            run.checkContinuations(expectations)
            run.checkRepeatedTokens(expectations)
        } else {
            run.skip("expectations", "nothing is expected of a model called \(name.quoted)", "an entry in checks.json")
        }
        return run.results
    }
}

extension IOIDataset {
    /// The hash of the prompts' tokens, by which prompts are known that others have published: for each prompt a line with
    /// the ids of its tokens, of IO and of S, with spaces between.
    public var tokensSHA256: String { Self.tokensSHA256(prompts) }

    static func tokensSHA256(_ prompts: [IOIPrompt]) -> String {
        let lines = prompts.map {
            ($0.tokens + [$0.ioToken, $0.sToken]).map(String.init).joined(separator: " ") + "\n"
        }
        return Digest.sha256(of: Data(lines.joined().utf8))
    }
}
