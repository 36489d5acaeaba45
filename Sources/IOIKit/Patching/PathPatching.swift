/// Path patching: what reaches the receivers from a sender, through MLPs and LayerNorms but no other head (Wang et al.
/// 2211.00593, section 3.1 and appendix B).
///
/// With attention frozen, what a sender changes stays at its position: only the MLPs above it run again, at the
/// receivers' positions, and the run with the receivers' new inputs starts at the first of them. The figures are those of four whole passes, to
/// rounding.
public struct PathPatching: Sendable {
    public enum Sender: Hashable, Sendable {
        /// A head's z.
        case head(Head)
        /// The output of the MLP of a layer.
        case mlp(Int)
    }

    /// The senders of each run.
    public var cells: [[Sender]]
    /// Where the paths end, all at once. The recorded residual stream stands for everything before the logits, so with
    /// `logits` among them the others change nothing.
    public var receivers: [Receiver]
    /// Whether MLPs between sender and receivers keep their outputs.
    public var freezesMLPs = false
    /// Whether LayerNorms between sender and receivers, theirs included, keep their scales.
    public var freezesLayerNorms = false
    /// What is knocked out in every run, the unpatched ones included.
    public var knockout: KnockoutTarget?
    public var ablation = Ablation()

    /// - Throws: `IOIError` of kind `usage` where there is no receiver.
    public init(cells: [[Sender]], receivers: [Receiver]) throws {
        guard !receivers.isEmpty else { throw IOIError.usage("--receiver: expected at least one") }
        self.cells = cells
        self.receivers = receivers
    }

