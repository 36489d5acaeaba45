import Foundation

/// What `ioi reproduce` does: stages that train a model and measure it, and claims that are held against what was measured.
///
/// A plan is a JSON file; `Data/plans` has the paper's (`paper`) and one for the embedded model (`quick`).
public struct Plan: Codable, Equatable, Sendable {
    /// The prompts that everything is measured on: held-out, of the clean dataset, or of another task that is measured.
    public struct Measuring: Codable, Equatable, Sendable {
        public var count: Int
        public var seed: UInt64
    }

    /// How models are trained, where a stage does not say otherwise.
    public struct Training: Codable, Equatable, Sendable {
        /// Prompts of each dataset.
        public var count: Int
        public var learningRate: Double
        public var batch: Int
        public var seed: UInt64

        enum CodingKeys: String, CodingKey {
            case count
            case learningRate = "lr"
            case batch, seed
        }
    }

    /// What can be measured of a model.
    public enum Measure: String, CaseIterable, Codable, Sendable {
        /// As `ioi eval`.
        case eval
        /// As `ioi faithfulness`, of the circuit that belongs to the model, beside random circuits.
        case faithfulness
        /// The same by all methods, as `ioi faithfulness --surface`.
        case surface
        /// As `ioi circuit discover --method path`.
        case circuit
        /// As `ioi patch --mode cross-model`, attention patterns from the model into the plan's own.
        case patterns
        /// The same with the heads' outputs, z.
        case outputs
        /// As `ioi knockout --mlps all --each`.
        case mlps
        /// As `ioi heads`, of a trained model beside the plan's own.
        case heads
        /// As `ioi eval --dataset agreement`, on held-out prompts.
        case agreement
        /// As `ioi eval --dataset greater-than`, on held-out prompts.
        case greaterThan = "greater-than"

        /// Whether it compares the model with the plan's own, with which there is nothing to compare then.
        var comparesWithBase: Bool { self == .patterns || self == .outputs }

