/// Which heads step in for the name movers (Wang et al. 2211.00593, section 3.4): what each head sends to the logits at END
/// before and after the name movers are knocked out there.
public struct BackupMovers: Codable, Equatable, Sendable {
    /// The name movers.
    public let knockedOut: [Head]
    /// The mean logit difference without them.
    public let left: Estimate
    /// By how much that is more, in percent of the model's own.
    public let effect: Estimate
    /// What path patching each head to the logits does, in percent of the model's own logit difference: in the whole
    /// model, and without the name movers.
    public let before, after: HeadMap

    enum CodingKeys: String, CodingKey {
        case knockedOut = "knocked_out"
        case left, effect, before, after
    }

    /// - Parameters:
    ///   - measures: of the whole model, and without the name movers. Their cells are the heads, layer by layer.
    ///   - heads: of a layer.
    init(
        without movers: [Head],
        _ measures: (before: PatchMeasures, after: PatchMeasures),
        heads: Int,
        seed: UInt64,
        workers: Workers
    ) {
        func effects(_ measures: PatchMeasures) -> [PatchEffects.Cell] {
            PatchEffects(measures, seed: seed, workers: workers).cells
        }
        var drop = PatchMeasures(cells: 0)
        drop.original = measures.before.original
        drop.patched = [measures.after.original]
        let cell = effects(drop)[0]
        knockedOut = movers
        left = cell.patched
        effect = cell.effect
        before = HeadMap(effects(measures.before).map(\.effect), heads: heads)
        after = HeadMap(effects(measures.after.moved(to: measures.before.original)).map(\.effect), heads: heads)
    }

    /// Patches the path from each head to the logits.
    ///
    /// - Parameters:
    ///   - movers: knocked out at END; none for the whole model.
    ///   - done: what an interrupted call measured.
    /// - Returns: the cells are the heads, layer by layer.
    /// - Throws: what ``PathPatching`` throws.
    static func measure(
        without movers: [Head],
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        ablation: Ablation,
        settings: RunSettings,
        resuming done: PatchMeasures?,
        progress: @escaping (Double) -> Void
    ) throws -> PatchMeasures {
        var method = try PathPatching(cells: model.config.allHeads.map { [.head($0)] }, receivers: [.logits])
        if !movers.isEmpty {
            var target = KnockoutTarget("name movers")
            for head in movers { target.add(head, at: .one(.end)) }
            method.knockout = target
            method.ablation = ablation
        }
        return try method.measure(model, prompts, settings: settings, resuming: done, progress: progress)
    }
}
