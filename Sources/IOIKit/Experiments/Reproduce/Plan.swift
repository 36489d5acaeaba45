import Foundation

/// A plan for ``Reproduction``: stages that train a model and measure it, and claims to decide from the measurements.
///
/// Plans are JSON files. `Data/plans` has the paper's (`paper`), one for the embedded model (`quick`), and others.
public struct Plan: Codable, Equatable, Sendable {
    /// The prompts that all models are measured on, where a measure does not name others. All are held out from training.
    public struct Measuring: Codable, Equatable, Sendable {
        /// nil for the clean one.
        public var dataset: String?
        public var count: Int
        public var seed: UInt64
    }

    /// The training settings that stages share.
    public struct Training: Codable, Equatable, Sendable {
        /// The number of prompts of each dataset.
        public var count: Int
        /// nil for the plain one.
        public var recipe: TrainingRecipe?
        /// The rate and the batch of the stages that are trained by ``recipe``; nil for the recipe's own.
        public var learningRate: Double?
        public var batch: Int?
        public var seed: UInt64
        /// A sentence on the choice of recipe, for the page.
        public var note: String?

        enum CodingKeys: String, CodingKey {
            case count, recipe
            case learningRate = "lr"
            case batch, seed, note
        }
    }

    /// The recipe of a stage that is not trained by the plan's.
    public enum StageRecipe: Equatable, Sendable {
        case named(TrainingRecipe)
        /// That of the authors' two recipes that the plan does not use.
        case other
    }

    /// Models that are trained on a dataset, each for a number of epochs, and measured; or the base model.
    ///
    /// By a recipe with a constant rate they are checkpoints of one run. Where the rate falls to 0, each is a run of its
    /// own.
    public struct Stage: Codable, Equatable, Sendable {
        public var name: String
        /// The model it starts from, such as `clean@3`: epoch 3 of the stage `clean`. nil for the base model.
        public var from: PlanModel?
        /// The training dataset; nil for the stage that measures the base model.
        public var dataset: String?
        /// The epochs to measure, ascending.
        public var epochs: [Int]?
        /// The number of training prompts, if it differs from ``Training/count``.
        public var count: Int?
        /// nil for the plan's.
        public var recipe: StageRecipe?
        public var measure: [Measure]
        /// Whether it only runs on request.
        public var isExtra: Bool?

        enum CodingKeys: String, CodingKey {
            case name, from, dataset, epochs, count, recipe, measure
            case isExtra = "extra"
        }

        /// The models that it measures.
        public var models: [PlanModel] {
            dataset == nil ? [.base] : (epochs ?? []).map { PlanModel(stage: name, epoch: $0) }
        }

        /// What it measures, in the form of ``FigurePath/measurement``.
        var measurements: [String] {
            let names = measure.map(\.description) + (dataset == nil ? [] : [FigurePath.training])
            return models.flatMap { model in names.map { "\(model)/\($0)" } }
        }
    }

    /// The thresholds of ``PathWalk``, in per cent.
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

    public var name: String
    /// Its purpose in a sentence.
    public var about: String
    /// The name or folder of the base model.
    public var model: String
    public var prompts: Measuring
    /// The circuit for the task of ``prompts``: the name of one in `Data/circuits`, `default` for the model's own, or a
    /// file. nil for `default` if the task is IOI, else for none.
    public var circuit: String?
    public var training: Training
    /// nil for the defaults of ``PathWalk``.
    public var walk: Walk?
    /// What effects of patching are percentages of; nil for the model's own logit difference.
    public var scale: EffectScale?
    public var stages: [Stage]
    public var claims: [Claim]
}

extension Plan.StageRecipe: TextCoded {
    package static let form = (TrainingRecipe.allCases.map(\.rawValue) + ["other"]).joined(separator: ", ")

    public init?(_ text: String) {
        guard text != "other" else {
            self = .other
            return
        }
        guard let recipe = TrainingRecipe(rawValue: text) else { return nil }
        self = .named(recipe)
    }

    public var description: String {
        switch self {
        case .named(let recipe): recipe.rawValue
        case .other: "other"
        }
    }
}

/// A model of a plan: the base model, or an epoch of a stage. Written `base` or `clean@3`.
public struct PlanModel: Hashable, TextCoded {
    package static let form = "base or a stage and an epoch, such as \"clean@3\""

    /// nil for the base model.
    public let stage: String?
    public let epoch: Int

    public static let base = PlanModel(stage: nil, epoch: 0)

    init(stage: String?, epoch: Int) {
        self.stage = stage
        self.epoch = epoch
    }

    public init?(_ text: String) {
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
