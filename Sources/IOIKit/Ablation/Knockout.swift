/// Heads and MLPs that are knocked out together, and where.
public struct KnockoutTarget: Equatable, Sendable {
    public let name: String
    public private(set) var heads: [Head: [PositionSelection]] = [:]
    public private(set) var mlps: [Int: [PositionSelection]] = [:]

    public init(_ name: String) { self.name = name }

    public mutating func add(_ head: Head, at position: PositionSelection) { heads[head, default: []].append(position) }

    public mutating func add(mlp layer: Int, at position: PositionSelection) {
        mlps[layer, default: []].append(position)
    }

    /// The sites that are replaced.
    var sites: Set<Site> { Set((heads.isEmpty ? [] : [Site.z]) + (mlps.isEmpty ? [] : [Site.mlpOut])) }

    /// - Parameters:
    ///   - headSource: what an error about a head names; the target's name if nil.
    ///   - mlpSource: what an error about an MLP names; the target's name if nil.
    ///   - kind: whose mistake it is.
    /// - Throws: `IOIError` where a head or MLP is beyond the model's.
    func check(
        _ config: GPT2Config,
        headSource: String? = nil,
        mlpSource: String? = nil,
        kind: IOIError.Kind = .failure
    ) throws {
        for head in heads.keys.sorted() { try config.check(head, source: headSource ?? name, kind: kind) }
        for layer in mlps.keys.sorted() where layer >= config.layers {
            throw IOIError(
                "\(mlpSource ?? name): found MLP \(layer), expected 0 to \(config.layers - 1) in this model", kind: kind
            )
        }
    }
}

/// Knockout: z of heads, or outputs of MLPs, replaced by values that carry nothing of the prompt's names (Wang et al.
/// 2211.00593, section 2.2; SPEC section 7). Biases, LayerNorms and embeddings stay.
public struct Knockout: Sendable {
    /// Each is knocked out alone, in a run of its own.
    public var targets: [KnockoutTarget]
    public var ablation: Ablation

    public init(_ targets: [KnockoutTarget], ablation: Ablation = Ablation()) {
        self.targets = targets
        self.ablation = ablation
    }

    /// - Parameters:
    ///   - done: what an interrupted call measured.
    ///   - progress: told what share of the work is done.
    ///   - reference: prompts whose counterfactuals means are taken over, if not `prompts`.
    /// - Returns: the cells are `targets`.
    /// - Throws: `IOIError` where a target is beyond the model, a prompt has no counterfactual, a group of prompts has
    ///   no reference, or a logit difference is not finite; `PatchInterruption`.
    public func measure(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        reference: [Prompt]? = nil,
        settings: PatchSettings,
        resuming done: PatchMeasures? = nil,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> PatchMeasures {
        for target in targets { try target.check(model.config) }
        let sites = targets.reduce(into: Set<Site>()) { $0.formUnion($1.sites) }
        let runner = PatchRunner(
            model, prompts: prompts, keeping: PatchedPass.sites(divergingAt: Set(sites.map(\.stage))),
            donorSites: sites,
            settings: settings
        )
        let ablator = try Ablator(
            ablation, of: model, sites: sites, prompts: prompts, reference: reference ?? prompts,
            capacity: runner.capacity, workers: settings.workers
        )
        return try runner.measure(cells: targets.count, resuming: done, progress: progress) { batch, progress in
            ablator.prepare(batch)
            let variants = targets.map { PatchedRun(ablator.edits($0, of: batch), of: batch.packed) }
            var measures = PatchMeasures(cells: 0)
            measures.original = PatchRunner.logitDifferences(runner.base, batch)
            measures.patched = try runner.run(variants, of: batch) { try progress(Double($0) / Double(targets.count)) }
            return measures
        }
    }
}
