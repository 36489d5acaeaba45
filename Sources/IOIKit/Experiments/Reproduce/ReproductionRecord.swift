import Foundation

/// `reproduce.json` of a run folder: the plan, its results files, and the verdicts on its claims.
public struct ReproductionRecord: Codable, Sendable {
    public static let fileName = "reproduce.json"
    static let command = "reproduce"

    /// A results file.
    public struct Measurement: Codable, Equatable, Sendable {
        public let model: PlanModel
        public let measure: Plan.Measure
        /// Relative to the run folder.
        public let file: String
    }

    public var schema = "ioi/1"
    public var command = Self.command
    public let plan: Plan
    public let model: ModelRecord
    /// The model's note about itself.
    public let note: String?
    /// The model's circuit.
    public let circuit: Circuit?
    public let dataset: DatasetRecord
    public let environment: EnvironmentRecord
    /// The stages that were run.
    public let stages: [String]
    /// The fine-tuning run of each stage, relative to the run folder.
    public let runs: [String: String]
    public let measurements: [Measurement]
    public let claims: [Decision]

    /// The paper's figure for a claim. It is for GPT-2 small; nil for any other model.
    public func published(_ decision: Decision) -> String? { model.name == "gpt2" ? decision.claim.published : nil }
}

extension ReproductionRecord {
    /// The record of a run folder.
    ///
    /// - Throws: `IOIError` if there is none, it cannot be read, or another version wrote it.
    public init(in folder: URL) throws {
        let file = folder.appendingPathComponent(Self.fileName)
        try RecordKind.check(file, command: Self.command)
        self = try InputFile.decode(Self.self, from: file)
    }
}
