/// `ioi circuit discover`: finds the circuit of a model.
public struct DiscoverJob: Sendable {
    public let options: DiscoverOptions

    /// - Throws: `IOIError` of kind `usage` for options that do not fit the model.
    public init(_ options: DiscoverOptions, config: GPT2Config) throws {
        self.options = options
        if case .attribution(let attribution) = options.method {
            let all = Graph(config).edgeCount
            guard attribution.edges <= all else {
                throw IOIError.usage("--edges: found \(attribution.edges), expected 1 to \(all), all of this model")
            }
        }
    }

    /// - Throws: `IOIError` where no circuit is found; `PatchInterruption`, `ACDC.Interruption`.
    public func run(
        _ model: GPT2,
        _ dataset: Dataset,
        settings: RunSettings,
        partial: PartialResults,
        progress: @escaping (Double) -> Void
    ) throws -> DiscoverResults {
        let (parameters, prompts, seed) = (model.parameters, dataset.prompts, options.prompts.seed)
        let graph = Graph(model.config)
        var results: DiscoverResults
        switch options.method {
        case .path(let walk):
            let found = try walk.find(
                parameters, name: model.location.name, prompts, settings: settings, measuring: partial.measure,
                progress: { progress(0.95 * $0) }
            )
            results = DiscoverResults(circuit: found.circuit, walk: found)
            let measures = try partial.measure("nodes") {
                try CircuitMethod().measure(
                    [found.circuit], of: parameters, prompts, reference: nil, settings: settings, resuming: $0
                ) { progress(0.95 + 0.05 * $0) }
            }
            results.faithfulness = faithfulness(measures, settings)
            results.sparsity = found.circuit.sparsity(prompts, config: model.config, everywhere: false)
        case .acdc(let threshold, let metric):
            let search = ACDC(threshold: threshold, metric: metric, ablation: options.ablation)
            let edges = try partial.search {
                try search.find(parameters, prompts, settings: settings, resuming: $0) { progress(0.95 * $0) }
            }
            results = try DiscoverResults(circuit: circuit(edges, model))
            let measures = try measure(
                [EdgeCircuit(edges)], parameters, prompts, settings, partial, from: 0.95, progress
            )
            results.faithfulness = faithfulness(measures, settings)
        case .attribution(let method):
            let share = method.curve ? 0.3 : 0.8
            let scores = try EdgeAttribution(steps: method.steps).scores(parameters, prompts, settings: settings) {
                progress(share * $0)
            }
            let ranking = EdgeRanking(graph, scores: scores.mean, isAbsolute: method.isAbsolute)
            var edges = ranking.best(method.edges)
            edges.prune()
            results = try DiscoverResults(circuit: circuit(edges, model))
            results.scores = DiscoverResults.Scores(scores, ranking, edges, seed: seed, settings.workers)
            if method.resamples > 1 {
                results.stability = EdgeStability(
                    scores, count: method.edges, isAbsolute: method.isAbsolute, resamples: method.resamples, seed: seed
                )
            }
            let curve = method.curve ? EdgeCurve.circuits(ranking) : []
            let measures = try measure(
                [EdgeCircuit(edges)] + curve, parameters, prompts, settings, partial, from: share, progress
            )
            results.faithfulness = faithfulness(measures, settings)
            if method.curve {
                var points = measures
                points.patched.removeFirst()
                results.curve = EdgeCurve(points, graph: graph, seed: seed, workers: settings.workers)
            }
        }
        return results
    }

    /// Circuits, edge by edge.
    private func measure(
        _ circuits: [EdgeCircuit],
        _ parameters: GPT2Parameters,
        _ prompts: [Prompt],
        _ settings: RunSettings,
        _ partial: PartialResults,
        from share: Double,
        _ progress: @escaping (Double) -> Void
    ) throws -> PatchMeasures {
        try partial.measure("edges") {
            try EdgeComplementAblation(circuits, ablation: options.ablation).measure(
                parameters, prompts, settings: settings, resuming: $0
            ) { progress(share + (1 - share) * $0) }
        }
    }

    /// The first circuit's.
    private func faithfulness(_ measures: PatchMeasures, _ settings: RunSettings) -> Faithfulness {
        Faithfulness(
            model: measures.original, circuit: measures.patched[0], seed: options.prompts.seed,
            workers: settings.workers
        )
    }

    /// The circuit of some edges: its heads in one class, wherever they are.
    private func circuit(_ edges: EdgeSet, _ model: GPT2) throws -> Circuit {
        guard !edges.heads.isEmpty else {
            throw IOIError(
                "no head lies on a path of the \(edges.count) edges that are left; expected some with more edges or a "
                    + "lower threshold"
            )
        }
        return try Circuit(
            model: model.location.name,
            classes: [HeadClass(name: "heads", heads: edges.heads, position: .all)],
            edges: edges.edges.map(edges.graph.name)
        )
    }
}
