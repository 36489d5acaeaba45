/// The faithfulness of a circuit, by one method or by a grid of them.
public struct FaithfulnessExperiment: MetricExperiment, Equatable {
    public static let name = "faithfulness"

    public var prompts: PromptSource
    /// `default` or a file.
    public var circuit = "default"
    public var method = CircuitMethod()
    /// The number of random circuits for comparison.
    public var randomSets = 0
    /// Whether to measure the circuit by the grid of methods too.
    public var surface = false
    public var metric: Metric?

    public init(prompts: PromptSource) { self.prompts = prompts }

    enum CodingKeys: String, CodingKey {
        case prompts, circuit, method, surface, metric
        case randomSets = "random_sets"
    }

    public func validate() throws {
        try IOIError.scoped("prompts", prompts.validate)
        try IOIError.check("random_sets", randomSets, in: 0...100_000)
        try IOIError.scoped("method") { try method.validate(prompts) }
    }

    public var counterfactuals: CounterfactualUse {
        // The surface has all kinds of ablation.
        surface ? .groups : method.ablation.use(reference: method.reference)
    }

    public var circuitName: String? { circuit }

    public func circuit(of model: GPT2) throws -> Circuit? {
        try Circuit.named(circuit, for: model.config, at: model.location)
    }

    public func reasonAgainstShards(on subject: Subject) -> String? { nil }

    public func run(on subject: Subject, _ work: Work) throws -> FaithfulnessResults {
        let (model, prompts, seed) = (subject.model, subject.prompts, self.prompts.seed)
        let graph = Graph(model.config)
        let circuit = try subject.circuit ?? Circuit.named(circuit, for: model.config, at: model.location)
        if method.granularity == .edge { try CircuitMethod.edges(of: circuit, graph) }
        let random = try circuit.matched(count: randomSets, config: model.config, seed: seed)
        let methods = [method] + (surface ? grid(circuit, model.config) : [])
        var references: [Int: [Prompt]] = [:]
        func measure(_ index: Int) throws -> PatchMeasures {
            let method = methods[index]
            if let count = method.reference, references[count] == nil {
                references[count] = try self.prompts.reference(count: count, for: model)
            }
            let size = PatchMeasures.Size(cells: 1 + random.count, prompts: prompts.count)
            return try work.partial.measure("method \(index)", size) {
                try method.measure(
                    [circuit] + random, of: model.parameters, prompts, metric: metric(on: subject),
                    reference: method.reference.flatMap { references[$0] }, settings: work.settings, resuming: $0
                ) { work.progress((Double(index) + $0) / Double(methods.count)) }
            }
        }
        let measures = try measure(0)
        var results = FaithfulnessResults(
            measures, prompts, method: method, seed: seed, workers: work.workers, perPrompt: work.perPrompt
        )
        results.sparsity = circuit.sparsity(prompts, config: model.config, everywhere: method.everywhere)
        results.edgeSparsity = circuit.edgeSet(graph).map { Double($0.count) / Double(graph.edgeCount) }
        for index in methods.indices.dropFirst() {
            let measures = try measure(index)
            results.surface += EffectAggregation.allCases.map { aggregation in
                var method = methods[index]
                method.aggregation = aggregation
                return SurfaceCell(method: method, measures, seed: seed, workers: work.workers)
            }
        }
        return results
    }

    /// All methods except for the aggregation, which needs no separate runs.
    private func grid(_ circuit: Circuit, _ config: GPT2Config) -> [CircuitMethod] {
        let seed = prompts.seed
        // Prompts from a file cannot be extended.
        let references = prompts.file == nil ? [nil, 4 * prompts.count] : [nil]
        var values: [(Ablation, Int?)] = []
        for group in [Ablation.Group.template, .global] {
            values += references.map { (Ablation(.mean, group: group, seed: seed), $0) }
        }
        values += [.resample, .counterfactual, .zero].map { (Ablation($0, seed: seed), nil) }
        let isEverywhere = circuit.classes.allSatisfy { $0.position == .all }
        let hasEdges = circuit.edgeSet(Graph(config)) != nil
        var methods: [CircuitMethod] = []
        for granularity in hasEdges ? CircuitMethod.Granularity.allCases : [.node] {
            for everywhere in isEverywhere ? [true] : [false, true] {
                for (ablation, reference) in values {
                    var method = CircuitMethod()
                    (method.ablation, method.reference) = (ablation, reference)
                    (method.everywhere, method.granularity) = (everywhere, granularity)
                    methods.append(method)
                }
            }
        }
        return methods
    }
}

/// The faithfulness of a circuit by one method of the grid.
public struct SurfaceCell: Equatable, Sendable {
    public private(set) var method = CircuitMethod()
    public private(set) var circuit: Double?
    public private(set) var ratio = Estimate()
    public private(set) var note: RatioNote?
    /// The percentage of random circuits with a lower ratio; nil without random circuits.
    public private(set) var nullPercentile: Double?
    /// The central 90 % range of the random circuits' ratios.
    public private(set) var nullRange: [Double]?

