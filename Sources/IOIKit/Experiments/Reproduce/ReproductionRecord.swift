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
    /// The stages that are done in the run folder.
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

extension ReproductionRecord: CheckedRecord {
    /// - Throws: `IOIError` that names the field.
    package func check() throws {
        try IOIError.scoped("plan", plan.check)
        func check(_ isValid: Bool, _ field: String, found: String, expected: String) throws {
            try Plan.check(isValid, field, found: found.quoted, expected: expected)
        }
        /// Whether a path is that of a file in a folder of the run folder.
        func isPath(_ path: String, in folder: String) -> Bool {
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            return parts.count == 2 && parts[0] == folder && !parts[1].isEmpty && !parts[1].hasPrefix(".")
                && !parts[1].utf8.contains(0)
        }
        try IOIError.check("dataset.count", dataset.count, in: 1...PromptSource.most)
        let names = plan.stages.map(\.name)
        if let name = stages.first(where: { !names.contains($0) }) ?? stages.firstRepeated() {
            try check(false, "stages", found: name, expected: "stages of the plan, each once")
        }
        let planned = Set(plan.stages.flatMap(plan.runs).map(\.name))
        for (name, path) in runs {
            try check(planned.contains(name), "runs", found: name, expected: "runs of the plan")
            try check(isPath(path, in: "runs"), "runs.\(name)", found: path, expected: "a folder in runs")
        }
        let measured = Set(plan.stages.flatMap(\.measurements))
        var seen: Set<String> = []
        for (index, measurement) in measurements.enumerated() {
            let (field, name) = ("measurements[\(index)]", "\(measurement.model)/\(measurement.measure)")
            try check(measured.contains(name), field, found: name, expected: "what the plan measures")
            try check(seen.insert(name).inserted, field, found: name, expected: "each measure of a model once")
            try check(
                isPath(measurement.file, in: "results"), "\(field).file", found: measurement.file,
                expected: "a file in results")
        }
        for (index, decision) in claims.enumerated() {
            let claim = decision.claim
            try check(
                plan.claims.contains(claim), "claims[\(index)]", found: claim.name, expected: "a claim of the plan")
        }
    }
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
