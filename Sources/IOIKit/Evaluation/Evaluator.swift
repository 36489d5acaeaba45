/// Runs a model over prompts and measures its predictions at END.
public struct Evaluator {
    let parameters: GPT2Parameters
    private let settings: RunSettings
    private var workers: Workers { settings.workers }

    /// Prompts in a batch: enough rows for matrix products to run at full speed.
    private static let batch = 64

    /// - Parameters:
    ///   - parameters: the model to measure.
    ///   - workers: the threads that compute.
    ///   - ranks: the processes that divide the prompts.
    public init(_ parameters: GPT2Parameters, workers: Workers, ranks: Ranks = .alone) {
        self.parameters = parameters
        var settings = RunSettings(workers: workers)
        settings.ranks = ranks
        self.settings = settings
    }

    /// Measures prompts, and the counterfactuals of those that have one.
    ///
    /// - Parameters:
    ///   - names: the tokens of the names that IO is compared with; empty for no comparison.
    ///   - progress: called with the number of prompts done; throwing stops the run.
    ///   - prompts: the prompts to measure.
    /// - Throws: `IOIError` naming a prompt whose logits are not finite; errors from `progress`.
    public func measure(
        _ prompts: [IOIPrompt],
        names: [Int] = [],
        progress: (Int) throws -> Void = { _ in }
    ) throws -> [PromptMeasures] {
        try measure(prompts, inputs: { [$0.tokens] + [$0.abcTokens].compactMap { $0 } }, progress: progress) {
            batch, run in
            var measures = try run.map(batch, tokens: \.tokens) { prompt, logits in
                let measured = PromptMeasures(prompt, logits: logits, names: names)
                guard measured.loss.isFinite, measured.logitDifference.isFinite else { throw Self.notFinite(prompt.id) }
                return measured
            }
            let others = batch.indices.filter { batch[$0].abcTokens != nil }
            let differences = try run.map(others, tokens: { batch[$0].abcTokens! }) { index, logits in
                let difference = batch[index].logitDifference(logits)
                guard difference.isFinite else { throw Self.notFinite(batch[index].id) }
                return difference
            }
            for (index, difference) in zip(others, differences) {
                measures[index - batch.startIndex].counterfactualLogitDifference = difference
            }
            return measures
        }
    }

    /// - Parameters:
    ///   - progress: called with the number of prompts done; throwing stops the run.
    ///   - prompts: the prompts to measure.
    /// - Throws: `IOIError` naming a prompt whose logits are not finite; errors from `progress`.
    public func measure(
        _ prompts: [Prompt],
        progress: (Int) throws -> Void = { _ in }
    ) throws -> [ChoiceMeasures] {
        try measure(prompts, inputs: { [$0.tokens] }, progress: progress) { batch, run in
            try run.map(batch, tokens: \.tokens) { prompt, logits in
                let measured = ChoiceMeasures(prompt, logits: logits)
                guard measured.loss.isFinite, measured.probabilityDifference.isFinite else {
                    throw Self.notFinite(prompt.id)
                }
                return measured
            }
        }
    }

    /// A metric of prompts and, for the answers of these, of their counterfactuals. The divergence of a counterfactual is
    /// that from its prompt.
    ///
    /// - Parameters:
    ///   - progress: called with the number of prompts done; throwing stops the run.
    ///   - metric: what is measured.
    ///   - prompts: all have a counterfactual.
    /// - Throws: `IOIError` naming a prompt whose logits are not finite, or that has no counterfactual; errors from
    ///   `progress`.
    func measure(
        _ metric: Metric,
        withCounterfactuals prompts: [Prompt],
        progress: (Int) throws -> Void
    ) throws -> [WithCounterfactual] {
        try metric.check(prompts)
        return try measure(
            prompts, inputs: { [$0.tokens] + [$0.counterfactualTokens].compactMap { $0 } }, progress: progress
        ) { batch, run in
            var references: [[Float]] = []
            let own = try run.map(batch, tokens: \.tokens) { prompt, logits in
                if metric == .divergence { references.append(Array(logits)) }
                return metric.value(of: prompt, logits: logits, reference: logits)
            }
            let others = try batch.map { try $0.counterfactual() }
            let values = try run.map(batch.indices, tokens: { others[$0 - batch.startIndex] }) { index, logits in
                let reference = references.isEmpty ? nil : references[index - batch.startIndex]
                let value =
                    reference.map {
                        $0.withUnsafeBufferPointer { metric.value(of: batch[index], logits: logits, reference: $0) }
                    }
                    ?? metric.value(of: batch[index], logits: logits)
                guard value.isFinite, own[index - batch.startIndex].isFinite else {
                    throw Self.notFinite(batch[index].id)
                }
                return value
            }
            return zip(own, values).map(WithCounterfactual.init)
        }
    }

