import Foundation

/// Discovers a model's circuit.
public struct DiscoverExperiment: MetricExperiment, Equatable {
    public static let name = "circuit discover"
    public static let uncompared: Set = ["problem"]

    public enum Method: Codable, Equatable, Sendable {
        case path(PathWalk)
        case walk(NodeWalk)
        case attribution(Attribution)
        case acdc(threshold: Double, metric: Metric)
    }

    /// Options for circuits of the edges with the best attribution scores.
    public struct Attribution: Codable, Equatable, Sendable {
        /// The interpolation steps of EAP-IG; nil for EAP.
        public var steps: Int?
        /// Where EAP-IG takes the gradient; nil for ``EdgeAttribution/Rule/right``.
        public var rule: EdgeAttribution.Rule?
        /// The number of edges in the circuit, before pruning.
        public var edges = 200
        /// Whether edges are ranked by the absolute score.
        public var isAbsolute = true
        /// The resamples of the prompts for estimating stability; 0 to skip it.
        public var resamples = 20
        /// Whether to measure CPR and CMD.
        public var curve = false
        /// The absolute path of a file with other scores of all edges to compare with; see ``MIBCircuit``.
        public var against: String?

        public init() {}

        /// The scores to compare with, if any.
        ///
        /// - Throws: `IOIError` naming the file if it cannot be read or is for a model of another shape.
        fileprivate func others(_ config: GPT2Config) throws -> MIBCircuit? {
            try against.map { try MIBCircuit(contentsOf: URL(fileURLWithPath: $0), for: config) }
        }
    }

    public var prompts: PromptSource
    public var method: Method
    /// The values along ablated edges.
    public var ablation = Ablation(.counterfactual)
    /// What is measured, and attributed to edges. ACDC decides by its own.
    public var metric: Metric?
    /// Whether a circuit found by edges names its MLPs too, in a class of their own; nil if not. For path patching, which
    /// finds heads alone, it is nil.
    public var mlps: Bool?

    public init(prompts: PromptSource, method: Method) {
        self.prompts = prompts
        self.method = method
    }

    /// The walk that names IOI's classes gives way to ``NodeWalk`` for prompts of another task.
    public mutating func complete(for subject: Subject) {
        completeMetric(for: subject)
        guard case .path(let walk) = method, subject.dataset?.namesIOI == false else { return }
        var general = NodeWalk()
        (general.logits, general.senders, general.seed) = (walk.logits, walk.s2, walk.seed)
        method = .walk(general)
    }

    public func validate() throws {
        try IOIError.scoped("prompts", prompts.validate)
        try IOIError.scoped("ablation", ablation.validate)
        switch method {
        case .path(let walk):
            try IOIError.scoped("method.path._0", walk.validate)
            guard mlps == nil else {
                throw IOIError.invalid("mlps", "does not apply to path patching, which finds heads alone")
            }
        case .walk(let walk): try IOIError.scoped("method.walk._0", walk.validate)
        case .attribution(let attribution):
            let field = "method.attribution._0"
            try IOIError.check("\(field).edges", attribution.edges, in: 1...100_000_000)
            if let steps = attribution.steps {
                try IOIError.check("\(field).steps", steps, in: 1...1000)
            } else if let rule = attribution.rule {
                throw IOIError.invalid("\(field).rule", "found \(rule.rawValue) without steps, expected none for EAP")
            }
            try IOIError.check("\(field).resamples", attribution.resamples, in: 0...10_000)
        case .acdc(let threshold, _):
            guard threshold >= 0 else {
                throw IOIError.invalid("method.acdc.threshold", "found \(threshold), expected 0 or more")
            }
        }
    }

    /// The circuit that is found is measured with means.
    public var counterfactuals: CounterfactualUse { .groups }

    /// If no circuit is found, the results state the reason. It is not an error.
    public func reasonAgainstShards(on subject: Subject) -> String? { "a search decides each step by all prompts" }

    public func run(on subject: Subject, _ work: Work) throws -> DiscoverResults {
        let config = subject.model.config
        if case .attribution(let attribution) = method {
            let all = Graph(config).edgeCount
            guard attribution.edges <= all else {
                throw IOIError.invalid("edges", "found \(attribution.edges), expected 1 to \(all), all of this model")
            }
        }
        do {
            return try find(in: subject.model, subject.prompts, metric(on: subject), work)
        } catch let error as NoCircuit {
            return DiscoverResults(problem: error.description)
        }
    }