    /// - Parameters:
    ///   - done: what an interrupted call measured.
    ///   - progress: told what share of the work is done.
    ///   - reference: prompts whose counterfactuals the knockout's means are taken over, if not `prompts`.
    /// - Returns: the cells are `cells`.
    /// - Throws: `IOIError` where a sender or receiver is beyond the model, a prompt has no counterfactual, or a logit
    ///   difference is not finite; `PatchInterruption`.
    public func measure(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        reference: [Prompt]? = nil,
        settings: RunSettings,
        resuming done: PatchMeasures? = nil,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> PatchMeasures {
        try check(model.config)
        let sent = Set(cells.joined().map(\.site))
        let stages = Set(sent.union(knockout?.sites ?? []).map(\.stage))
        let toLogits = receivers.contains(.logits)
        let baseSites = PatchedPass.sites(
            divergingAt: toLogits ? stages : stages.union([.qkv]), freezing: frozen,
            isLive: knockout != nil || !toLogits
        )
        // With something knocked out, the donor is a run that patched runs start from as well.
        let donorSites = knockout == nil ? sent : baseSites
        let runner = PatchRunner(
            model, prompts: prompts, keeping: baseSites, donorSites: donorSites, settings: settings
        )
        let donor = ForwardPass(model, capacity: runner.capacity, keeping: donorSites, workers: settings.workers)
        let ablator = try knockout.map { knockout in
            try Ablator(
                ablation, of: model, sites: knockout.sites, prompts: prompts, reference: reference ?? prompts,
                capacity: runner.capacity, workers: settings.workers
            )
        }
        return try runner.measure(
            cells: cells.count, sharingBeginnings: knockout == nil, resuming: done, progress: progress
        ) { batch, progress in
            let inputs = try batch.prompts.map { try $0.counterfactual() }
            let other = PromptBatch(
                prompts: batch.prompts,
                packed: PackedBatch(inputs, rows: .last, sharesBeginnings: knockout == nil)
            )
            donor.run(other.packed)
            var lasting: [Edit] = []
            if let knockout, let ablator {
                ablator.prepare(batch)
                for (run, batch) in [(donor, other), (runner.base, batch)] {
                    lasting = ablator.edits(knockout, of: batch)
                    _ = runner.pass.run([PatchedRun(lasting, of: batch.packed)], on: run, storing: true)
                }
            }
            let firsts = zip(batch.inputs, inputs).map(commonPrefix)
            var measures = PatchMeasures(cells: 0)
            measures.original = PatchRunner.logitDifferences(runner.base, batch)
            measures.patched = try patch(batch, runner, donor, firsts: firsts, lasting: lasting, progress)
            return measures
        }
    }

    /// What a run with a sender's new output keeps.
    private var frozen: Frozen { [.attention, freezesMLPs ? .mlps : [], freezesLayerNorms ? .layerNorms : []] }

    /// - Parameters:
    ///   - firsts: where each prompt's counterfactual first differs.
    ///   - lasting: the edits of the knockout.
    private func patch(
        _ batch: PromptBatch,
        _ runner: PatchRunner,
        _ donor: ForwardPass,
        firsts: [Int],
        lasting: [Edit],
        _ progress: (Double) throws -> Void
    ) throws -> [[Double]] {
        let readings = receivers.flatMap { receiver in
            guard case .heads(let input, let heads, let position) = receiver else { return [Reading]() }
            let tokens = batch.tokens([position])
            return heads.map { Reading(site: input, head: $0, tokens: tokens) }
        }
        let toLogits = receivers.contains(.logits)
        let sentTokens = batch.tokens(batch.tokens(receivers.map(\.position)), from: firsts)
        let variants = cells.map { senders in
            PatchedRun(senders.map { $0.edit(tokens: sentTokens, from: donor) }, tokens: sentTokens)
        }
        // What is knocked out of attention is frozen with it.
        let lastingMLPs = lasting.filter { $0.site == .mlpOut }
        let original = PatchRunner.logitDifferences(runner.base, batch)
        var differences = Array(repeating: original, count: cells.count)
        let order = cells.indices.sorted { (variants[$0].divergencePoint, $0) < (variants[$1].divergencePoint, $1) }
        let size = max(1, runner.pass.capacity / max(1, sentTokens.count))
        for start in stride(from: 0, to: order.count, by: size) {
            let chunk = order[start..<min(start + size, order.count)]
            let (tables, ends) = runner.pass.run(
                chunk.map { variants[$0] }, on: runner.base, lasting: lastingMLPs, freezing: frozen, reading: readings,
                toEnd: toLogits
            )
            if let ends {
                for (place, cell) in chunk.enumerated() {
                    runner.read(ends, variant: place, batch, into: &differences[cell])
                }
            } else {
                let received = chunk.enumerated().map { place, cell in
                    PatchedRun(
                        zip(readings, tables).compactMap { reading, table in
                            reading.edit(from: table, variant: place, changedBy: variants[cell], at: sentTokens)
                        },
                        of: batch.packed
                    )
                }
                let patched = try runner.run(received, of: batch, lasting: lasting)
                for (cell, patched) in zip(chunk, patched) { differences[cell] = patched }
            }
            try progress(Double(start + chunk.count) / Double(order.count))
        }
        return differences
    }

    private func check(_ config: GPT2Config) throws {
        for sender in cells.joined() {
            switch sender {
            case .head(let head):
                if let problem = config.problem(with: head) { throw IOIError("a sender: \(problem)") }
            case .mlp(let layer):
                guard layer < config.layers else {
                    throw IOIError("a sender: found MLP \(layer), expected 0 to \(config.layers - 1) in this model")
                }
            }
        }
        for receiver in receivers {
            guard case .heads(_, let heads, _) = receiver else { continue }
            for head in heads {
                if let problem = config.problem(with: head) {
                    throw IOIError.invalid("receivers", "\(receiver): \(problem)")
                }
            }
        }
        try knockout?.check(config, headField: "knockout")
    }
}

extension PathPatching.Sender {
    var site: Site {
        switch self {
        case .head: .z
        case .mlp: .mlpOut
        }
    }

    /// The sender's output of another run in place of its own.
    fileprivate func edit(tokens: [Int], from donor: ForwardPass) -> Edit {
        switch self {
        case .head(let head):
            Edit(site: site, layer: head.layer, head: head.index, tokens: tokens, values: .run(donor))
        case .mlp(let layer): Edit(site: site, layer: layer, head: nil, tokens: tokens, values: .run(donor))
        }
    }
}

extension Reading {
    /// What a variant made of the reading, to be received in another run; nil where the variant cannot have changed
    /// it.
    ///
    /// - Parameter changed: the tokens that the variant computed.
    fileprivate func edit(
        from table: ValueTable,
        variant: Int,
        changedBy sender: PatchedRun,
        at changed: [Int]
    ) -> Edit? {
        guard sender.divergencePoint < DivergencePoint(head.layer, .residPre) else { return nil }
        let changed = Set(changed)
        let indices = tokens.indices.filter { changed.contains(tokens[$0]) }
        return Edit(
            site: site, layer: head.layer, head: head.index, tokens: indices.map { tokens[$0] },
            values: .table(table, rows: indices.map { variant * tokens.count + $0 }, column: 0)
        )
    }
}
