/// Whether a circuit needs each of its nodes (minimality) and includes all nodes that perform the task (completeness).
public struct ValidateExperiment: MetricExperiment, Equatable {
    public static let name = "circuit validate"

    public var prompts: PromptSource
    /// `default` or a file.
    public var circuit = "default"
    public var ablation = Ablation()
    /// The number of prompts from the same source that give means, including the measured ones; nil for only those.
    public var reference: Int?
    /// Whether the circuit's nodes are kept, and knocked out of the model, at all positions instead of their classes'.
    public var everywhere = false
    /// How sets K for minimality are chosen; nil to skip minimality.
    public var minimality: Minimality.Sets? = .auto
    /// The kinds of sets K for completeness besides the empty set; nil to skip completeness.
    public var completeness: [Completeness.Kind]? = [.random, .headClass, .greedy]
    /// The number of random sets K.
    public var randomSets = 10
    /// The objectives of greedy searches for completeness.
    public var objectives: [Completeness.Objective] = [.change]
    public var greedy = GreedySearch()
    public var metric: Metric?

    public init(prompts: PromptSource) { self.prompts = prompts }

    enum CodingKeys: String, CodingKey {
        case prompts, circuit, ablation, everywhere, minimality, completeness, objectives, greedy, metric
        case reference = "abc_count"
        case randomSets = "random_sets"
    }

    public func validate() throws {
        try IOIError.scoped("prompts", prompts.validate)
        try IOIError.scoped("ablation", ablation.validate)
        try ablation.validate(reference: reference, prompts)
        try IOIError.check("random_sets", randomSets, in: 1...100_000)
        try IOIError.scoped("greedy", greedy.validate)
        guard minimality != nil || completeness != nil else {
            throw IOIError.usage("expected minimality, completeness or both")
        }
    }

    public var counterfactuals: CounterfactualUse { ablation.use(reference: reference) }

    public var circuitName: String? { circuit }

    public func circuit(of model: GPT2) throws -> Circuit? {
        try Circuit.named(circuit, for: model.config, at: model.location)
    }

    public func reasonAgainstShards(on subject: Subject) -> String? {
        minimality == .greedy || completeness?.contains(.greedy) == true
            ? "a greedy search decides each step by all of its prompts" : nil
    }

    /// Searches for sets on a sample of the prompts, then runs all sets together on all prompts.
    public func run(on subject: Subject, _ work: Work) throws -> ValidateResults {
        let (model, seed) = (subject.model, self.prompts.seed)
        let circuit = try subject.circuit ?? Circuit.named(circuit, for: model.config, at: model.location)
        let knownSets = try minimality.flatMap { try Minimality.sets($0, for: circuit) } ?? [:]
        let reference = try self.prompts.reference(count: reference, for: model) ?? subject.prompts
        func subsets(_ name: String, _ prompts: [Prompt]) -> CircuitSubsets {
            CircuitSubsets(
                of: circuit.positions(everywhere: everywhere), in: model.parameters, prompts,
                reference: reference, ablation: ablation, metric: metric(on: subject), settings: work.settings,
                name: name,
                measuring: work.partial.measure
            )
        }
        let all = subsets("all", subject.prompts)
        let drawn = greedy.sample(subject.prompts, seed: seed)
        let sample = drawn.count == all.count ? all : subsets("sample", drawn)
        let weights = Weights(self, circuit, prompts: all.count, sample: sample.count)
        let stages = StagedProgress(total: weights.total, report: work.progress)

        let minimalitySets =
            minimality == .greedy
            ? try Minimality.greedySets(
                for: circuit, greedy, seed: seed, sample, progress: stages.stage(weights.minimalitySearch)
            ) : knownSets
        var candidates: [Completeness.Candidate] = []
        if let kinds = completeness {
            candidates = Completeness.candidates(kinds, of: circuit, randomSets: randomSets, seed: seed)
            for objective in kinds.contains(.greedy) ? objectives : [] {
                candidates += try Completeness.greedyCandidates(
                    objective, of: circuit, greedy, seed: seed, sample,
                    progress: stages.stage(weights.search(objective))
                )
            }
        }

        let ofModel = candidates.map(\.k)
        var ofCircuit: [Set<Node>] = [[]] + ofModel
        for node in circuit.nodes {
            if let k = minimalitySets[node] { ofCircuit += [k, k.union([node])] }
        }
        // The model first: it needs the unpatched runs themselves, the circuit only their logit differences.
        try all.runModel(without: ofModel, stage: "sets", progress: stages.stage(weights.model))
        try all.runCircuit(without: ofCircuit, stage: "sets", progress: stages.stage(weights.circuit))
        let estimates = all.estimates(circuit: ofCircuit, model: ofModel, seed: seed)
        return ValidateResults(
            circuit, estimates, minimalitySets: minimalitySets, candidates: candidates,
            perPrompt: work.perPrompt ? all : nil
        )
    }

