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
        let forward = ForwardPass(
            parameters,
            capacity: BatchCapacity(lengths: prompts.map(\.tokens.count), count: Self.batch, rows: .last),
            workers: workers
        )
        var measures: [PromptMeasures] = []
        measures.reserveCapacity(prompts.count)
        for start in stride(from: 0, to: prompts.count, by: Self.batch) {
            let batch = prompts[start..<min(start + Self.batch, prompts.count)]
            let packed = PackedBatch(batch.map(\.tokens), rows: .last)
            forward.run(packed)
            let logits = forward.logits(of: packed.queries.indices)
            for (prompt, query) in zip(batch, packed.queryOfLabel) {
                let measured = PromptMeasures(prompt, logits: logits.row(query))
                guard measured.loss.isFinite, measured.logitDifference.isFinite else {
                    throw IOIError("prompt \(prompt.id): the model's logits are not finite numbers")
                }
                measures.append(measured)
            }
            try progress(measures.count)
        }
        return measures
    }
}
