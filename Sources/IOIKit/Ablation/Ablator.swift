/// Provides the values of knocked-out sites for successive batches of prompts.
final class Ablator {
    private let ablation: Ablation
    private let means: AblationMeans?
    /// The z of each layer's heads, at every position. [layers, d]
    private let constants: ValueTable?
    private let headWidth: Int
    /// A run on the inputs that values are taken from.
    private let donor: ForwardPass?
    /// The donor's input for each prompt; empty without a donor.
    private let inputs: [[Int]]

    init(_ constants: OptimalConstants) {
        ablation = Ablation(.optimal)
        self.constants = constants.table
        headWidth = constants.parameters.config.headWidth
        (means, donor, inputs) = (nil, nil, [])
    }

    /// - Parameters:
    ///   - sites: the sites to knock out: z, MLP outputs or the residual stream before the first block.
    ///   - prompts: all prompts of the batches to come.
    ///   - reference: prompts whose counterfactuals give means, including some of each group of `prompts`.
    /// - Throws: `IOIError` if a prompt has no counterfactual, a group has no reference, or the kind is `optimal`.
    init(
        _ ablation: Ablation,
        of parameters: GPT2Parameters,
        sites: Set<Site>,
        prompts: [Prompt],
        reference: [Prompt],
        capacity: BatchCapacity,
        settings: RunSettings
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
                    "template \"\(group.template)\", \(group.structure): found no prompt of \(group.length) "
                        + "tokens to take means over"
                )
            }
            (donor, inputs) = (nil, [])
            means = try (settings.shared ?? SharedPasses()).means(
                of: parameters, sites: sites, over: reference, group: ablation.group, settings: settings
            )
        case .optimal:
            throw Ablation.needsCircuit
        case .counterfactual, .resample:
            means = nil
            donor = ForwardPass(parameters, capacity: capacity, keeping: sites, workers: settings.workers)
            inputs = try prompts.enumerated().map { index, prompt in
                let others = groups[PromptGroup(prompt)]!.filter { $0 != index }
                guard ablation.kind == .resample, !others.isEmpty else { return try prompt.counterfactual() }
                var generator = SeededGenerator(ablation.seed, "resample", index)
                return try prompts[others[generator.below(others.count)]].counterfactual()
            }
        }
    }

    /// Computes the values for a batch.
    func prepare(_ batch: PromptBatch) {
        donor?.run(PackedBatch(Array(inputs[batch.prompts.indices]), rows: .last))
    }

    /// The edits that knock a target out of runs of a prepared batch. The runs may be on other inputs.
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

    /// The first position in each prompt at which the replaced values can differ from its own.
    func firsts(of batch: PromptBatch) -> [Int] {
        zip(batch.prompts.indices, batch.inputs).map { index, input in
            if let means { return means.first(batch.prompts[index], input: input) }
            return donor == nil ? 0 : commonPrefix(inputs[index], input)
        }
    }

    /// The edit that knocks out a site of a prepared batch at some tokens: for a nil `head`, the MLP or all heads of
    /// the layer.
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

    /// Numbers that are equal for tokens of a prepared batch whose positions and knocked-out values are all equal.
    /// [prompts][positions]
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
