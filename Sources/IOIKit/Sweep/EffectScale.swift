/// What the effects of patches are percentages of.
public enum EffectScale: String, CaseIterable, Codable, Sendable {
    /// The metric of the unpatched run. A divergence, which is 0 there, is given as it is.
    case original
    /// The metric of the prompts minus that of their counterfactuals, as in the code of Chhabra et al.
    /// (2503.01896): −100 % is as much as all names' change from prompt to counterfactual.
    case gap

    /// As a title says it.
    public func unit(of metric: Metric = .logitDifference) -> String {
        switch self {
        case .original: metric.isRelative ? "%" : "nats"
        case .gap: "% of the counterfactual gap"
        }
    }

    /// Measures what the scale is based on in the unpatched model; nil for the original one.
    ///
    /// - Throws: `IOIError` naming a prompt without a counterfactual; a ``PatchInterruption`` without measures.
    func gap(
        of model: GPT2Parameters,
        _ prompts: [Prompt],
        _ metric: Metric = .logitDifference,
        _ settings: RunSettings
    ) throws -> CounterfactualGap? {
        guard self == .gap else { return nil }
        return try CounterfactualGap(
            model, prompts, metric: metric, workers: settings.workers, ranks: settings.ranks
        ) { _ in try settings.checkInterruption() }
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
