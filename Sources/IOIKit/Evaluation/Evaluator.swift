/// Runs a model over prompts and measures its predictions at END.
public struct Evaluator {
    let parameters: GPT2Parameters
    let workers: Workers

    /// Prompts in a batch: enough rows for matrix products to run at full speed.
    private static let batch = 64

    public init(_ parameters: GPT2Parameters, workers: Workers) {
        self.parameters = parameters
        self.workers = workers
    }

    /// - Parameters:
    ///   - progress: called with the number of prompts done; throwing stops the run.
    ///   - prompts: the prompts to measure.
    /// - Throws: `IOIError` naming a prompt whose logits are not finite; errors from `progress`.
    public func measure(
        _ prompts: [Prompt],
        progress: (Int) throws -> Void = { _ in }
    ) throws -> [PromptMeasures] {
        try measure(prompts, tokens: \.tokens, progress: progress) { prompt, logits in
            let measured = PromptMeasures(prompt, logits: logits)
            guard measured.loss.isFinite, measured.logitDifference.isFinite else {
                throw IOIError("prompt \(prompt.id): the model's logits are not finite numbers")
            }
            return measured
        }
    }

    /// - Parameters:
    ///   - progress: called with the number of prompts done; throwing stops the run.
    ///   - prompts: the prompts to measure.
    /// - Throws: `IOIError` naming a prompt whose logits are not finite; errors from `progress`.
    public func measure(
        _ prompts: [ChoicePrompt],
        progress: (Int) throws -> Void = { _ in }
    ) throws -> [ChoiceMeasures] {
        try measure(prompts, tokens: \.tokens, progress: progress) { prompt, logits in
            let measured = ChoiceMeasures(prompt, logits: logits)
            guard measured.loss.isFinite, measured.probabilityDifference.isFinite else {
                throw IOIError("prompt \(prompt.id): the model's logits are not finite numbers")
            }
            return measured
        }
    }

    /// - Parameter each: measures a prompt from its logits at END, [vocabulary].
    private func measure<Item, Measures>(
        _ prompts: [Item],
        tokens: (Item) -> [Int],
        progress: (Int) throws -> Void,
        each: (Item, UnsafeBufferPointer<Float>) throws -> Measures
    ) throws -> [Measures] {
        let forward = ForwardPass(
            parameters,
            capacity: BatchCapacity(lengths: prompts.map { tokens($0).count }, count: Self.batch, rows: .last),
            workers: workers
        )
        var measures: [Measures] = []
        measures.reserveCapacity(prompts.count)
        for start in stride(from: 0, to: prompts.count, by: Self.batch) {
            let batch = prompts[start..<min(start + Self.batch, prompts.count)]
            let packed = PackedBatch(batch.map(tokens), rows: .last)
            forward.run(packed)
            let logits = forward.logits(of: packed.queries.indices)
            for (prompt, query) in zip(batch, packed.queryOfLabel) {
                measures.append(try each(prompt, logits.row(query)))
            }
            try progress(measures.count)
        }
        return measures
    }
}

/// A model's performance on a ``TaskDataset``.
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
    ///   - seed: for the bootstrap intervals.
    ///   - perPrompt: whether to keep each prompt's measures.
    ///   - progress: called with the number of prompts done; throwing stops the run.
    ///   - dataset: the dataset.
    /// - Throws: `IOIError` naming a prompt whose logits are not finite; errors from `progress`.
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
