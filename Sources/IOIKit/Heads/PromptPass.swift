/// One pass of a model over prompts, batch after batch, that several analyses read from.
enum PromptPass {
    /// - Parameters:
    ///   - sites: what each batch's run keeps, at all rows.
    ///   - progress: told what share of the prompts is done.
    ///   - body: reads a batch's run.
    /// - Throws: what `body` throws, and a `PatchInterruption` without measures.
    static func run(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        keeping sites: Set<Site>,
        settings: RunSettings,
        progress: (Double) -> Void = { _ in },
        body: (PromptBatch, ForwardPass) throws -> Void
    ) throws {
        let size = min(RunSettings.prompts, prompts.count)
        let forward = ForwardPass(
            model, capacity: BatchCapacity(lengths: prompts.map(\.tokens.count), count: size, rows: .all),
            keeping: sites, workers: settings.workers
        )
        for start in stride(from: 0, to: prompts.count, by: size) {
            if settings.isInterrupted() { throw PatchInterruption(measures: PatchMeasures(cells: 0)) }
            let range = start..<min(start + size, prompts.count)
            let batch = PromptBatch(
                prompts: prompts[range], packed: PackedBatch(prompts[range].map(\.tokens), rows: .all)
            )
            forward.run(batch.packed)
            try body(batch, forward)
            progress(Double(range.upperBound) / Double(prompts.count))
        }
    }
}
