/// The effects of a sweep over layers and columns: what a results document holds of it.
///
/// Keys are those of the contract: `original`, `patched [L][H]`, `effect [L][H]` in percent, `ci95 [L][H][2]`, and [L]
/// in place of [L][H] where there is one run a layer.
public struct PatchMap: Sendable, Encodable {
    public enum Columns: Equatable, Sendable {
        case heads
        case positions([PositionSelection])
        /// One run for each layer.
        case single
    }

    public let columns: Columns
    public let effects: PatchEffects
    /// Each layer's cells.
    public let layers: [[PatchEffects.Cell]]
    /// In the document where each prompt's figures are asked for.
    private let measures: PatchMeasures?

    /// - Parameters:
    ///   - measures: its first `layers` · width cells, layer by layer, make up the map.
    ///   - width: cells of a layer.
    public init(
        _ effects: PatchEffects,
        _ measures: PatchMeasures,
        columns: Columns,
        layers: Int,
        width: Int,
        perPrompt: Bool
    ) {
        self.columns = columns
        self.effects = effects
        self.layers = (0..<layers).map { Array(effects.cells[$0 * width..<($0 + 1) * width]) }
        self.measures = perPrompt ? measures : nil
    }

    enum CodingKeys: String, CodingKey {
        case original
        case originalInterval = "original_ci95"
        case donor
        case donorInterval = "donor_ci95"
        case positions, patched
        case patchedInterval = "patched_ci95"
        case effect, ci95, recovered
        case recoveredInterval = "recovered_ci95"
        case perPrompt = "per_prompt"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(effects.original.value, forKey: .original)
        try container.encode(effects.original.ci95, forKey: .originalInterval)
        if let donor = effects.donor {
            try container.encode(donor.value, forKey: .donor)
            try container.encode(donor.ci95, forKey: .donorInterval)
            try encode(layers.map { $0.map(\.recovered?.value) }, .recovered, in: &container)
            try encode(layers.map { $0.map(\.recovered?.ci95) }, .recoveredInterval, in: &container)
        }
        if case .positions(let positions) = columns { try container.encode(positions, forKey: .positions) }
        try encode(layers.map { $0.map(\.patched.value) }, .patched, in: &container)
        try encode(layers.map { $0.map(\.patched.ci95) }, .patchedInterval, in: &container)
        try encode(layers.map { $0.map(\.effect.value) }, .effect, in: &container)
        try encode(layers.map { $0.map(\.effect.ci95) }, .ci95, in: &container)
        guard let measures else { return }
        var perPrompt = container.nestedContainer(keyedBy: CodingKeys.self, forKey: .perPrompt)
        try perPrompt.encode(measures.original, forKey: .original)
        try perPrompt.encodeIfPresent(measures.donor, forKey: .donor)
        let width = layers.first?.count ?? 0
        let rows = layers.indices.map { Array(measures.patched[$0 * width..<($0 + 1) * width]) }
        try encode(rows, .patched, in: &perPrompt)
    }

    /// A row for each layer, or where a layer has one run its value.
    private func encode(
        _ rows: [[some Encodable]],
        _ key: CodingKeys,
        in container: inout KeyedEncodingContainer<CodingKeys>
    ) throws {
        if columns == .single {
            try container.encode(rows.map { $0[0] }, forKey: key)
        } else {
            try container.encode(rows, forKey: key)
        }
    }
}
