import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Knockout and circuits on a task with positions of its own, by every metric, against whole runs in Double.
@Suite struct AnyTaskAblationTests {
    static let settings = AnyTaskPatchingTests.settings
    static let prompts = AnyTaskFixture.prompts
    private static let (noun, year, mark, end) = (
        AnyTaskFixture.noun, AnyTaskFixture.year, AnyTaskFixture.mark, AnyTaskFixture.end
    )

    /// Heads and MLPs, of all classes: at one position, at several, everywhere.
    static func circuit(_ config: GPT2Config) throws -> Circuit {
        let last = config.layers - 1
        return try Circuit(
            model: "fixture",
            classes: [
                HeadClass(name: "late", nodes: [.head(Head(last, 1)), .mlp(last)], position: end),
                HeadClass(name: "early", nodes: [.mlp(0), .head(Head(0, 1))], position: year),
                HeadClass(name: "noun", nodes: [.head(Head(last - 1, 0))], position: noun),
                HeadClass(
                    name: "everywhere", nodes: [.head(Head(last, 0))] + (last > 1 ? [.mlp(1)] : []), position: .all),
            ],
            paths: [
                ClassPath(from: "early", to: "late", inputs: [.q, .v]), ClassPath(from: "noun", to: "everywhere"),
                ClassPath(from: "early", to: "noun"), ClassPath(from: "everywhere", to: "late"),
                ClassPath(from: "late", to: "late"), ClassPath(from: "everywhere", to: "logits"),
                ClassPath(from: "late", to: "logits"),
            ]
        )
    }

    @Test(arguments: AnyTaskFixture.models, Metric.allCases)
    func knockout(_ fixture: PatchingFixture, _ metric: Metric) throws {
        let model = NaiveModel(fixture.parameters)
        let comparison = MetricComparison(metric, model)
        let last = fixture.config.layers - 1
        var (mixed, heads, mlps) = (KnockoutTarget("mixed"), KnockoutTarget("heads"), KnockoutTarget("mlps"))
        mixed.add(Head(0, 1), at: Self.year)
        mixed.add(Head(0, 1), at: Self.noun)
        mixed.add(Head(last, 0), at: Self.end)
        mixed.add(mlp: 0, at: Self.mark)
        mixed.add(mlp: last, at: .all)
        for head in fixture.config.allHeads { heads.add(head, at: .all) }
        mlps.add(mlp: 0, at: Self.year)
        mlps.add(mlp: 1, at: Self.end)
        let targets = [mixed, heads, mlps]
        for (ablation, kind) in CircuitParityTests.ablations(model, Self.prompts) {
            var method = Knockout(targets, ablation: ablation)
            method.metric = metric
            let measures = try method.measure(fixture.parameters, Self.prompts, settings: Self.settings)
            comparison.expect(measures, "\(ablation)", of: [0, 3, 4, 6]) { cell, prompt in
                naiveKnockout(
                    model, prompts: Self.prompts, index: prompt.id,
                    heads: targets[cell].heads.map { ($0, PatchingTests.positions($1, prompt)) },
                    mlps: targets[cell].mlps.map { ($0, PatchingTests.positions($1, prompt)) }, kind: kind,
                    metric: metric
                )
            }
        }
    }

    /// Circuits of heads keep all MLPs, those that name MLPs lose the others.
    @Test(arguments: AnyTaskFixture.models, Metric.allCases)
    func complementByNode(_ fixture: PatchingFixture, _ metric: Metric) throws {
        let model = NaiveModel(fixture.parameters)
        let comparison = MetricComparison(metric, model)
        let circuit = try Self.circuit(fixture.config).positions()
        let sets = [
            [:], circuit, circuit.mapValues { _ in .all },
            [.head(Head(0, 0)): Self.noun, .head(Head(1, 1)): Self.mark],
        ]
        for haveMLPs in [false, true] {
            let sets = haveMLPs ? sets : sets.map { $0.filter { $0.key.mlp == nil } }
            for (ablation, kind) in CircuitParityTests.ablations(model, Self.prompts) {
                var method = ComplementAblation(sets, ablation: ablation, ablatingMLPs: haveMLPs)
                method.metric = metric
                let measures = try method.measure(fixture.parameters, Self.prompts, settings: Self.settings)
                let naive = NaiveCircuits(
                    model: model, prompts: Self.prompts, ablation: kind, haveMLPs: haveMLPs, metric: metric
                )
                comparison.expect(measures.original, naive.whole(without: [:]), "the model")
                let expected = sets.map { naive.isolated($0.mapValues { [$0] }) }
                comparison.expect(measures, "\(ablation), MLPs \(haveMLPs)") { expected[$0][$1.id] }
            }
        }
    }

