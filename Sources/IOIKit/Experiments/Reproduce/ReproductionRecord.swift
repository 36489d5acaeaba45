import Foundation

/// `reproduce.json` of a run folder: what a plan measured, in which files, and what became of its claims.
public struct ReproductionRecord: Codable, Sendable {
    public static let fileName = "reproduce.json"
    static let command = "reproduce"

    /// A results document.
    public struct Measurement: Codable, Equatable, Sendable {
        public let model: PlanModel
        public let measure: Plan.Measure
        /// In the run folder.
        public let file: String
    }

    /// A claim with what was measured of it.
    public struct Decision: Codable, Sendable {
        public let claim: Claim
        /// nil where it was not measured.
        public let measured: Estimate?
        /// The rule's other figure.
        public let other: Estimate?
        public let verdict: Claim.Verdict

        /// The figure as people read it: shares and effects in per cent, the rest as it is.
        public var valueText: String {
            guard let measured, let value = measured.value else { return "–" }
            return measured.isMeaningless == true ? "meaningless" : claim.figure.unit.text(value)
        }

        /// Its 95 % interval, likewise.
        public var intervalText: String {
            guard let measured, measured.isMeaningless != true, let ci95 = measured.ci95 else { return "" }
            return "[\(claim.figure.unit.text(ci95[0])), \(claim.figure.unit.text(ci95[1]))]"
        }
    }

    public var schema = "ioi/1"
    public var command = Self.command
    public let plan: Plan
    public let model: ModelRecord
    /// What the model wants said of itself.
    public let note: String?
    /// The circuit that belongs to the model.
    public let circuit: Circuit?
    public let dataset: DatasetRecord
    public let environment: EnvironmentRecord
    /// The stages that were done.
    public let stages: [String]
    /// The fine-tuning run of each stage, in the run folder.
    public let runs: [String: String]
    public let measurements: [Measurement]
    public let claims: [Decision]

    init(
        plan: Plan,
        model: ModelRecord,
        note: String?,
        circuit: Circuit?,
        dataset: DatasetRecord,
        environment: EnvironmentRecord,
        stages: [String],
        runs: [String: String],
        measurements: [Measurement],
        claims: [Decision]
    ) {
        self.plan = plan
        self.model = model
        self.note = note
        self.circuit = circuit
        self.dataset = dataset
        self.environment = environment
        self.stages = stages
        self.runs = runs
        self.measurements = measurements
        self.claims = claims
    }

    /// What the paper has for a claim; it is about GPT-2 small, and stands beside no other model's figures.
    public func published(_ decision: Decision) -> String? { model.name == "gpt2" ? decision.claim.published : nil }

    /// The record of a run folder.
    ///
    /// - Throws: ``IOIError`` where there is none, it cannot be read, or another version wrote it.
    public init(in folder: URL) throws {
        let file = folder.appendingPathComponent(Self.fileName)
        try RecordKind.check(file, command: Self.command)
        self = try InputFile.decode(Self.self, from: file)
    }
}
