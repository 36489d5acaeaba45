/// The values that knocked-out sites get, for batch after batch of some prompts.
final class Ablator {
    private let ablation: Ablation
    private let means: AblationMeans?
    /// Row l is the z of layer l's heads, everywhere. [layers, d]
    private let constants: ValueTable?
    private let headWidth: Int
    /// A run on other inputs, one for each prompt.
    private let donor: ForwardPass?
    /// The donor's input for each prompt; empty where there is no donor.
    private let inputs: [[Int]]

    /// One whose values are constants.
    init(_ constants: OptimalConstants) {
        ablation = Ablation(.optimal)
        self.constants = constants.table
        headWidth = constants.parameters.config.headWidth
        (means, donor, inputs) = (nil, nil, [])
    }

    /// - Parameters:
    ///   - sites: what will be knocked out: z, mlp_out or the residual stream before the first block.
    ///   - prompts: all that will come.
    ///   - reference: prompts whose counterfactuals means are taken over; those of every group of `prompts` among them.
    /// - Throws: `IOIError` where a prompt has no counterfactual, and of kind `usage` for `optimal`.
    init(
        _ ablation: Ablation,
        of parameters: GPT2Parameters,
        sites: Set<Site>,
        prompts: [Prompt],
        reference: [Prompt],
        capacity: BatchCapacity,
        workers: Workers
    ) throws {
        self.ablation = ablation
        constants = nil
        headWidth = parameters.config.headWidth
        let groups = Dictionary(grouping: prompts.indices) { PromptGroup(prompts[$0]) }
        switch ablation.kind {
        case .zero: (means, donor, inputs) = (nil, nil, [])
        case .mean:
            let known = Set(reference.map(PromptGroup.init))
            if ablation.group == .template, let group = groups.keys.first(where: { !known.contains($0) }) {
                throw IOIError(
                    "template \"\(group.template)\", order \(group.order.rawValue): found no prompt of \(group.length) "
                        + "tokens to take means over"
                )
            }
            (donor, inputs) = (nil, [])
            means = try AblationMeans(
                parameters, sites: sites, over: reference, group: ablation.group, workers: workers
            )
        case .optimal:
            throw Ablation.needsCircuit
        case .counterfactual, .resample:
            means = nil
            donor = ForwardPass(parameters, capacity: capacity, keeping: sites, workers: workers)
            inputs = try prompts.enumerated().map { index, prompt in
                let others = groups[PromptGroup(prompt)]!.filter { $0 != index }
                guard ablation.kind == .resample, !others.isEmpty else { return try prompt.counterfactual() }
                var generator = SeededGenerator(ablation.seed, "resample", index)
                return try prompts[others[generator.below(others.count)]].counterfactual()
            }
        }
    }

    /// Gets the values of a batch ready.
    func prepare(_ batch: PromptBatch) {
        donor?.run(PackedBatch(Array(inputs[batch.prompts.indices]), rows: .last))
    }

    /// The edits that knock a target out of runs of a batch that was prepared; the runs may be on other inputs.
    func edits(_ target: KnockoutTarget, of batch: PromptBatch) -> [Edit] {
        let firsts = firsts(of: batch)
        func edit(_ site: Site, _ layer: Int, _ head: Int?, _ positions: [PositionSelection]) -> Edit {
            self.edit(
                site, layer: layer, head: head, tokens: batch.tokens(batch.tokens(positions), from: firsts), of: batch
            )
        }
        return target.heads.sorted { $0.key < $1.key }.map { edit(.z, $0.layer, $0.index, $1) }
            + target.mlps.sorted { $0.key < $1.key }.map { edit(.mlpOut, $0, nil, $1) }
    }

    /// The position in each prompt from which on values can differ from its own.
    func firsts(of batch: PromptBatch) -> [Int] {
        zip(batch.prompts.indices, batch.inputs).map { index, input in
            if let means { return means.first(batch.prompts[index], input: input) }
            return donor == nil ? 0 : commonPrefix(inputs[index], input)
        }
    }

    /// The edit that knocks out a head, an MLP or, where `head` is nil, all heads of a layer at some tokens of a batch
    /// that was prepared.
    func edit(_ site: Site, layer: Int, head: Int?, tokens: [Int], of batch: PromptBatch) -> Edit {
        let values: Edit.Values =
            if let means {
                means.values(site, layer: layer, head: head, tokens: tokens, of: batch)
            } else if let constants {
                .table(constants, rows: tokens.map { _ in layer }, column: (head ?? 0) * headWidth)
            } else {
                donor.map { .run($0) } ?? .zero
            }
        return Edit(site: site, layer: layer, head: head, tokens: tokens, values: values)
    }

    /// For each token of a batch that was prepared a number, the same wherever position and all knocked-out values are
    /// the same. [prompts][positions]
    func contexts(of batch: PromptBatch) -> [[Int]] {
        batch.packed.prompts.map { tokens in
            tokens.enumerated().map { position, token in
                let source =
                    means?.row(of: token, of: batch) ?? donor.map { $0.batch.rowOfToken[token] } ?? 0
                return source * batch.packed.rowOfToken.count + position
            }
        }
    }
}
