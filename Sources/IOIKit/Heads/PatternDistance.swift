/// How far apart two models' attention from END is, prompt by prompt: the total variation distance ½·Σ|p − q| of the two
/// patterns, which is the attention that has gone elsewhere, from 0 to 1.
enum PatternDistance {
    /// - Parameter progress: told what share of the prompts is done.
    /// - Returns: the distances of all heads, layer by layer. [heads][prompts]
    /// - Throws: a `PatchInterruption` without measures.
    static func measure(
        _ model: GPT2Parameters,
        _ donor: GPT2Parameters,
        _ prompts: [Prompt],
        settings: RunSettings,
        progress: (Double) -> Void = { _ in }
    ) throws -> [[Double]] {
        let config = model.config
        let size = min(RunSettings.prompts, prompts.count)
        let other = ForwardPass(
            donor, capacity: BatchCapacity(lengths: prompts.map(\.tokens.count), count: size, rows: .all),
            keeping: [.pattern], workers: settings.workers
        )
        var distances = [[Double]](repeating: [], count: config.layers * config.heads)
        try PromptPass.run(
            model, prompts, keeping: [.pattern], settings: settings, progress: progress
        ) { batch, forward in
            other.run(batch.packed)
            for layer in 0..<config.layers {
                let (own, others) = (forward.patterns(layer: layer), other.patterns(layer: layer))
                for (end, tokens) in zip(batch.ends, batch.packed.prompts) {
                    let row = batch.packed.rowOfToken[end]
                    for head in 0..<config.heads {
                        let (p, q) = (own(row, head), others(row, head))
                        let sum = (0..<tokens.count).reduce(0) { $0 + abs(Double(p[$1]) - Double(q[$1])) }
                        distances[layer * config.heads + head].append(sum / 2)
                    }
                }
            }
        }
        return distances
    }
}
