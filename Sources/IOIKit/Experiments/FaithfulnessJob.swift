/// What decides the results of `ioi faithfulness` beside the model.
public struct FaithfulnessOptions: Codable, Equatable, Sendable {
    public var prompts: PromptSource
    /// `default` or a file.
    public var circuit = "default"
    public var method = CircuitMethod()
    /// How many random circuits it is compared with.
    public var randomSets = 0
    /// Whether it is measured by the whole grid of methods.
    public var surface = false

    public init(prompts: PromptSource) { self.prompts = prompts }

    enum CodingKeys: String, CodingKey {
        case prompts, circuit, method, surface
        case randomSets = "random_sets"
    }
}

/// `ioi faithfulness`: how much of the model a circuit is, by one method or by all of them.
public struct FaithfulnessJob: Sendable {
    public let options: FaithfulnessOptions
    public let circuit: Circuit
    private let random: [Circuit]

    /// - Throws: `IOIError` for a circuit that cannot be read or does not fit the model, and of kind `usage` where the
    ///   method needs edges that it does not name.
    public init(_ options: FaithfulnessOptions, model: GPT2) throws {
        self.options = options
        circuit = try Circuit.named(options.circuit, for: model.config, at: model.location)
        random = try circuit.matched(count: options.randomSets, config: model.config, seed: options.prompts.seed)
        if options.method.granularity == .edge { try CircuitMethod.edges(of: circuit, Graph(model.config)) }
    }

    /// - Throws: `IOIError` where prompts and options do not fit each other; `PatchInterruption`.
    public func run(
        _ model: GPT2,
        _ dataset: Dataset,
        settings: RunSettings,
        partial: PartialResults,
        perPrompt: Bool,
        progress: @escaping (Double) -> Void
    ) throws -> FaithfulnessResults {
        let cells = [options.method] + (options.surface ? grid(model.config) : [])
        let seed = options.prompts.seed
        var references: [Int: [Prompt]] = [:]
        var surface: [FaithfulnessResults.SurfaceCell] = []
        var first: PatchMeasures?
        for (index, method) in cells.enumerated() {
            if let count = method.reference, references[count] == nil {
                references[count] = try options.prompts.reference(count: count, for: model)
            }
            let measures = try partial.measure("method \(index)") {
                try method.measure(
                    [circuit] + random, of: model.parameters, dataset.prompts,
                    reference: method.reference.flatMap { references[$0] }, settings: settings, resuming: $0
                ) { progress((Double(index) + $0) / Double(cells.count)) }
            }
            if first == nil {
                first = measures
            } else {
                surface += EffectAggregation.allCases.map { aggregation in
                    var method = method
                    method.aggregation = aggregation
                    return FaithfulnessResults.SurfaceCell(
                        method: method, measures: measures, seed: seed, workers: settings.workers)
                }
            }
        }
        return FaithfulnessResults(
            first!, dataset.prompts, method: options.method, seed: seed, workers: settings.workers,
            sparsity: circuit.sparsity(
                dataset.prompts, config: model.config, everywhere: options.method.everywhere),
            edges: circuit.edgeSet(Graph(model.config)), surface: surface, perPrompt: perPrompt
        )
    }

    /// All methods but for the aggregation, which needs no measuring of its own.
    private func grid(_ config: GPT2Config) -> [CircuitMethod] {
        let seed = options.prompts.seed
        // A user's own file has no more prompts to take means over.
        let references = options.prompts.file == nil ? [nil, 4 * options.prompts.count] : [nil]
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
