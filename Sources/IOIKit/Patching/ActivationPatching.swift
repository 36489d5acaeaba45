/// Activation patching: a run on one input in which a site's value is that of a run on another input, everything after
/// it recomputed (Vig et al. 2020, Meng et al. 2022).
public struct ActivationPatching: Sendable {
    /// What is replaced.
    public var site: Site
    /// Where. Sites that heads have are patched at all of these at once, one run for each head; others at each of
    /// them alone, one run for each layer and position.
    public var positions: [PositionSelection]
    /// Whether the counterfactual is patched with values of the prompt, not the prompt with values of the
    /// counterfactual.
    public var isDenoising = false

    public init(site: Site, positions: [PositionSelection]) {
        self.site = site
        self.positions = positions
    }

    /// The patched runs of a model, layer by layer: heads or positions.
    public func columns(_ config: GPT2Config) -> Int { site.isPerHead ? config.heads : positions.count }

    /// - Parameters:
    ///   - done: what an interrupted call measured.
    ///   - progress: told what share of the work is done.
    /// - Returns: the cells are layer · columns + column.
    /// - Throws: `IOIError` where a prompt has no counterfactual or a logit difference is not finite; `PatchInterruption`.
    public func measure(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        settings: RunSettings,
        resuming done: PatchMeasures? = nil,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> PatchMeasures {
        let kept: Set<Site> = [site == .result ? .z : site]
        let config = model.config
        let runner = PatchRunner(
            model, prompts: prompts, keeping: PatchedPass.sites(divergingAt: [site.stage]), donorSites: kept,
            settings: settings
        )
        let donor = ForwardPass(model, capacity: runner.capacity, keeping: kept, workers: settings.workers)
        let cells = config.layers * columns(config)
        let (input, other): ((Prompt) throws -> [Int], (Prompt) throws -> [Int]) =
            isDenoising ? ({ try $0.counterfactual() }, { $0.tokens }) : ({ $0.tokens }, { try $0.counterfactual() })
        return try runner.measure(cells: cells, input: input, resuming: done, progress: progress) { batch, progress in
            let others = try batch.prompts.map(other)
            donor.run(PackedBatch(others, rows: .last))
            let firsts = try zip(batch.prompts, others).map { commonPrefix(try input($0), $1) }
            func edit(_ layer: Int, _ head: Int?, _ positions: [PositionSelection]) -> PatchedRun {
                let tokens = batch.tokens(batch.tokens(positions), from: firsts)
                return PatchedRun(
                    [Edit(site: site, layer: layer, head: head, tokens: tokens, values: .run(donor))], of: batch.packed
                )
            }
            let variants = (0..<config.layers).flatMap { layer in
                site.isPerHead
                    ? (0..<config.heads).map { edit(layer, $0, positions) }
                    : positions.map { edit(layer, nil, [$0]) }
            }
            var measures = PatchMeasures(cells: 0)
            measures.original = PatchRunner.logitDifferences(runner.base, batch)
            measures.donor = PatchRunner.logitDifferences(donor, batch)
            measures.patched = try runner.run(variants, of: batch) { try progress(Double($0) / Double(cells)) }
            return measures
        }
    }
}