    /// A metric of a prompt and of its counterfactual.
    struct WithCounterfactual: Codable {
        let prompt, counterfactual: Double
    }

    /// The most probable next token of a prompt, and its probability.
    ///
    /// - Parameter prompt: of any task.
    /// - Throws: `IOIError` naming the prompt if its logits are not finite.
    public func answer(to prompt: Prompt) throws -> Answer {
        try measure([prompt], inputs: { [$0.tokens] }, progress: { _ in }) { batch, run in
            try run.map(batch, tokens: \.tokens) { prompt, logits in
                let token = logits.indices.max { logits[$0] < logits[$1] }!
                let probability = Prediction(logits).probability([token])
                guard probability.isFinite else { throw Self.notFinite(prompt.id) }
                return Answer(token: token, probability: probability)
            }
        }[0]
    }

    /// The most probable next token.
    public struct Answer: Codable, Sendable {
        public let token: Int
        public let probability: Double
    }

    private static func notFinite(_ id: Int) -> IOIError {
        IOIError("prompt \(id): the model's logits are not finite numbers")
    }

    /// - Parameters:
    ///   - inputs: what is run for a prompt.
    ///   - measureBatch: measures a batch of prompts.
    private func measure<Item, Measures: Codable>(
        _ prompts: [Item],
        inputs: (Item) -> [[Int]],
        progress: (Int) throws -> Void,
        measureBatch: (ArraySlice<Item>, EndRun) throws -> [Measures]
    ) throws -> [Measures] {
        let lengths = prompts.flatMap { inputs($0).map(\.count) }
        let capacity = BatchCapacity(lengths: lengths, count: Self.batch, rows: .last)
        let run = EndRun(forward: ForwardPass(parameters, capacity: capacity, workers: workers))
        return try settings.divide(prompts.count) { part in
            var measures: [Measures] = []
            measures.reserveCapacity(part.count)
            for start in stride(from: part.lowerBound, to: part.upperBound, by: Self.batch) {
                measures += try measureBatch(prompts[start..<min(start + Self.batch, part.upperBound)], run)
                try progress(measures.count * prompts.count / part.count)
            }
            return measures
        }
    }
}

/// Runs batches and reads their logits at END.
private struct EndRun {
    let forward: ForwardPass

    /// - Parameter each: measures an item from its logits at END, [vocabulary].
    func map<Item, Measures>(
        _ items: some Collection<Item>,
        tokens: (Item) -> [Int],
        each: (Item, UnsafeBufferPointer<Float>) throws -> Measures
    ) throws -> [Measures] {
        guard !items.isEmpty else { return [] }
        let packed = PackedBatch(items.map(tokens), rows: .last)
        forward.run(packed)
        let logits = forward.logits(of: packed.queries.indices)
        return try zip(items, packed.queryOfLabel).map { try each($0, logits.row($1)) }
    }
}

/// A model's performance on a ``TaskDataset``.
public enum TaskEvaluation: Equatable, Sendable {
    case ioi(Evaluation)
    case choice(ChoiceEvaluation)

    /// Whether it has the figures that only prompts of IOI have.
    var isOfIOI: Bool {
        if case .ioi = self { true } else { false }
    }
}

extension TaskEvaluation: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: FieldName.self)
        self =
            container.contains("io_rank")
            ? .ioi(try Evaluation(from: decoder)) : .choice(try ChoiceEvaluation(from: decoder))
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
    ///   - isGeneral: whether IOI prompts are measured by the figures that all tasks have.
    ///   - seed: for the bootstrap intervals.
    ///   - perPrompt: whether to keep each prompt's measures.
    ///   - progress: called with the number of prompts done; throwing stops the run.
    ///   - dataset: the dataset.
    /// - Throws: `IOIError` naming a prompt whose logits are not finite; errors from `progress`.
    public func evaluate(
        _ dataset: TaskDataset,
        asAnyTask isGeneral: Bool = false,
        seed: UInt64,
        perPrompt: Bool = false,
        progress: (Int) throws -> Void = { _ in }
    ) throws -> TaskEvaluation {
        if let ioi = dataset.ioi, !isGeneral {
            let measures = try measure(ioi.prompts, names: ioi.names, progress: progress)
            return .ioi(Evaluation(measures, seed: seed, perPrompt: perPrompt))
        }
        let measures = try measure(dataset.prompts, progress: progress)
        return .choice(ChoiceEvaluation(measures, seed: seed, perPrompt: perPrompt))
    }
}
