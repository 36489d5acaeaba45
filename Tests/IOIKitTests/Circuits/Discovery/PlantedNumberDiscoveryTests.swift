import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Every way of finding a circuit finds that of the planted Greater-Than, MLPs included.
@Suite struct PlantedNumberDiscoveryTests {
    static let settings = RunSettings(workers: Workers(count: 2))
    static let prompts = PlantedNumberModel.prompts

    /// The edges along which the number goes, from the logits back.
    private func edges(_ planted: PlantedNumberModel) -> [String] {
        let (first, second) = (planted.firstCarrier, planted.secondCarrier)
        return [
            "m\(planted.boostingMLP)->logits", "\(second)->m\(planted.boostingMLP)", "\(first)->\(second).v",
            "m\(planted.readingMLP)->\(first).v", "input->m\(planted.readingMLP)",
        ]
    }

    @Test(arguments: PlantedNumberModel.all) func theWalkGoesBackAlongThePlantedPath(_ planted: PlantedNumberModel)
        throws
    {
        for metric in [Metric.probabilityDifference, .logitDifference, .logProbability] {
            var walk = NodeWalk()
            // What noise lets through stays below.
            (walk.logits.threshold, walk.senders.threshold) = (10, 10)
            let found = try walk.find(
                planted.parameters, name: "planted", Self.prompts, metric: metric, settings: Self.settings
            )
            let planned = planted.senders.reversed().map { ($0.sender, PositionSelection.one($0.position)) }
            #expect(found.circuit.classes.flatMap(\.nodes) == planned.map(\.0), "\(metric)")
            #expect(found.circuit.classes.map(\.position) == planned.map(\.1), "\(metric)")
            let names = found.circuit.classes.map(\.name)
            #expect(
                names == [
                    "MLPs@END → logits", "heads@END → MLPs@END → logits", "heads@AND → heads@END → MLPs@END → logits",
                    "MLPs@YEAR → heads@AND → heads@END → MLPs@END → logits",
                ]
            )
            let paths = found.circuit.paths
            #expect(paths.map(\.from) == names && paths.map(\.to) == ["logits"] + names.dropLast())
            #expect(paths.map(\.inputs) == [[], [], [.v], [.v]])
        }
    }

    @Test(arguments: PlantedNumberModel.all, [nil, 5]) func attributionFindsThePlantedEdges(
        _ planted: PlantedNumberModel, steps: Int?
    ) throws {
        // Where the right answers have nearly all probability, the gradient of its logarithm is nearly 0, and that of a
        // divergence is 0.
        let metrics = steps == nil ? [Metric.probabilityDifference, .logitDifference] : Metric.allCases
        for metric in metrics {
            var method = EdgeAttribution(steps: steps)
            method.metric = metric
            let scores = try method.scores(planted.parameters, Self.prompts, settings: Self.settings)
            var best = EdgeRanking(scores.graph, scores: scores.mean, isAbsolute: true).best(5)
            #expect(Set(best.edges.map(scores.graph.name)) == Set(edges(planted)), "\(metric), \(steps ?? 0) steps")
            best.prune()
            #expect(best.count == 5)
            #expect(best.nodes == planted.senders.map(\.sender).sorted())
        }
    }

    @Test(arguments: PlantedNumberModel.all) func droppingEdgesOneByOneLeavesThePlantedOnes(
        _ planted: PlantedNumberModel
    ) throws {
        for metric in Metric.allCases {
            let found = try ACDC(threshold: 0.05, metric: metric).find(
                planted.parameters, Self.prompts, settings: Self.settings
            )
            #expect(Set(found.edges.map(found.graph.name)) == Set(edges(planted)), "\(metric)")
        }
    }

    /// The circuit of the planted nodes is the model; without its MLPs, or without a head, nothing is left.
    @Test(arguments: PlantedNumberModel.all) func thePlantedNodesAreTheModel(_ planted: PlantedNumberModel) throws {
        let whole = Dictionary(
            uniqueKeysWithValues: planted.senders.map { ($0.sender, PositionSelection.one($0.position)) })
        let parts = whole.keys.sorted().map { removed in whole.filter { $0.key != removed } }
        var method = ComplementAblation([whole] + parts, ablation: Ablation(.counterfactual), ablatingMLPs: true)
        method.metric = .probabilityDifference
        let measures = try method.measure(planted.parameters, Self.prompts, settings: Self.settings)
        let ratios = measures.patched.map {
            Faithfulness.ratio(model: measures.original, circuit: $0, .ratioOfMeans)
        }
        #expect(abs(ratios[0] - 1) < 0.05)
        #expect(ratios.dropFirst().allSatisfy { $0 < 0.2 })
    }
}