        /// The other task on which it measures the model.
        var task: ChoiceTask? { ChoiceTask(rawValue: rawValue) }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            guard let measure = Measure(rawValue: try container.decode(String.self)) else {
                let all = Self.allCases.map(\.rawValue).joined(separator: ", ")
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected one of \(all)")
            }
            self = measure
        }
    }

    /// One model after another, trained on from where another stage was, each measured.
    public struct Stage: Codable, Equatable, Sendable {
        public var name: String
        /// What it starts from, such as `clean@3`, after epoch 3 of the stage `clean`; nil for the plan's own model.
        public var from: PlanModel?
        /// What it trains on; nil for the stage that measures the plan's own model.
        public var dataset: String?
        /// The epochs after which it is measured, ascending.
        public var epochs: [Int]?
        /// Prompts, where it has another number of them.
        public var count: Int?
        public var measure: [Measure]
        /// Whether it is left out unless it is asked for.
        public var isExtra: Bool?

        enum CodingKeys: String, CodingKey {
            case name, from, dataset, epochs, count, measure
            case isExtra = "extra"
        }

        /// The models that it measures.
        public var models: [PlanModel] {
            dataset == nil ? [.base] : (epochs ?? []).map { PlanModel(stage: name, epoch: $0) }
        }

        /// What it measures, as ``FigurePath/measurement`` has it.
        var measurements: [String] { models.flatMap { model in measure.map { "\(model)/\($0.rawValue)" } } }
    }

    public var name: String
    /// What it is for, in a sentence.
    public var about: String
    /// As `--model` takes it.
    public var model: String
    public var prompts: Measuring
    public var training: Training
    /// Least effects of the walk that finds circuits, in per cent; its own defaults where it is nil.
    public var walk: Walk?
    public var stages: [Stage]
    public var claims: [Claim]

    /// The thresholds of ``PathWalk``.
    public struct Walk: Codable, Equatable, Sendable {
        public var logits, queries, s2, backups: Double

        var walk: PathWalk {
            var walk = PathWalk()
            walk.logits.threshold = logits
            walk.queries.threshold = queries
            walk.s2.threshold = s2
            walk.s1Next.threshold = s2
            walk.backups.threshold = backups
            return walk
        }
    }

    /// Reads a plan.
    ///
    /// - Parameter name: of one in `Data/plans`, or a file's path.
    /// - Throws: ``IOIError`` that names the file, the field, what was found there and what was expected.
    public static func named(_ name: String) throws -> Plan {
        let isName = !name.contains("/") && !name.hasSuffix(".json")
        let file = isName ? try builtIn(name) : URL(fileURLWithPath: name)
        let plan = try InputFile.decode(Plan.self, from: file)
        do {
            try plan.check()
        } catch let error as IOIError {
            throw IOIError("\(file.path): \(error)")
        }
        return plan
    }

    private static func builtIn(_ name: String) throws -> URL {
        let folder = try DataDirectory.file("plans")
        let file = folder.appendingPathComponent("\(name).json")
        guard FileManager.default.fileExists(atPath: file.path) else {
            let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
                .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
            throw IOIError.usage("--plan: found \(name.quoted), expected \(names.joined(separator: ", ")) or a file")
        }
        return file
    }

    /// - Throws: ``IOIError`` naming the field.
    private func check() throws {
        func demand(_ condition: Bool, _ field: String, _ found: String, _ expected: String) throws {
            guard condition else { throw IOIError("\(field): found \(found), expected \(expected)") }
        }
        try demand(prompts.count > 0, "prompts.count", "\(prompts.count)", "1 or more")
        try demand(training.count > 0, "training.count", "\(training.count)", "1 or more")
        try demand(training.batch > 0, "training.batch", "\(training.batch)", "1 or more")
        try demand(
            training.learningRate > 0 && training.learningRate <= 1, "training.lr", "\(training.learningRate)",
            "above 0, at most 1"
        )
        var known: Set<PlanModel> = [.base]
        for (index, stage) in stages.enumerated() {
            let field = "stages[\(index)]"
            let isSound = !stage.name.isEmpty && !stage.name.contains { "/@".contains($0) }
            try demand(isSound, "\(field).name", stage.name.quoted, "a name without / and @")
            let others = stages[..<index].map(\.name)
            try demand(!others.contains(stage.name), "\(field).name", stage.name.quoted, "each name once")
            guard let dataset = stage.dataset else {
                try demand(stage.from == nil, "\(field).dataset", "nothing", "what to train on")
                for measure in stage.measure {
                    try demand(
                        !measure.comparesWithBase, "\(field).measure", measure.rawValue.quoted,
                        "none that compares the plan's own model with itself"
                    )
                }
                continue
            }
            try demand(
                PromptSource.datasets.contains(dataset), "\(field).dataset", dataset.quoted,
                "one of \(PromptSource.datasets.joined(separator: ", "))"
            )
            if let from = stage.from {
                try demand(
                    known.contains(from), "\(field).from", from.description.quoted, "an epoch of a stage before it"
                )
            }
            let epochs = stage.epochs ?? []
            try demand(
                !epochs.isEmpty && epochs[0] > 0 && zip(epochs, epochs.dropFirst()).allSatisfy(<), "\(field).epochs",
                "\(epochs)", "epochs from 1 on, ascending"
            )
            if let count = stage.count { try demand(count > 0, "\(field).count", "\(count)", "1 or more") }
            known.formUnion(stage.models)
        }
        let measured = Set(stages.flatMap(\.measurements))
        for (index, claim) in claims.enumerated() {
            for (field, figure) in [("figure", claim.figure), ("of", claim.rule.of)] {
                guard let figure else { continue }
                try demand(
                    measured.contains(figure.measurement), "claims[\(index)].\(field)", figure.description.quoted,
                    "a figure that a stage measures, such as clean@1/eval/logit_difference"
                )
            }
            try demand(
                claim.rule.atLeast != nil || claim.rule.atMost != nil, "claims[\(index)].rule", "neither",
                "at_least, at_most or both"
            )
        }
    }
}

/// A model of a plan: its own, or one after an epoch of a stage. Written `base`, `clean@3`.
public struct PlanModel: Hashable, Sendable, CustomStringConvertible {
    /// nil for the plan's own model.
    public let stage: String?
    public let epoch: Int

    public static let base = PlanModel(stage: nil, epoch: 0)

    init(stage: String?, epoch: Int) {
        self.stage = stage
        self.epoch = epoch
    }

    init?(_ text: String) {
        if text == "base" {
            self = .base
            return
        }
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let epoch = Int(parts[1]), epoch > 0 else { return nil }
        self.init(stage: String(parts[0]), epoch: epoch)
    }

    public var description: String { stage.map { "\($0)@\(epoch)" } ?? "base" }
}

extension PlanModel: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let model = PlanModel(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "expected base or a stage and an epoch, such as \"clean@3\""
            )
        }
        self = model
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