    private func find(in model: GPT2, _ prompts: [Prompt], _ metric: Metric, _ work: Work) throws -> DiscoverResults {
        let (parameters, seed, settings) = (model.parameters, self.prompts.seed, work.settings)
        let (partial, progress) = (work.partial, work.progress)
        let graph = Graph(model.config)
        var results: DiscoverResults
        func finish(_ circuit: Circuit) throws -> DiscoverResults {
            var results = DiscoverResults(circuit: circuit)
            let measures = try partial.measure("nodes", .init(cells: 1, prompts: prompts.count)) {
                try CircuitMethod().measure(
                    [circuit], of: parameters, prompts, metric: metric, reference: nil, settings: settings,
                    resuming: $0
                ) { progress(0.95 + 0.05 * $0) }
            }
            results.faithfulness = faithfulness(measures, settings)
            results.sparsity = circuit.sparsity(prompts, config: model.config, everywhere: false)
            return results
        }
        switch method {
        case .path(let walk):
            let found = try walk.find(
                parameters, name: model.location.name, prompts, metric: metric, settings: settings,
                measuring: partial.measure, progress: { progress(0.95 * $0) }
            )
            results = try finish(found.circuit)
            (results.steps, results.behaviour) = (found.steps, found.behaviour)
        case .walk(let walk):
            let found = try walk.find(
                parameters, name: model.location.name, prompts, metric: metric, settings: settings,
                measuring: partial.measure, progress: { progress(0.95 * $0) }
            )
            results = try finish(found.circuit)
            results.steps = found.steps
        case .acdc(let threshold, let searched):
            let search = ACDC(threshold: threshold, metric: searched, ablation: ablation)
            let edges = try partial.search(edges: graph.edgeCount) {
                try search.find(parameters, prompts, settings: settings, resuming: $0) { progress(0.95 * $0) }
            }
            results = try DiscoverResults(circuit: circuit(edges, model))
            let measures = try measure(
                [EdgeCircuit(edges)], parameters, prompts, metric, settings, partial, from: 0.95, progress
            )
            results.faithfulness = faithfulness(measures, settings)
        case .attribution(let attribution):
            let others = try attribution.others(model.config)
            let share = attribution.curve ? 0.3 : 0.8
            var attributing = EdgeAttribution(steps: attribution.steps, rule: attribution.rule ?? .right)
            attributing.metric = metric
            let scores = try attributing.scores(parameters, prompts, settings: settings) { progress(share * $0) }
            let ranking = EdgeRanking(graph, scores: scores.mean, isAbsolute: attribution.isAbsolute)
            var edges = ranking.best(attribution.edges)
            edges.prune()
            results = try DiscoverResults(circuit: circuit(edges, model))
            results.scores = DiscoverResults.Scores(scores, ranking, edges, seed: seed, settings.workers)
            results.allScores = MIBCircuit(edges, scores: ranking.scores, width: model.config.width)
            results.against = others.map {
                let file = URL(fileURLWithPath: attribution.against!).lastPathComponent
                return ScoreComparison(ranking, with: $0, file: file, best: attribution.edges)
            }
            if attribution.resamples > 1 {
                results.stability = EdgeStability(
                    scores, count: attribution.edges, isAbsolute: attribution.isAbsolute,
                    resamples: attribution.resamples, seed: seed
                )
            }
            let curve = attribution.curve ? EdgeCurve.circuits(ranking) : []
            let measures = try measure(
                [EdgeCircuit(edges)] + curve, parameters, prompts, metric, settings, partial, from: share, progress
            )
            results.faithfulness = faithfulness(measures, settings)
            if attribution.curve {
                var points = measures
                points.patched.removeFirst()
                results.curve = EdgeCurve(points, graph: graph, seed: seed, workers: settings.workers)
            }
        }
        return results
    }

    /// Measures circuits by their edges.
    private func measure(
        _ circuits: [EdgeCircuit],
        _ parameters: GPT2Parameters,
        _ prompts: [Prompt],
        _ metric: Metric,
        _ settings: RunSettings,
        _ partial: PartialResults,
        from share: Double,
        _ progress: @escaping (Double) -> Void
    ) throws -> PatchMeasures {
        var method = EdgeComplementAblation(circuits, ablation: ablation)
        method.metric = metric
        return try partial.measure("edges", .init(cells: circuits.count, prompts: prompts.count)) {
            try method.measure(parameters, prompts, settings: settings, resuming: $0) {
                progress(share + (1 - share) * $0)
            }
        }
    }

    /// The faithfulness of the first circuit.
    private func faithfulness(_ measures: PatchMeasures, _ settings: RunSettings) -> Faithfulness {
        Faithfulness(
            model: measures.original, circuit: measures.patched[0], seed: prompts.seed,
            workers: settings.workers
        )
    }

