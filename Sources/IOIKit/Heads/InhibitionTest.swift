/// Whether heads at END signal which name to suppress (Wang et al. 2211.00593, section 3.2): the logit difference when
/// a head's z at END comes from a prompt with other names.
public struct InhibitionTest: Codable, Equatable, Sendable {
    /// The prompt that z comes from.
    public enum Flip: String, CaseIterable, Codable, CodingKeyRepresentable, Sendable {
        /// The prompt with IO at S2, so that IO is the repeated name.
        case s2ToIO = "s2-to-io"
        /// The prompt's counterfactual, in which no name is repeated.
        case abc
    }

    /// The effects of one flip.
    public struct Effects: Codable, Equatable, Sendable {
        /// The mean logit difference with each head patched.
        public let patched: HeadMap
        /// 100 · (patched − original) / original.
        public let effect: HeadMap

        init(_ measures: PatchMeasures, heads: Int, seed: UInt64, workers: Workers) {
            let effects = PatchEffects(measures, seed: seed, workers: workers)
            patched = HeadMap(effects.cells.map(\.patched), heads: heads)
            effect = HeadMap(effects.cells.map(\.effect), heads: heads)
        }
    }

    public let flips: [Flip: Effects]

    /// Patches each head separately.
    ///
    /// - Returns: measures with one cell per head in layer-major order.
    /// - Throws: errors from ``ActivationPatching``.
    static func measure(
        _ flip: Flip,
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        settings: RunSettings,
        resuming done: PatchMeasures?,
        progress: @escaping (Double) -> Void
    ) throws -> PatchMeasures {
        let prompts = flip == .abc ? prompts : try prompts.map { try $0.withRolesExchanged() }
        return try ActivationPatching(site: .z, positions: [.one(.end)]).measure(
            model, prompts, settings: settings, resuming: done, progress: progress
        )
    }
}

extension Prompt {
    /// The prompt with a counterfactual that differs only in having IO at S2.
    fileprivate func withRolesExchanged() throws -> Prompt {
        var prompt = self
        var generator = SeededGenerator(0, "no names are drawn")
        prompt.counterfactualTokens = try Counterfactual.s2ToIO.tokens(
            from: tokens, positions: positions, names: [], using: &generator
        )
        return prompt
    }
}
