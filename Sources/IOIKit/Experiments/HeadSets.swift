/// The sets of heads that a cross-model sweep patches as wholes: a circuit, its classes, everything outside it, and
/// random sets to compare it with.
public struct HeadSets: Sendable {
    public struct Named: Sendable {
        public let name: String
        public let heads: [Head]
    }

    /// The circuit first; empty where there is none.
    public let named: [Named]
    /// As large as the circuit, layer by layer.
    public let random: [[Head]]

    /// Named sets, then random ones.
    var all: [[Head]] { named.map(\.heads) + random }

    init(_ options: PatchOptions.CrossModel, model: GPT2, seed: UInt64) throws {
        guard let name = options.circuit else {
            (named, random) = ([], [])
            return
        }
        let config = model.config
        let circuit = try Circuit.named(name, for: config, at: model.location)
        let inside = Set(circuit.heads)
        named =
            [Named(name: "circuit", heads: circuit.heads)]
            + circuit.classes.map { Named(name: $0.name, heads: $0.heads.sorted()) }
            + [Named(name: "outside", heads: config.allHeads.filter { !inside.contains($0) })]
        random = MatchedHeads.sets(like: circuit.heads, count: options.randomSets, config: config, seed: seed)
    }
}

/// One direction of a cross-model sweep: the map of single heads, and sets of them.
public struct CrossModelResults: Sendable, Encodable {
    public struct SetEffect: Sendable, Encodable {
        public let name: String
        public let heads: [Head]
        public let cell: PatchEffects.Cell

        enum CodingKeys: String, CodingKey {
            case name, heads, patched, effect, ci95, recovered
            case patchedInterval = "patched_ci95"
            case recoveredInterval = "recovered_ci95"
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .name)
            try container.encode(heads, forKey: .heads)
            try container.encode(cell.patched.value, forKey: .patched)
            try container.encode(cell.patched.ci95, forKey: .patchedInterval)
            try container.encode(cell.effect.value, forKey: .effect)
            try container.encode(cell.effect.ci95, forKey: .ci95)
            try container.encode(cell.recovered?.value, forKey: .recovered)
            try container.encode(cell.recovered?.ci95, forKey: .recoveredInterval)
        }
    }

    /// The circuit's effect among those of random sets.
    public struct Null: Sendable, Encodable {
        public let count: Int
        /// Percent, ascending.
        public let effects: [Double]
        public let mean: Double
        /// The share of random sets whose effect is nearer to zero than the circuit's.
        public let share: Double

        enum CodingKeys: String, CodingKey {
            case count, effects, mean
            case share = "nearer_to_zero"
        }
    }

    public let map: PatchMap
    public let sets: [SetEffect]
    /// nil without random sets.
    public let random: Null?

    /// - Parameter cells: of all sets.
    init(map: PatchMap, sets: HeadSets, cells: [PatchEffects.Cell]) {
        self.map = map
        self.sets = zip(sets.named, cells).map { SetEffect(name: $0.name, heads: $0.heads, cell: $1) }
        let effects = cells.dropFirst(sets.named.count).compactMap(\.effect.value).sorted()
        guard !effects.isEmpty, let circuit = cells.first?.effect.value else {
            random = nil
            return
        }
        random = Null(
            count: effects.count, effects: effects, mean: effects.reduce(0, +) / Double(effects.count),
            share: Double(effects.count { abs($0) < abs(circuit) }) / Double(effects.count)
        )
    }

    enum CodingKeys: String, CodingKey {
        case sets
        case random = "random_sets"
    }

    public func encode(to encoder: any Encoder) throws {
        try map.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(sets, forKey: .sets)
        try container.encodeIfPresent(random, forKey: .random)
    }
}
