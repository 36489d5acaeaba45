/// Cross-model patching: a run of the host takes activations of some heads from the donor's run on the same prompt
/// (CMAP, Prakash et al. 2402.14811, section 5, for z; Chhabra et al. 2503.01896 for patterns and z).
public struct CrossModelPatching: Sendable {
    /// The sites patched together: `pattern`, `z`, `result`, or any of q, k and v.
    public var components: [Site]
    public var position: PositionSelection
    /// The heads patched in each run.
    public var sets: [[Head]]
    /// Whether effects are estimated to first order, all from one backward pass, rather than measured.
    public var isEstimating = false
    public var metric = Metric.logitDifference

    /// - Throws: `IOIError` for `components` if one of them overrides another.
    public init(components: [Site], position: PositionSelection = .all, sets: [[Head]]) throws {
        let hidden: [(Site, by: Site)] = [
            (.q, .pattern), (.k, .pattern), (.q, .z), (.k, .z), (.v, .z), (.pattern, .z), (.q, .result), (.k, .result),
            (.v, .result), (.pattern, .result), (.z, .result),
        ]
        guard !components.isEmpty, let site = components.first(where: { !$0.isPerHead }) ?? components.first,
            site.isPerHead
        else {
            throw IOIError.invalid("components", "expected pattern, z, result, q, k or v, or several of them")
        }
        if let (site, other) = hidden.first(where: { components.contains($0.0) && components.contains($0.by) }) {
            throw IOIError.invalid(
                "components",
                "found \(site.rawValue) with \(other.rawValue), which is computed from it and overrides it"
            )
        }
        self.components = components
        self.position = position
        self.sets = sets
    }

    /// - Parameters:
    ///   - done: measures from an interrupted call.
    ///   - progress: called with the share of the work done.
    ///   - host: the model that is patched.
    ///   - settings: threads, memory and interruption.
    ///   - donor: the model that values come from.
    ///   - prompts: the prompts to measure.
    /// - Returns: measures with one cell for each of `sets`.
    /// - Throws: `IOIError` if the models differ in shape, a head does not exist, or a measure is not
    ///   finite; ``PatchInterruption``.
    public func measure(
        host: GPT2Parameters,
        donor: GPT2Parameters,
        _ prompts: [Prompt],
        settings: RunSettings,
        resuming done: PatchMeasures? = nil,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> PatchMeasures {
        try host.config.checkShape(of: donor.config)
        guard metric != .divergence || host.config.vocabularySize == donor.config.vocabularySize else {
            throw IOIError.invalid(
                "metric",
                "found \(metric.rawValue), the divergence of probabilities over vocabularies of \(host.config.vocabularySize) and "
                    + "\(donor.config.vocabularySize), expected another"
            )
        }
        try prompts.check([position], field: "position")
        for head in sets.joined() {
            if let problem = host.config.problem(with: head) { throw IOIError("a set of heads: \(problem)") }
        }
        let kept = Set(components.map { $0 == .result ? .z : $0 })
        let runner =
            isEstimating
            ? PatchRunner(forFirstOrderOf: kept, host, prompts: prompts, metric: metric, settings: settings)
            : PatchRunner(
                host, prompts: prompts, metric: metric,
                keeping: PatchedPass.sites(divergingAt: Set(components.map(\.stage))), donorSites: kept,
                settings: settings
            )
        let donorRun = ForwardPass(donor, capacity: runner.capacity, keeping: kept, workers: settings.workers)
        let estimator = isEstimating ? FirstOrder(runner, capacity: runner.capacity, donor: donorRun) : nil
        return try runner.measure(
            cells: sets.count, sharingBeginnings: !isEstimating, resuming: done, progress: progress
        ) { batch, progress in
            donorRun.run(batch.packed)
            let tokens = batch.tokens([position])
            let variants = sets.map { heads in
                PatchedRun(
                    heads.flatMap { head in
                        components.map {
                            Edit(
                                site: $0, layer: head.layer, head: head.index, tokens: tokens, values: .run(donorRun)
                            )
                        }
                    },
                    of: batch.packed
                )
            }
            var measures = PatchMeasures(cells: 0)
            measures.original = runner.takeOriginal()
            measures.donor = runner.values(of: donorRun)
            measures.patched =
                try estimator?.run(variants, of: batch, progress: progress)
                ?? runner.run(variants, of: batch) { try progress(Double($0) / Double(sets.count)) }
            return measures
        }
    }
}
