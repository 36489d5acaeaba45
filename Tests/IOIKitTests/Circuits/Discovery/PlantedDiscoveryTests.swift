import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Every way of finding a circuit finds the planted one, and its faithfulness is what it must be.
@Suite struct PlantedDiscoveryTests {
    static let settings = RunSettings(workers: Workers(count: 2))
    static let prompts = PlantedModel.prompts

    /// The eight edges that the planted heads are built to use.
    private func edges(_ planted: PlantedModel) -> [String] {
        let (duplicate, inhibition, mover) = (planted.duplicateToken, planted.sInhibition, planted.nameMover)
        return [
            "input->\(duplicate).q", "input->\(duplicate).k", "input->\(duplicate).v", "\(duplicate)->\(inhibition).v",
            "\(inhibition)->\(mover).q", "input->\(mover).k", "input->\(mover).v", "\(mover)->logits",
        ]
    }

    @Test(arguments: PlantedModel.all, [nil, 5]) func attributionFindsThePlantedEdges(
        _ planted: PlantedModel, steps: Int?
    ) throws {
        let scores = try EdgeAttribution(steps: steps).scores(
            planted.parameters, Self.prompts, settings: Self.settings
        )
        let ranking = EdgeRanking(scores.graph, scores: scores.mean, isAbsolute: true)
        var found = ranking.best(8)
        #expect(Set(found.edges.map(scores.graph.name)) == Set(edges(planted)))
        found.prune()
        #expect(found.count == 8)
        #expect(found.heads == planted.heads.sorted())
        // What only hangs on to them is pruned.
        var more = ranking.best(8)
        more.insert(try #require(scores.graph.edge(named: "\(planted.noiseHeads[0])->logits")))
        more.insert(try #require(scores.graph.edge(named: "input->\(planted.noiseHeads[1]).q")))
        more.prune()
        #expect(more == found)
        let stability = EdgeStability(scores, count: 8, isAbsolute: true, resamples: 10, seed: 0)
        #expect(stability.edges == 1 && stability.heads == 1)
    }

    @Test(arguments: PlantedModel.all) func thePlantedEdgesAreTheModel(_ planted: PlantedModel) throws {
        let scores = try EdgeAttribution().scores(planted.parameters, Self.prompts, settings: Self.settings)
        let ranking = EdgeRanking(scores.graph, scores: scores.mean, isAbsolute: true)
        let circuits = [EdgeCircuit(ranking.best(8)), EdgeCircuit(ranking.best(7))] + EdgeCurve.circuits(ranking)
        let measures = try EdgeComplementAblation(circuits).measure(
            planted.parameters, Self.prompts, settings: Self.settings
        )
        func faithfulness(_ cell: Int) -> Double {
            Faithfulness.ratio(model: measures.original, circuit: measures.patched[cell], .ratioOfMeans)
        }
        #expect(abs(faithfulness(0) - 1) < 0.02)
        #expect(faithfulness(1) < 0.9)
        #expect(abs(faithfulness(2)) < 0.02)
        #expect(abs(faithfulness(circuits.count - 1) - 1) < 1e-5)
        var points = measures
        points.patched.removeFirst(2)
        let curve = EdgeCurve(points, graph: scores.graph, seed: 0, workers: Workers(count: 1))
        // 2 % of 479 edges are 10, the planted ones among them; before that there is next to nothing.
        let values = curve.points.map { $0.faithfulness.value! }
        for (point, value) in zip(curve.points, values) where point.fraction >= 0.02 { #expect(abs(value - 1) < 0.02) }
        #expect(abs(curve.cpr.value! - EdgeCurve.integral(values, at: 0)) < 1e-9)
        #expect(curve.cpr.value! > 0.97 && curve.cmd.value! < 0.03)
    }

    @Test(arguments: PlantedModel.all) func droppingEdgesOneByOneLeavesThePlantedOnes(_ planted: PlantedModel) throws {
        for metric in [Metric.divergence, .logitDifference] {
            let found = try ACDC(threshold: 0.01, metric: metric).find(
                planted.parameters, Self.prompts, settings: Self.settings
            )
            #expect(Set(found.edges.map(found.graph.name)) == Set(edges(planted)))
        }
        let nothing = try ACDC(threshold: .infinity).find(planted.parameters, Self.prompts, settings: Self.settings)
        #expect(nothing.count == 0)
        let all = try ACDC(threshold: -.infinity).find(planted.parameters, Self.prompts, settings: Self.settings)
        #expect(all.count == all.graph.edgeCount)
    }

    @Test func anInterruptedSearchGoesOn() throws {
        let planted = PlantedModel.all[0]
        let search = ACDC(threshold: 0.01)
        let prompts = Array(Self.prompts.prefix(12))
        let whole = try search.find(planted.parameters, prompts, settings: Self.settings)
        var (state, stops): (ACDC.State?, Int) = (nil, 0)
        while true {
            let asked = Counter()
            var settings = Self.settings
            settings.isInterrupted = { asked.next() > 100 }
            do {
                let found = try search.find(planted.parameters, prompts, settings: settings, resuming: state)
                #expect(found == whole)
                break
            } catch let interruption as ACDC.Interruption {
                #expect(interruption.done == (state?.done ?? 0) + 100)
                (state, stops) = (interruption.state, stops + 1)
            }
        }
        #expect(stops == 4)
    }

    /// Faithfulness by every method of evaluation but those that put something unlike the task's values in.
    @Test(arguments: PlantedModel.all) func thePlantedHeadsAreTheModel(_ planted: PlantedModel) throws {
        let circuit = planted.circuit
        func without(_ head: Head) throws -> Circuit {
            try Circuit(model: "less", classes: circuit.classes.filter { $0.heads != [head] })
        }
        let noisier = try Circuit(
            model: "more",
            classes: circuit.classes + [HeadClass(name: "noise", heads: planted.noiseHeads, position: .all)]
        )
        let circuits = [circuit, noisier] + (try planted.heads.map(without))
        for kind in [Ablation.Kind.mean, .resample, .counterfactual] {
            for everywhere in [false, true] {
                var method = CircuitMethod()
                method.ablation = Ablation(kind)
                method.everywhere = everywhere
                let measures = try method.measure(
                    circuits, of: planted.parameters, Self.prompts, metric: .logitDifference, reference: nil,
                    settings: Self.settings,
                    resuming: nil
                ) { _ in }
                let ratios = measures.patched.map {
                    Faithfulness.ratio(model: measures.original, circuit: $0, .ratioOfMeans)
                }
                for ratio in ratios[..<2] { #expect(abs(ratio - 1) < 0.02) }
                for ratio in ratios[2...] { #expect(ratio < 0.9) }
            }
        }
    }
}
