/// Runs a model over prompts and measures each at END.
public struct Evaluator {
    let parameters: GPT2Parameters
    let workers: Workers

    /// Prompts that are run together: enough rows for the products to run at full speed.
    private static let batch = 64

    public init(_ parameters: GPT2Parameters, workers: Workers) {
        self.parameters = parameters
        self.workers = workers
    }

    /// - Parameter progress: told how many prompts are done; what it throws ends the work.
    /// - Throws: `IOIError` where a logit is not finite, naming the prompt; what `progress` throws.
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

    /// - Parameter progress: told how many prompts are done; what it throws ends the work.
    /// - Throws: `IOIError` where a logit is not finite, naming the prompt; what `progress` throws.
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

    /// - Parameter each: what to make of a prompt and its logits at END, [vocabulary].
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