    init(
        method: CircuitMethod,
        ratio: Estimate,
        note: RatioNote? = nil,
        nullPercentile: Double? = nil,
        nullRange: [Double]? = nil
    ) {
        self.method = method
        self.ratio = ratio
        self.note = note
        self.nullPercentile = nullPercentile
        self.nullRange = nullRange
    }

    fileprivate init(method: CircuitMethod, _ measures: PatchMeasures, seed: UInt64, workers: Workers) {
        let (faithfulness, null) = measures.faithfulness(by: method, seed: seed, workers: workers)
        self.init(
            method: method, ratio: faithfulness.ratio, note: faithfulness.note, nullPercentile: null?.percentile,
            nullRange: null.map { [$0.middle.lowerBound, $0.middle.upperBound] }
        )
        circuit = faithfulness.circuit.value
    }
}

extension SurfaceCell: FieldCoded {
    init() {}

    static var fields: [Field<SurfaceCell>] {
        [
            .value("options", \.method), .nullable("circuit", \.circuit), .estimate("ratio", interval: "ci95", \.ratio),
            .nullable("ratio_note", \.note), .nullable("null_percentile", \.nullPercentile),
            .nullable("null_90", \.nullRange),
            // A check alone.
            Field { _, _ in
            } read: { _, decoder in
                _ = try decoder.container(keyedBy: FieldName.self).decodeIfPresent(Interval.self, forKey: "null_90")
            },
        ]
    }
}

public struct FaithfulnessResults: Equatable, Sendable {
    /// The metric of the model and of the circuit on one prompt.
    public struct Case: Codable, Equatable, Sendable {
        public let id: Int
        public let text: String
        public let model: Double
        public let circuit: Double
    }

    /// Logit differences. [prompts]
    public struct PerPrompt: Codable, Equatable, Sendable {
        public let model: [Double]
        public let circuit: [Double]
    }

    /// By the requested method.
    public private(set) var faithfulness = Faithfulness()
    /// The comparison with random circuits, if any.
    public private(set) var null: NullComparison?
    /// By the order of the names: "ABBA" or "BABA"; empty for another task than IOI.
    public private(set) var byOrder: [String: Faithfulness] = [:]
    /// By the kind of prompt; nil for IOI.
    public private(set) var byGroup: [String: Faithfulness]?
    public private(set) var byTemplate: [String: Faithfulness] = [:]
    /// The share of (head, position) pairs that the circuit keeps; of (node, position) pairs if it names MLPs.
    public fileprivate(set) var sparsity = 0.0
    /// The share of the graph's edges that the circuit keeps; nil if it has neither edges nor paths.
    public fileprivate(set) var edgeSparsity: Double?
    /// Quantiles over prompts of F(C) − F(M), at ``quantileShares``.
    public private(set) var quantiles: [Double] = []
    /// The prompts on which circuit and model differ most, worst first.
    public private(set) var worst: [Case] = []
    public fileprivate(set) var surface: [SurfaceCell] = []
    public private(set) var perPrompt: PerPrompt?

    public static let quantileShares = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]

    fileprivate init(
        _ measures: PatchMeasures,
        _ prompts: [Prompt],
        method: CircuitMethod,
        seed: UInt64,
        workers: Workers,
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
        (faithfulness, null) = measures.faithfulness(by: method, seed: seed, workers: workers)
        let groups = split(\.group)
        if prompts.allSatisfy(\.positions.areIOI) { byOrder = groups } else { byGroup = groups }
        byTemplate = split(\.template)
        let differences = zip(circuit, model).map { $0 - $1 }
        let sorted = differences.sorted()
        quantiles = Self.quantileShares.map { Bootstrap.quantile(sorted, $0) }
        worst = prompts.indices.sorted { (-abs(differences[$0]), $0) < (-abs(differences[$1]), $1) }.prefix(5).map {
            Case(id: prompts[$0].id, text: prompts[$0].text, model: model[$0], circuit: circuit[$0])
        }
        if perPrompt { self.perPrompt = PerPrompt(model: model, circuit: circuit) }
    }
}

extension FaithfulnessResults: FieldCoded {
    init() {}

    static var fields: [Field<FaithfulnessResults>] {
        [
            .inline(\.faithfulness), .value("sparsity", \.sparsity), .optional("edge_sparsity", \.edgeSparsity),
            .value("by_order", \.byOrder), .optional("by_group", \.byGroup), .value("by_template", \.byTemplate),
            .value("quantiles", \.quantiles),
            .value("worst", \.worst), .optional("random", \.null), .list("surface", \.surface),
            .optional("per_prompt", \.perPrompt),
        ]
    }
}

extension PatchMeasures {
    /// The faithfulness of the first cell's circuit, compared with the random circuits of the other cells.
    fileprivate func faithfulness(
        by method: CircuitMethod,
        seed: UInt64,
        workers: Workers
    ) -> (Faithfulness, NullComparison?) {
        let faithfulness = Faithfulness(
            model: original, circuit: patched[0], aggregation: method.aggregation, seed: seed, workers: workers
        )
        let ratios = patched.dropFirst().map { Faithfulness.ratio(model: original, circuit: $0, method.aggregation) }
        let null = ratios.isEmpty ? nil : faithfulness.ratio.value.map { NullComparison(ratios, of: $0) }
        return (faithfulness, null)
    }
}
