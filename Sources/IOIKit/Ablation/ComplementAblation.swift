/// Complement ablation: some heads stay in place, each where it is kept, and z of every other head and position is
/// knocked out (Wang et al. 2211.00593, section 2.2). MLPs, biases, LayerNorms and embeddings stay.
///
/// The constants of optimal ablation are learned for each of the kept sets, before any is measured.
public struct ComplementAblation: Sendable {
    /// For each run the heads that stay, and where.
    public var kept: [[Head: PositionSelection]]
    public var ablation: Ablation

    public init(_ kept: [[Head: PositionSelection]], ablation: Ablation = Ablation()) {
        self.kept = kept
        self.ablation = ablation
    }

    /// Measures runs with just the heads of each of `kept` in place.
    ///
    /// All start from one run without any head. There a row depends on its own token alone, so the rows of equal tokens
    /// are computed once; and a head that is kept at some positions changes no others, so only those are run again,
    /// from its layer on.
    ///
    /// - Parameters:
    ///   - done: what an interrupted call measured.
    ///   - progress: told what share of the work is done.
    ///   - reference: prompts whose counterfactuals means are taken over, or that constants are learned from, if not
    ///     `prompts`.
    /// - Returns: the cells are `kept`; the original is the model as it is.
    /// - Throws: `IOIError` where a head is beyond the model, a prompt has no counterfactual, a group of prompts has no
    ///   reference, or a logit difference is not finite; `PatchInterruption`.
    public func measure(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        reference: [Prompt]? = nil,
        settings: RunSettings,
        resuming done: PatchMeasures? = nil,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> PatchMeasures {
        for head in kept.flatMap(\.keys) {
            if let problem = model.config.problem(with: head) { throw IOIError("a kept head: \(problem)") }
        }
        let runner = PatchRunner(
            model, prompts: prompts, keeping: PatchedPass.sites(divergingAt: [.residPre]), donorSites: [.z],
            settings: settings
        )
        let learningShare = ablation.kind == .optimal ? 0.9 : 0
        let ablators = try ablators(model, prompts, reference: reference ?? prompts, runner.capacity, settings) {
            progress(learningShare * $0)
            if settings.isInterrupted() {
                throw PatchInterruption(measures: done ?? PatchMeasures(cells: kept.count))
            }
        }
        return try runner.measure(
            cells: kept.count, resuming: done, progress: { progress(learningShare + (1 - learningShare) * $0) }
        ) { batch, progress in
            var measures = PatchMeasures(cells: 0)
            measures.original = PatchRunner.logitDifferences(runner.base, batch)
            for (ablator, kept) in ablators {
                ablator.prepare(batch)
                let empty = PromptBatch(
                    prompts: batch.prompts,
                    packed: PackedBatch(batch.inputs, rows: .last, contexts: ablator.contexts(of: batch))
                )
                runner.base.run(empty.packed, computingZ: false) { site, layer, z in
                    guard site == .z else { return }
                    let tokens = runner.base.tokensOfZ(layer: layer)
                    ablator.edit(.z, layer: layer, head: nil, tokens: tokens, of: empty)
                        .write(into: z, workers: settings.workers)
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
    }

    /// What knocks out the heads outside which of the kept sets: one ablator for all, or one for each.
    ///
    /// - Parameter progress: told what share of the learning is done.
    private func ablators(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        reference: [Prompt],
        _ capacity: BatchCapacity,
        _ settings: RunSettings,
        _ progress: (Double) throws -> Void
    ) throws -> [(Ablator, kept: ArraySlice<[Head: PositionSelection]>)] {
        guard ablation.kind == .optimal else {
            let ablator = try Ablator(
                ablation, of: model, sites: [.z], prompts: prompts, reference: reference, capacity: capacity,
                workers: settings.workers
            )
            return [(ablator, kept[...])]
        }
        let learning = ablation.learning ?? Ablation.Learning()
        guard learning.steps > 0, learning.rate > 0 else {
            throw IOIError.usage(
                "--ablate optimal: found \(learning.steps) steps at the rate \(learning.rate), expected numbers above 0"
            )
        }
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

    /// A run with some heads put back into the one without any.
    ///
    /// - Parameter firsts: the position in each prompt before which a head puts back just what had taken its place.
    private func variant(
        keeping kept: [Head: PositionSelection],
        _ ablator: Ablator,
        _ batch: PromptBatch,
        firsts: [Int],
        config: GPT2Config
    ) -> PatchedRun {
        let tokens = Dictionary(
            uniqueKeysWithValues: Set(kept.values).map { ($0, Set(batch.tokens(batch.tokens([$0]), from: firsts))) }
        )
        var firstLayers: [Int: Int] = [:]
        for (head, selection) in kept {
            for token in tokens[selection]! { firstLayers[token] = min(firstLayers[token] ?? .max, head.layer) }
        }
        let rows = firstLayers.sorted { $0.key < $1.key }
        let edits = config.allHeads.compactMap { head -> Edit? in
            let own = kept[head].map { tokens[$0]! } ?? []
            let out = rows.filter { $0.value <= head.layer && !own.contains($0.key) }.map(\.key)
            return out.isEmpty
                ? nil : ablator.edit(.z, layer: head.layer, head: head.index, tokens: out, of: batch)
        }
        return PatchedRun(edits, rows: rows.map { ($0.key, DivergencePoint($0.value, .residPre)) })
    }
}