    /// The circuit of some edges, with all its heads in one class and all its MLPs in another, at all positions.
    private func circuit(_ edges: EdgeSet, _ model: GPT2) throws -> Circuit {
        let nodes = edges.nodes
        let classes = [
            HeadClass(name: "heads", nodes: nodes.filter { $0.head != nil }, position: .all),
            HeadClass(name: "MLPs", nodes: mlps == true ? nodes.filter { $0.mlp != nil } : [], position: .all),
        ].filter { !$0.nodes.isEmpty }
        guard !classes.isEmpty else {
            throw NoCircuit(
                "no head\(mlps == true ? " or MLP" : "") lies on a path of the \(edges.count) remaining edges; use more "
                    + "edges or a lower threshold"
            )
        }
        return try Circuit(
            model: model.location.name, classes: classes, edges: edges.edges.map(edges.graph.name)
        )
    }
}

public struct DiscoverResults: Equatable, Sendable {
    public struct EdgeScore: Codable, Equatable, Sendable {
        public let edge: String
        public let score: Double
        public let ci95: [Double]?
    }

    public struct NodeScore: Codable, Equatable, Sendable {
        public let node: String
        public let score: Double
    }

    /// Attribution scores.
    public struct Scores: Codable, Equatable, Sendable {
        /// The scores of the circuit's edges, best first.
        public let edges: [EdgeScore]
        /// The sums of each sender's edge scores, best first.
        public let nodes: [NodeScore]
        /// The time for scoring all edges, and the part spent on one forward pass over the prompts.
        public let seconds, forwardSeconds: Double

        enum CodingKeys: String, CodingKey {
            case edges, nodes
            case seconds = "seconds_scoring"
            case forwardSeconds = "seconds_forward"
        }

        init(
            _ scores: EdgeScores,
            _ ranking: EdgeRanking,
            _ kept: EdgeSet,
            seed: UInt64,
            _ workers: Workers
        ) {
            let (graph, all) = (ranking.graph, ranking.graph.edges)
            let best = ranking.order.filter { kept.flags[$0] }
            let columns = best.map { edge in scores.perPrompt.map { Double($0[edge]) } }
            let sums = columns.isEmpty ? nil : ResampledSums(columns, seed: seed, workers: workers)
            edges = best.enumerated().map { column, edge in
                EdgeScore(
                    edge: graph.name(of: all[edge]), score: ranking.scores[edge],
                    ci95: sums?.estimate { [count = sums!.count] in $0[column] / count }.recordedBounds
                )
            }
            func key(_ score: Double) -> Double { ranking.isAbsolute ? abs(score) : score }
            nodes = zip(graph.senders, ranking.senderScores).map { NodeScore(node: $0.description, score: $1) }
                .sorted { key($0.score) > key($1.score) }
            (seconds, forwardSeconds) = (scores.seconds, scores.forwardSeconds)
        }
    }

    /// nil if none was found.
    public fileprivate(set) var circuit: Circuit?
    /// The reason if no circuit was found.
    public fileprivate(set) var problem: String?
    /// The sweeps of path patching, in order.
    public fileprivate(set) var steps: [PathWalkStep] = []
    /// The heads' attention patterns, for path patching.
    public fileprivate(set) var behaviour: HeadBehaviour?
    /// Measured by edges for circuits found by edges, otherwise by heads.
    public fileprivate(set) var faithfulness: Faithfulness?
    /// The share of all (head, position) pairs that the circuit keeps, for path patching.
    public fileprivate(set) var sparsity: Double?
    public fileprivate(set) var scores: Scores?
    public fileprivate(set) var stability: EdgeStability?
    public fileprivate(set) var curve: EdgeCurve?
    /// The agreement of the scores with those of a file.
    public fileprivate(set) var against: ScoreComparison?
    /// The scores of all edges, for attribution. Results files do not hold them.
    public fileprivate(set) var allScores: MIBCircuit?

    fileprivate init(circuit: Circuit) { self.circuit = circuit }
    fileprivate init(problem: String) { self.problem = problem }

    /// - Throws: `IOIError` if no circuit was found.
    public func found() throws -> Circuit {
        guard let circuit else { throw IOIError(problem ?? "no circuit was found") }
        return circuit
    }
}

extension DiscoverResults: FieldCoded {
    init() {}

    static var fields: [Field<DiscoverResults>] {
        [
            .optional("circuit", \.circuit), .optional("problem", \.problem), .list("steps", \.steps),
            .optional("behaviour", \.behaviour), .optional("faithfulness", \.faithfulness),
            .optional("sparsity", \.sparsity), .inline(where: "edges", \.scores), .optional("stability", \.stability),
            .optional("curve", \.curve), .optional("against", \.against),
        ]
    }
}
