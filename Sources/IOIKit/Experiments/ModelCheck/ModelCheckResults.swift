/// What `ioi model check` found.
public struct ModelCheckResults: Encodable, Sendable {
    public enum Status: String, Codable, Sendable {
        case ok, failed, skipped
    }

    /// One thing that was looked at.
    public struct Check: Codable, Equatable, Sendable {
        public let name: String
        public let status: Status
        /// What is there; of a check that was skipped, why.
        public let found: String
        public let expected: String
        /// Where the expectation comes from, where it is one of this model.
        public let source: String?
    }

    public let checks: [Check]
    /// Of model.safetensors; nil where that cannot be read.
    public let sha256: String?
    /// The prompts that metrics were measured on; nil where none were.
    public let dataset: Dataset?

    /// Whether no check failed.
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

/// What decides the results of `ioi model check` beside the model.
public struct ModelCheckOptions: Codable, Equatable, Sendable {
    /// nil where nothing is known of the model.
    public var expectations: ModelExpectations?
}