    /// The approximate number of single-prompt runs in each stage.
    private struct Weights {
        let minimalitySearch: Double
        private let changeSearch: Double
        let circuit: Double
        let model: Double
        let total: Double

        init(_ options: ValidateExperiment, _ circuit: Circuit, prompts: Int, sample: Int) {
            let search = options.greedy
            let kinds = options.completeness ?? []
            let objectives = kinds.contains(.greedy) ? options.objectives : []
            let sets =
                1 + (kinds.contains(.random) ? options.randomSets : 0)
                + (kinds.contains(.headClass) ? circuit.classes.count : 0) + objectives.count * search.runs
            let minimalitySets = options.minimality == nil ? 0 : 2 * circuit.nodes.count
            let proposals = search.steps * search.candidates * sample
            minimalitySearch = Double(2 * circuit.nodes.count * proposals)
            changeSearch = Double(search.runs * proposals)
            self.circuit = Double((minimalitySets + sets) * prompts)
            // The empty set needs no run.
            model = Double((sets - 1) * prompts)
            var total = self.circuit + model
            if options.minimality == .greedy { total += minimalitySearch }
            for objective in objectives { total += (objective == .gap ? 2 : 1) * changeSearch }
            self.total = total
        }

        func search(_ objective: Completeness.Objective) -> Double {
            (objective == .gap ? 2 : 1) * changeSearch
        }
    }
}

public struct ValidateResults: Equatable, Sendable {
    /// F(M).
    public private(set) var model = Estimate()
    /// F(C).
    public private(set) var circuit = Estimate()
    /// A caveat on F(C) / F(M). If ratios to F(M) are meaningless, so are all minimality scores.
    public private(set) var ratioNote: RatioNote?
    /// In the circuit's order; empty unless requested.
    public private(set) var minimality: [Minimality.Score] = []
    /// By kind, and within each kind with the worst last; empty unless requested.
    public private(set) var completeness: [Completeness.Score] = []
    public private(set) var perPrompt: PerPrompt?

    /// Logit differences of each prompt.
    public struct PerPrompt: Codable, Equatable, Sendable {
        public struct Subset: Codable, Equatable, Sendable {
            public let k: [Node]
            public let differences: [Double]

            enum CodingKeys: String, CodingKey {
                case k
                case differences = "logit_difference"
            }
        }

        /// F(M).
        public let original: [Double]
        /// F(C∖K).
        public let circuit: [Subset]
        /// F(M∖K).
        public let model: [Subset]

        fileprivate init(_ subsets: CircuitSubsets, circuit: [[Node]], model: [[Node]]) {
            func list(_ sets: [[Node]], _ row: (Set<Node>) -> [Double]) -> [Subset] {
                Set(sets).sorted { $0.count == $1.count ? $0.lexicographicallyPrecedes($1) : $0.count < $1.count }
                    .map { Subset(k: $0, differences: row(Set($0))) }
            }
            original = subsets.original
            self.circuit = list(circuit, subsets.circuit)
            self.model = list(model, subsets.model)
        }
    }

    /// - Parameter perPrompt: the source of each prompt's metric; nil to omit them.
    fileprivate init(
        _ circuit: Circuit,
        _ estimates: SubsetEstimates,
        minimalitySets: [Node: Set<Node>],
        candidates: [Completeness.Candidate],
        perPrompt: CircuitSubsets?
    ) {
        let (whole, part) = (estimates.original, estimates.circuit(without: []))
        model = whole
        self.circuit = part
        let ratio = part.value.flatMap { part in whole.value.map { part / $0 } }
        ratioNote = RatioNote(of: ratio, whole: whole, spread: estimates.spread)
        minimality = circuit.classes.flatMap { headClass in
            headClass.nodes.compactMap { node in
                minimalitySets[node].map { Minimality.Score(node, in: headClass.name, without: $0, estimates) }
            }
        }
        let scores = candidates.map { Completeness.Score($0, estimates) }
        completeness = Completeness.Kind.allCases.flatMap { kind in
            scores.filter { $0.kind == kind }.sorted { ($0.score.value ?? 0) < ($1.score.value ?? 0) }
        }
        let ofModel = completeness.map(\.k)
        let ofCircuit = [[]] + minimality.flatMap { [$0.k, ($0.k + [$0.node]).sorted()] } + ofModel
        self.perPrompt = perPrompt.map { PerPrompt($0, circuit: ofCircuit, model: ofModel) }
    }
}

extension ValidateResults: FieldCoded {
    init() {}

    static var fields: [Field<ValidateResults>] {
        [
            .estimate("model", \.model), .estimate("circuit", \.circuit), .nullable("ratio_note", \.ratioNote),
            .list("minimality", \.minimality), .list("completeness", \.completeness),
            .optional("per_prompt", \.perPrompt),
        ]
    }
}
