import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Every way of finding a circuit finds the path that is planted for a task, MLPs included.
@Suite struct PlantedPathDiscoveryTests {
    static let settings = RunSettings(workers: Workers(count: 2))

    @Test(arguments: PlantedPath.all) func theWalkGoesBackAlongThePath(_ planted: PlantedPath) throws {
        for metric in [Metric.probabilityDifference, .logitDifference, .logProbability] {
            var walk = NodeWalk()
            // What noise lets through stays below.
            (walk.logits.threshold, walk.senders.threshold) = (10, 10)
            let found = try walk.find(
                planted.parameters, name: "planted", planted.prompts, metric: metric, settings: Self.settings
            )
            let classes = found.circuit.classes
            #expect(classes.flatMap(\.nodes) == planted.steps.map(\.node), "\(metric)")
            #expect(classes.map(\.position) == planted.steps.map { .one($0.position) }, "\(metric)")
            #expect(classes.map(\.name) == planted.names, "\(metric)")
            let paths = found.circuit.paths
            #expect(paths.map(\.from) == planted.names && paths.map(\.to) == ["logits"] + planted.names.dropLast())
            #expect(paths.map(\.inputs) == [[]] + planted.steps.dropLast().map { $0.input.map { [$0] } ?? [] })
        }
    }

    @Test(arguments: PlantedPath.all, [nil, 5]) func attributionFindsTheEdges(_ planted: PlantedPath, steps: Int?)
        throws
    {
        // Where the right answers have nearly all probability, the gradient of its logarithm is nearly 0, and that of a
        // divergence is 0.
        let metrics = steps == nil ? [Metric.probabilityDifference, .logitDifference] : Metric.allCases
        for metric in metrics {
            var method = EdgeAttribution(steps: steps)
            method.metric = metric
            let scores = try method.scores(planted.parameters, planted.prompts, settings: Self.settings)
            let count = planted.edges.count
            var best = EdgeRanking(scores.graph, scores: scores.mean, isAbsolute: true).best(count)
            #expect(Set(best.edges.map(scores.graph.name)) == Set(planted.edges), "\(metric), \(steps ?? 0) steps")
            best.prune()
            #expect(best.count == count)
            #expect(best.nodes == planted.nodes.keys.sorted())
        }
    }

    @Test(arguments: PlantedPath.all) func droppingEdgesOneByOneLeavesThePath(_ planted: PlantedPath) throws {
        for metric in Metric.allCases {
            let found = try ACDC(threshold: 0.05, metric: metric).find(
                planted.parameters, planted.prompts, settings: Self.settings
            )
            #expect(Set(found.edges.map(found.graph.name)) == Set(planted.edges), "\(metric)")
        }
    }

    /// The circuit of the path's nodes is the model; without any of them nothing is left.
    @Test(arguments: PlantedPath.all) func theNodesAreTheModel(_ planted: PlantedPath) throws {
        let whole = planted.nodes
        let parts = whole.keys.sorted().map { removed in whole.filter { $0.key != removed } }
        let ratios = try ratios(planted, [whole] + parts, Ablation(.counterfactual))
        #expect(abs(ratios[0] - 1) < 0.05)
        #expect(ratios.dropFirst().allSatisfy { $0 < 0.2 })
    }

    /// What writes the same in both prompts is in no circuit found by a counterfactual. Where all else is zero, it is
    /// needed.
    @Test(arguments: PlantedColourModel.all) func zeroAblationNeedsTheBindingHead(_ planted: PlantedColourModel) throws
    {
        let path = planted.path.nodes
        let whole = path.merging([.head(planted.binding): .all]) { $1 }
        let ratios = try ratios(planted.path, [path, whole], Ablation(.zero))
        #expect(abs(ratios[0]) < 0.1 && abs(ratios[1] - 1) < 0.1, "\(ratios)")
    }

    /// The share of the model's probability difference that is left with some nodes kept and all others ablated.
    private func ratios(
        _ planted: PlantedPath, _ kept: [[Node: PositionSelection]], _ ablation: Ablation
    ) throws -> [Double] {
        var method = ComplementAblation(kept, ablation: ablation, ablatingMLPs: true)
        method.metric = .probabilityDifference
        let measures = try method.measure(planted.parameters, planted.prompts, settings: Self.settings)
        return measures.patched.map { Faithfulness.ratio(model: measures.original, circuit: $0, .ratioOfMeans) }
    }
}
