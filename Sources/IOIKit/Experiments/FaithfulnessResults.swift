/// What `ioi faithfulness` measured.
public struct FaithfulnessResults: Sendable, Encodable {
    /// The circuit by one method of the grid.
    public struct SurfaceCell: Sendable, Encodable {
        public let method: CircuitMethod
        public let faithfulness: Faithfulness
        /// nil without random circuits.
        public let null: NullComparison?

        init(method: CircuitMethod, measures: PatchMeasures, seed: UInt64, workers: Workers) {
            self.method = method
            faithfulness = Faithfulness(
                model: measures.original, circuit: measures.patched[0], aggregation: method.aggregation, seed: seed,
                workers: workers
            )
            let ratios = measures.patched.dropFirst().map {
                Faithfulness.ratio(model: measures.original, circuit: $0, method.aggregation)
            }
            null = ratios.isEmpty ? nil : faithfulness.ratio.value.map { NullComparison(ratios, of: $0) }
        }

        enum CodingKeys: String, CodingKey {
            case options, circuit, ratio, ci95
            case nullPercentile = "null_percentile"
            case nullRange = "null_90"
            case ratioNote = "ratio_note"
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(method, forKey: .options)
            try container.encode(faithfulness.circuit.value, forKey: .circuit)
            try container.encode(faithfulness.ratio.value, forKey: .ratio)
            try container.encode(faithfulness.ratio.ci95, forKey: .ci95)
            try container.encode(faithfulness.note, forKey: .ratioNote)
            try container.encode(null?.percentile, forKey: .nullPercentile)
            try container.encode(null.map { [$0.middle.lowerBound, $0.middle.upperBound] }, forKey: .nullRange)
        }
    }

    /// One prompt, the model's logit difference and the circuit's.
    public struct Case: Sendable, Encodable {
        public let id: Int
        public let text: String
        public let model: Double
        public let circuit: Double
    }

    /// By the method that was asked for.
    public let cell: SurfaceCell
    /// By who is named first: "ABBA" and "BABA".
    public let byOrder: [String: Faithfulness]
    public let byTemplate: [String: Faithfulness]
    /// The share of (head, position) pairs that the circuit keeps.
    public let sparsity: Double
    /// The share of the graph's edges that it keeps, where it names them.
    public let edgeSparsity: Double?
    /// Over prompts, of F(C) − F(M): the least, the 5, 25, 50, 75 and 95 % quantiles, and the greatest.
    public let quantiles: [Double]
    /// The prompts on which circuit and model differ most, the worst first.
    public let worst: [Case]
    public let surface: [SurfaceCell]
    private let measures: PatchMeasures?

    /// The shares of ``quantiles``.
    public static let quantileShares = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]

    init(
        _ measures: PatchMeasures,
        _ prompts: [Prompt],
        method: CircuitMethod,
        seed: UInt64,
        workers: Workers,
        sparsity: Double,
        edges: EdgeSet?,
        surface: [SurfaceCell],
        perPrompt: Bool
    ) {
        let (model, circuit) = (measures.original, measures.patched[0])
        func split(_ key: (Prompt) -> String) -> [String: Faithfulness] {
            Dictionary(grouping: prompts.indices) { key(prompts[$0]) }.mapValues { indices in
                Faithfulness(
                    model: indices.map { model[$0] }, circuit: indices.map { circuit[$0] },
                    aggregation: method.aggregation, seed: seed, workers: workers
                )
            }
        }
        cell = SurfaceCell(method: method, measures: measures, seed: seed, workers: workers)
        byOrder = split { $0.order.rawValue }
        byTemplate = split(\.template)
        self.sparsity = sparsity
        edgeSparsity = edges.map { Double($0.count) / Double($0.graph.edgeCount) }
        let differences = zip(circuit, model).map { $0 - $1 }
        let sorted = differences.sorted()
        quantiles = Self.quantileShares.map { Bootstrap.quantile(sorted, $0) }
        worst = prompts.indices.sorted { (-abs(differences[$0]), $0) < (-abs(differences[$1]), $1) }.prefix(5).map {
            Case(id: prompts[$0].id, text: prompts[$0].text, model: model[$0], circuit: circuit[$0])
        }
        self.surface = surface
        self.measures = perPrompt ? measures : nil
    }

    enum CodingKeys: String, CodingKey {
        case model, circuit, difference, ratio, ci95, sparsity, quantiles, worst, surface, random
        case modelInterval = "model_ci95"
        case circuitInterval = "circuit_ci95"
        case differenceInterval = "difference_ci95"
        case edgeSparsity = "edge_sparsity"
        case ratioNote = "ratio_note"
        case byOrder = "by_order"
        case byTemplate = "by_template"
        case perPrompt = "per_prompt"
    }

    public func encode(to encoder: any Encoder) throws {
        try cell.faithfulness.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(sparsity, forKey: .sparsity)
        try container.encodeIfPresent(edgeSparsity, forKey: .edgeSparsity)
        try container.encode(byOrder, forKey: .byOrder)
        try container.encode(byTemplate, forKey: .byTemplate)
        try container.encode(quantiles, forKey: .quantiles)
        try container.encode(worst, forKey: .worst)
        try container.encodeIfPresent(cell.null, forKey: .random)
        if !surface.isEmpty { try container.encode(surface, forKey: .surface) }
        guard let measures else { return }
        var perPrompt = container.nestedContainer(keyedBy: CodingKeys.self, forKey: .perPrompt)
        try perPrompt.encode(measures.original, forKey: .model)
        try perPrompt.encode(measures.patched[0], forKey: .circuit)
    }
}

extension Faithfulness: Encodable {
    enum CodingKeys: String, CodingKey {
        case count
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: FaithfulnessResults.CodingKeys.self)
        try container.encode(model.value, forKey: .model)
        try container.encode(model.ci95, forKey: .modelInterval)
        try container.encode(circuit.value, forKey: .circuit)
        try container.encode(circuit.ci95, forKey: .circuitInterval)
        try container.encode(difference.value, forKey: .difference)
        try container.encode(difference.ci95, forKey: .differenceInterval)
        try container.encode(ratio.value, forKey: .ratio)
        try container.encode(ratio.ci95, forKey: .ci95)
        try container.encode(note, forKey: .ratioNote)
        var counts = encoder.container(keyedBy: CodingKeys.self)
        try counts.encode(count, forKey: .count)
    }
}
