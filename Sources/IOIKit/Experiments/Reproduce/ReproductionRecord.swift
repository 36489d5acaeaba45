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
    /// The fine-tuning runs, relative to the run folder, by stage, or by model such as `clean@3` where each has its own.
    public let runs: [String: String]
    public let measurements: [Measurement]
    public let claims: [Decision]

    /// The datasets of measures on other prompts than the plan's own, in order.
    var otherDatasets: [String] {
        measurements.compactMap(\.measure.dataset).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The paper's figure for a claim. It is for GPT-2 small; nil for any other model.
    public func published(_ decision: Decision) -> String? {
        model.isGPT2 ? decision.claim.published?.text(decision.claim.format) : nil
    }

    /// Whether the claims' published figures are of the model that was measured.
    public var hasPublishedFigures: Bool { model.isGPT2 }
}

extension ModelRecord {
    /// Whether it is GPT-2 small as published.
    var isGPT2: Bool { name == "gpt2" }
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
