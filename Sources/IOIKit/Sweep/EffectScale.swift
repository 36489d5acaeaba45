/// What the effects of patches are percentages of.
public enum EffectScale: String, CaseIterable, Codable, Sendable {
    /// The logit difference of the unpatched run.
    case original
    /// The logit difference of the prompts minus that of their counterfactuals, as in the code of Chhabra et al.
    /// (2503.01896): −100 % is as much as all names' change from prompt to counterfactual.
    case gap

    /// As a title says it.
    public var unit: String {
        switch self {
        case .original: "%"
        case .gap: "% of the counterfactual gap"
        }
    }

    /// Measures what the scale is based on in the unpatched model; nil for the original one.
    ///
    /// - Throws: `IOIError` naming a prompt without a counterfactual; a ``PatchInterruption`` without measures.
    func gap(of model: GPT2Parameters, _ prompts: [Prompt], _ settings: RunSettings) throws -> CounterfactualGap? {
        guard self == .gap else { return nil }
        return try CounterfactualGap(model, prompts, workers: settings.workers) { _ in
            try settings.checkInterruption()
        }
    }
}

// Options omit the original scale, as they did before there was another.

extension KeyedEncodingContainer {
    mutating func encode(_ scale: EffectScale, forKey key: Key) throws {
        try encodeIfPresent(scale == .original ? nil : scale, forKey: key)
    }
}

extension KeyedDecodingContainer {
    func decode(_ type: EffectScale.Type, forKey key: Key) throws -> EffectScale {
        try decodeIfPresent(type, forKey: key) ?? .original
    }
}
