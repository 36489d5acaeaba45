/// What came of a ``TaskDataset``. It is written as the evaluation that it is.
public enum TaskEvaluation: Equatable, Sendable {
    case ioi(Evaluation)
    case choice(ChoiceEvaluation)
}

extension TaskEvaluation: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: ChoiceEvaluation.Summary.CodingKeys.self)
        self =
            container.contains(.probabilityDifference)
            ? .choice(try ChoiceEvaluation(from: decoder)) : .ioi(try Evaluation(from: decoder))
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .ioi(let evaluation): try evaluation.encode(to: encoder)
        case .choice(let evaluation): try evaluation.encode(to: encoder)
        }
    }
}

extension Evaluator {
    /// - Parameters:
    ///   - seed: what intervals are drawn from.
    ///   - perPrompt: whether the figures of each prompt are kept.
    ///   - progress: told how many prompts are done; what it throws ends the work.
    /// - Throws: `IOIError` where a logit is not finite, naming the prompt; what `progress` throws.
    public func evaluate(
        _ dataset: TaskDataset,
        seed: UInt64,
        perPrompt: Bool = false,
        progress: (Int) throws -> Void = { _ in }
    ) throws -> TaskEvaluation {
        switch dataset {
        case .ioi(let dataset):
            let measures = try measure(dataset.prompts, progress: progress)
            return .ioi(Evaluation(measures, seed: seed, perPrompt: perPrompt))
        case .choice(let dataset):
            let measures = try measure(dataset.prompts, progress: progress)
            return .choice(ChoiceEvaluation(measures, seed: seed, perPrompt: perPrompt))
        }
    }
}
