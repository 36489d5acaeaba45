/// Complement ablation: z is knocked out for every head and position except the kept ones (Wang et al. 2211.00593,
/// section 2.2). So are the outputs of MLPs, but only for circuits that name any (Hanna et al. 2305.00586, section 3.2);
/// otherwise all MLPs are recomputed. Biases, LayerNorms and embeddings are not ablated.
///
/// The constants of optimal ablation are learned for each kept set before any of them is measured.
public struct ComplementAblation: Sendable {
    /// The heads and MLPs kept in each run, and the positions where each is kept.
    public let kept: [[Node: PositionSelection]]
    public let ablation: Ablation
    /// Whether MLPs are ablated where they are not kept.
    public let ablatesMLPs: Bool
    public var metric = Metric.logitDifference

    /// - Parameters:
    ///   - kept: the nodes kept in each run, and the positions where each is kept.
    ///   - ablation: what replaces all others.
    ///   - ablatingMLPs: whether MLPs are ablated even if no kept set names one, as in a circuit of heads and MLPs without
    ///     its last MLP.
    public init(
        _ kept: [[Node: PositionSelection]],
        ablation: Ablation = Ablation(),
        ablatingMLPs: Bool = false
    ) {
        self.kept = kept
        self.ablation = ablation
        ablatesMLPs = ablatingMLPs || kept.contains { $0.keys.contains { $0.mlp != nil } }
    }

    /// Measures the model with only the nodes of each of `kept`.
    ///
    /// All runs start from a cached run with every node ablated. There each row depends on its own token only, so equal
    /// tokens share a row. A node kept at some positions affects only those, so only they are recomputed, from its
    /// layer up.
    ///
    /// - Parameters:
    ///   - reference: prompts whose counterfactuals give means, or from which constants are learned; nil for `prompts`.
    ///   - done: measures from an interrupted call.
    ///   - progress: called with the share of the work done.
    ///   - settings: threads, memory and interruption.
    ///   - prompts: the prompts to measure.
    ///   - model: the model to measure.
    /// - Returns: measures with one cell for each of `kept`; `original` is the whole model.
    /// - Throws: `IOIError` if a node does not exist, MLPs are to be ablated by `optimal`, a prompt has no counterfactual,
    ///   a group of prompts has no reference, or a measure is not finite; ``PatchInterruption``.
    public func measure(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        reference: [Prompt]? = nil,
        settings: RunSettings,
        resuming done: PatchMeasures? = nil,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> PatchMeasures {
        for node in kept.flatMap(\.keys) {
            if let problem = model.config.problem(with: node) { throw IOIError("a kept node: \(problem)") }
        }
        guard ablation.kind != .optimal || !ablatesMLPs else {
            throw IOIError.invalid(
                "ablation.kind",
                "found optimal, whose constants are learned for heads alone, but the circuit names MLPs; expected another "
                    + "kind"
            )
        }
        try prompts.check(kept.flatMap(\.values), field: "circuit")
        let runner = PatchRunner(
            model, prompts: prompts, metric: metric, keeping: PatchedPass.sites(divergingAt: [.residPre]),
            donorSites: sites, settings: settings
        )
        let learningShare = ablation.kind == .optimal ? 0.9 : 0
        let ablators = try ablators(model, prompts, reference: reference ?? prompts, runner.capacity, settings) {
            progress(learningShare * $0)
            if settings.isStopping {
                throw PatchInterruption(measures: done ?? PatchMeasures(cells: kept.count))
            }
        }
        let measures = try runner.measure(
            cells: kept.count, runningBase: false, resuming: done,
            progress: { progress(learningShare + (1 - learningShare) * $0) }
        ) { batch, progress in
            var measures = PatchMeasures(cells: 0)
            measures.original = runner.original(of: batch)
            for (ablator, kept) in ablators {
                ablator.prepare(batch)
                let empty = PromptBatch(
                    prompts: batch.prompts,
                    packed: PackedBatch(batch.inputs, rows: .last, contexts: ablator.contexts(of: batch))
                )
                runner.base.run(empty.packed, computingZ: false) { site, layer, values in
                    guard sites.contains(site) else { return }
                    let tokens = runner.base.tokensOfZ(layer: layer)
                    ablator.edit(site, layer: layer, head: nil, tokens: tokens, of: empty)
                        .write(into: values, workers: settings.workers)
                }
                let firsts = ablator.firsts(of: batch)
                let variants = kept.map { variant(keeping: $0, ablator, empty, firsts: firsts, config: model.config) }
                let done = measures.patched.count
                measures.patched += try runner.run(variants, of: empty) {
                    try progress(Double(done + $0) / Double(self.kept.count))
                }
            }
            return measures
        }
        settings.shared?.keep(measures.original, unpatched: metric, of: model, prompts)
        return measures
    }

    private var sites: Set<Site> { ablatesMLPs ? [.z, .mlpOut] : [.z] }

    /// The ablators and the kept sets that each applies to: one for all sets, or one per set for optimal ablation.
    private func ablators(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        reference: [Prompt],
        _ capacity: BatchCapacity,
        _ settings: RunSettings,
        _ progress: (Double) throws -> Void
    ) throws -> [(Ablator, kept: ArraySlice<[Node: PositionSelection]>)] {
        guard ablation.kind == .optimal else {
            let ablator = try Ablator(
                ablation, of: model, sites: sites, prompts: prompts, reference: reference, capacity: capacity,
                settings: settings
            )
            return [(ablator, kept[...])]
        }
        try IOIError.scoped("ablation", ablation.validate)
        let learning = ablation.learning ?? Ablation.Learning()
        return try kept.indices.map { index in
            let constants = try OptimalConstants(
                model, keeping: kept[index], prompts: reference, workers: settings.workers
            )
            try constants.learn(learning, seed: ablation.seed) {
                try progress((Double(index) + $0) / Double(kept.count))
            }
            return (Ablator(constants), kept[index...index])
        }
    }

    /// A patched run that restores some nodes in the fully ablated run.
    ///
    /// - Parameter firsts: the position in each prompt before which a node's own values equal the ablated ones.
    private func variant(
        keeping kept: [Node: PositionSelection],
        _ ablator: Ablator,
        _ batch: PromptBatch,
        firsts: [Int],
        config: GPT2Config
    ) -> PatchedRun {
        let tokens = Dictionary(
            uniqueKeysWithValues: Set(kept.values).map { ($0, Set(batch.tokens(batch.tokens([$0]), from: firsts))) }
        )
        var firstLayers: [Int: Int] = [:]
        for (node, selection) in kept {
            for token in tokens[selection]! { firstLayers[token] = min(firstLayers[token] ?? .max, node.layer) }
        }
        let rows = firstLayers.sorted { $0.key < $1.key }
        let ablated = config.allHeads.map(Node.head) + (ablatesMLPs ? (0..<config.layers).map(Node.mlp) : [])
        let edits = ablated.compactMap { node -> Edit? in
            let own = kept[node].map { tokens[$0]! } ?? []
            let out = rows.filter { $0.value <= node.layer && !own.contains($0.key) }.map(\.key)
            return out.isEmpty
                ? nil : ablator.edit(node.site, layer: node.layer, head: node.head?.index, tokens: out, of: batch)
        }
        return PatchedRun(edits, rows: rows.map { ($0.key, DivergencePoint($0.value, .residPre)) })
    }
}