    /// F(C∖K), F(M∖K) and the scores of minimality and completeness.
    @Test(arguments: AnyTaskFixture.models, Metric.allCases)
    func subsetsOfCircuits(_ fixture: PatchingFixture, _ metric: Metric) throws {
        let model = NaiveModel(fixture.parameters)
        let comparison = MetricComparison(metric, model)
        let circuit = try Self.circuit(fixture.config)
        let places = circuit.positions().mapValues { [$0] }
        let sets: [Set<Node>] = [[], [.mlp(0)], Set(circuit.classes[0].nodes)]
        let node = Node.head(Head(0, 1))
        let naive = NaiveCircuits(
            model: model, prompts: Self.prompts, ablation: .counterfactual, haveMLPs: true, metric: metric
        )
        let subsets = CircuitSubsets(
            of: circuit.positions(), in: fixture.parameters, Self.prompts, reference: Self.prompts,
            ablation: Ablation(.counterfactual), metric: metric, settings: Self.settings
        )
        let ofCircuit = sets + sets.map { $0.union([node]) }
        try subsets.runCircuit(without: ofCircuit, stage: "test")
        try subsets.runModel(without: sets, stage: "test")
        let estimates = subsets.estimates(circuit: ofCircuit, model: sets, seed: 0)
        for k in sets {
            let expected = naive.completeness(of: places, without: Array(k))
            let score = Completeness.Score(.init(kind: .random, k: k), estimates)
            comparison.expect(try #require(score.circuit.value), expected.circuit, "F(C∖K)")
            comparison.expect(try #require(score.model.value), expected.model, "F(M∖K)")
            comparison.expect(try #require(score.score.value), expected.score, "completeness")
            // A share of F(M), which a divergence does not have.
            let whole = abs(naive.whole(without: [:]).mean)
            if metric == .divergence {
                comparison.expect(whole, 0, "F(M)")
            } else {
                let minimality = try #require(estimates.change(from: k, to: k.union([node])).value)
                let expected = abs(naive.minimality(of: node, in: places, without: Array(k)))
                comparison.expect(minimality * whole, expected * whole, "minimality")
            }
        }
    }

    @Test(arguments: AnyTaskFixture.models, Metric.allCases)
    func complementByEdge(_ fixture: PatchingFixture, _ metric: Metric) throws {
        let naive = NaiveGraph(NaiveModel(fixture.parameters))
        let comparison = MetricComparison(metric, naive.model)
        let graph = Graph(fixture.config)
        let circuit = try Self.circuit(fixture.config)
        var generator = SeededGenerator(4, "kept edges")
        let some = EdgeSet(graph, indices: (0..<graph.edgeCount).filter { _ in generator.below(10) < 7 })
        let kept = [
            EdgeCircuit(try #require(circuit.edgeSet(graph)), positions: circuit.positions()), EdgeCircuit(some),
            EdgeCircuit(some, positions: [.mlp(0): Self.year, .head(Head(0, 1)): Self.noun]),
        ]
        for (ablation, kind) in CircuitParityTests.ablations(naive.model, Self.prompts) {
            var method = EdgeComplementAblation(kept, ablation: ablation)
            method.metric = metric
            let measures = try method.measure(fixture.parameters, Self.prompts, settings: Self.settings)
            comparison.expect(measures, "\(ablation)", of: [0, 4, 6]) { cell, prompt in
                naive.isolated(kept[cell], Self.prompts, prompt.id, kind, metric: metric)
            }
        }
    }

    /// A circuit by nodes and by edges.
    @Test(arguments: Metric.allCases) func faithfulness(_ metric: Metric) throws {
        let fixture = AnyTaskFixture.models[0]
        let naive = NaiveGraph(NaiveModel(fixture.parameters))
        let comparison = MetricComparison(metric, naive.model)
        let circuit = try Self.circuit(fixture.config)
        let kept = EdgeCircuit(try #require(circuit.edgeSet(Graph(fixture.config))), positions: circuit.positions())
        let nodes = NaiveCircuits(
            model: naive.model, prompts: Self.prompts, ablation: .counterfactual, haveMLPs: true, metric: metric
        ).faithfulness(of: circuit.positions().mapValues { [$0] })
        let edges = NaiveFaithfulness(
            model: nodes.model,
            circuit: Self.prompts.indices.map {
                naive.isolated(kept, Self.prompts, $0, .counterfactual, metric: metric)
            }
        )
        for (granularity, expected) in [(CircuitMethod.Granularity.node, nodes), (.edge, edges)] {
            var method = CircuitMethod()
            (method.ablation, method.granularity) = (Ablation(.counterfactual), granularity)
            let measures = try method.measure(
                [circuit], of: fixture.parameters, Self.prompts, metric: metric, reference: nil,
                settings: Self.settings, resuming: nil
            ) { _ in }
            let found = Faithfulness(
                model: measures.original, circuit: measures.patched[0], seed: 0, workers: Self.settings.workers
            )
            comparison.expect(try #require(found.circuit.value), expected.circuit.mean, "F(C), \(granularity)")
            comparison.expect(try #require(found.difference.value), expected.difference, "difference, \(granularity)")
            // A share of F(M), which a divergence does not have.
            guard metric != .divergence else { continue }
            let whole = expected.model.mean
            comparison.expect(try #require(found.ratio.value) * whole, expected.ratio * whole, "ratio, \(granularity)")
        }
        let enough = 1e-3 * min(1, comparison.spread)
        #expect(zip(nodes.circuit, edges.circuit).contains { abs($0 - $1) > enough })
    }
}
