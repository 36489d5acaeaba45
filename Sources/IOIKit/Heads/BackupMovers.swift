/// Which heads back up the name movers (Wang et al. 2211.00593, section 3.4): each head's effect on the logits at END
/// before and after the name movers are knocked out there.
public struct BackupMovers: Codable, Equatable, Sendable {
    /// The name movers.
    public let knockedOut: [Head]
    /// The mean logit difference without them.
    public let left: Estimate
    /// The change from the model's logit difference to `left`, in percent of the former.
    public let effect: Estimate
    /// The effect of patching the path from each head to the logits, in percent of the whole model's logit difference:
    /// in the whole model and without the name movers.
    public let before, after: HeadMap

    enum CodingKeys: String, CodingKey {
        case knockedOut = "knocked_out"
        case left, effect, before, after
    }

    /// - Parameters:
    ///   - measures: in the whole model and without the name movers, with one cell per head in layer-major order.
    ///   - heads: the number of heads per layer.
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
        let drop = PatchMeasures(original: measures.before.original, patched: [measures.after.original])
        let cell = effects(drop)[0]
        knockedOut = movers
        left = cell.patched
        effect = cell.effect
        before = HeadMap(effects(measures.before).map(\.effect), heads: heads)
        after = HeadMap(effects(measures.after.rebased(on: measures.before.original)).map(\.effect), heads: heads)
    }

    /// Patches the path from each head to the logits.
    ///
    /// - Parameter movers: heads to knock out at END; empty for the whole model.
    /// - Returns: measures with one cell per head in layer-major order.
    /// - Throws: errors from ``PathPatching``.
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
            method.knockout = KnockoutTarget("name movers", movers, at: .one(.end))
            method.ablation = ablation
        }
        return try method.measure(model, prompts, settings: settings, resuming: done, progress: progress)
    }
}
