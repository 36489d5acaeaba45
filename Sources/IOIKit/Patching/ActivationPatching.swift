/// Activation patching: a run on one input takes the value of a site from a run on another input and recomputes
/// everything downstream (Vig et al. 2004.12265; Meng et al. 2202.05262).
public struct ActivationPatching: Sendable {
    public var site: Site
    /// Per-head sites are patched at all positions together, in one run per head. Other sites are patched at each
    /// position separately, in one run per layer and position.
    public var positions: [PositionSelection]
    /// Whether values from the prompt are patched into the counterfactual rather than the reverse.
    public var isDenoising = false
    /// Whether effects are estimated to first order, all from one backward pass, rather than measured.
    public var isEstimating = false
    /// The cells to measure, by layer · columns + column; nil for all.
    public var cells: [Int]?
    public var metric = Metric.logitDifference

    public init(site: Site, positions: [PositionSelection]) {
        self.site = site
        self.positions = positions
    }

    /// The number of patched runs per layer.
    public func columns(_ config: GPT2Config) -> Int { site.isPerHead ? config.heads : positions.count }

    /// - Parameters:
    ///   - done: measures from an interrupted call.
    ///   - progress: called with the share of the work done.
    ///   - model: the model to measure.
    ///   - prompts: the prompts to measure.
    ///   - settings: threads, memory and interruption.
    /// - Returns: measures with cells layer · columns + column, or with those of `cells`.
    /// - Throws: `IOIError` if a prompt has no counterfactual or a measure is not finite;
    ///   ``PatchInterruption``.
    public func measure(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        settings: RunSettings,
        resuming done: PatchMeasures? = nil,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> PatchMeasures {
        try prompts.check(positions, field: "positions")
        let kept: Set<Site> = [site == .result ? .z : site]
        let config = model.config
        let runner =
            isEstimating
            ? PatchRunner(forFirstOrderOf: kept, model, prompts: prompts, metric: metric, settings: settings)
            : PatchRunner(
                model, prompts: prompts, metric: metric, keeping: PatchedPass.sites(divergingAt: [site.stage]),
                donorSites: kept, settings: settings
            )
        let donor = ForwardPass(model, capacity: runner.capacity, keeping: kept, workers: settings.workers)
        let estimator = isEstimating ? FirstOrder(runner, capacity: runner.capacity, donor: donor) : nil
        let columns = columns(config)
        let cells = cells ?? Array(0..<config.layers * columns)
        let (input, other): ((Prompt) throws -> [Int], (Prompt) throws -> [Int]) =
            isDenoising ? ({ try $0.counterfactual() }, { $0.tokens }) : ({ $0.tokens }, { try $0.counterfactual() })
        return try runner.measure(
            cells: cells.count, input: input, sharingBeginnings: !isEstimating, resuming: done, progress: progress
        ) { batch, progress in
            let others = try batch.prompts.map(other)
            donor.run(PackedBatch(others, rows: .last))
            let firsts = try zip(batch.prompts, others).map { commonPrefix(try input($0), $1) }
            func edit(_ layer: Int, _ head: Int?, _ positions: [PositionSelection]) -> PatchedRun {
                let tokens = batch.tokens(batch.tokens(positions), from: firsts)
                return PatchedRun(
                    [Edit(site: site, layer: layer, head: head, tokens: tokens, values: .run(donor))], of: batch.packed
                )
            }
            let variants = cells.map { cell in
                let (layer, column) = cell.quotientAndRemainder(dividingBy: columns)
                return site.isPerHead ? edit(layer, column, positions) : edit(layer, nil, [positions[column]])
            }
            var measures = PatchMeasures(cells: 0)
            measures.original = runner.takeOriginal()
            measures.donor = runner.values(of: donor)
            measures.patched =
                try estimator?.run(variants, of: batch, progress: progress)
                ?? runner.run(variants, of: batch) { try progress(Double($0) / Double(cells.count)) }
            return measures
        }
    }
}
