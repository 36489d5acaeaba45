import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Isolated heads and edges, attribution and search against whole runs in double precision, one at a time.
@Suite struct CircuitParityTests {
    static let prompts = PatchingFixture.prompts
    static let workers = Workers(count: 2)
    /// Of prompts in batches of one, and all at once with each way to multiply.
    static let settings =
        [RunSettings(workers: workers, memory: 1)] + Workers.exact.map { RunSettings(workers: $0, memory: 100_000_000) }

    /// Ablations with their naive versions.
    private func ablations(_ model: NaiveModel) throws -> [(Ablation, NaiveKnockout)] {
        // Those that are drawn are told by the prompts of each group that come into question.
        let groups = Dictionary(grouping: Self.prompts.indices) { PromptGroup(Self.prompts[$0]) }
        let drawn = Self.prompts.indices.map { index in
            let others = groups[PromptGroup(Self.prompts[index])]!.filter { $0 != index }
            guard !others.isEmpty else { return Self.prompts[index].abcTokens! }
            var generator = SeededGenerator(5, "resample", index)
            return Self.prompts[others[generator.below(others.count)]].abcTokens!
        }
        return [
            (Ablation(), .mean(NaiveMeans(model, prompts: Self.prompts, grouping: .template))),
            (Ablation(group: .global), .mean(NaiveMeans(model, prompts: Self.prompts, grouping: .global))),
            (Ablation(.zero), .zero), (Ablation(.counterfactual), .counterfactual),
            (Ablation(.resample, seed: 5), .resample(drawn)),
        ]
    }

    /// Sets of kept heads: none, all, one, some at positions, and some seeded mixtures.
    private func keptSets(_ config: GPT2Config) -> [[Head: PositionSelection]] {
        let heads = config.allHeads
        let choices = PositionName.ioi.map { PositionSelection.one($0) } + [.all]
        var generator = SeededGenerator(1, "kept sets")
        let mixtures = (0..<4).map { _ in
            Dictionary(
                uniqueKeysWithValues: heads.filter { _ in generator.below(2) == 0 }.map { head in
                    (head, choices[generator.below(choices.count)])
                }
            )
        }
        return [
            [:], Dictionary(uniqueKeysWithValues: heads.map { ($0, .all) }), [heads[0]: .one(.s2)],
            [heads.last!: .one(.end)], [heads[1]: .one(.s1Next), heads[heads.count - 2]: .one(.end)],
        ] + mixtures
    }

    private func expectEqual(_ found: [Double], _ expected: [Double], _ comment: String) {
        #expect(found.count == expected.count)
        for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-4, "\(comment)") }
    }

    @Test(arguments: PatchingFixture.all, settings)
    func isolatedHeads(_ fixture: PatchingFixture, settings: RunSettings) throws {
        let model = NaiveModel(fixture.parameters)
        let sets = keptSets(fixture.config)
        for (ablation, naive) in try ablations(model) {
            let measures = try ComplementAblation(sets, ablation: ablation).measure(
                fixture.parameters, Self.prompts, settings: settings
            )
            let reference = NaiveCircuits(model: model, prompts: Self.prompts, ablation: naive)
            expectEqual(measures.original, reference.whole(without: [:]), "the model")
            for (found, set) in zip(measures.patched, sets) {
                expectEqual(found, reference.isolated(set.mapValues { [$0] }), "\(ablation) \(set)")
            }
            // Everything is the model, and nothing is all heads knocked out.
            expectEqual(measures.patched[1], measures.original, "\(ablation)")
            var all = KnockoutTarget("all")
            for head in fixture.config.allHeads { all.add(head, at: .all) }
            let knockedOut = try Knockout([all], ablation: ablation).measure(
                fixture.parameters, Self.prompts, settings: RunSettings(workers: Self.workers)
            )
            expectEqual(measures.patched[0], knockedOut.patched[0], "\(ablation)")
        }
    }

    @Test(arguments: PatchingFixture.all) func meansOverOtherPrompts(_ fixture: PatchingFixture) throws {
        let model = NaiveModel(fixture.parameters)
        let sets = keptSets(fixture.config)
        let prompts = Array(Self.prompts.prefix(5))
        let measures = try ComplementAblation(sets).measure(
            fixture.parameters, prompts, reference: Self.prompts, settings: RunSettings(workers: Self.workers)
        )
        let means = NaiveMeans(model, prompts: Self.prompts, grouping: .template)
        let reference = NaiveCircuits(model: model, prompts: prompts, ablation: .mean(means))
        for (found, set) in zip(measures.patched, sets) {
            expectEqual(found, reference.isolated(set.mapValues { [$0] }), "\(set)")
        }
    }

    @Test(arguments: PatchingFixture.all, settings)
    func isolatedEdges(_ fixture: PatchingFixture, settings: RunSettings) throws {
        let naive = NaiveGraph(NaiveModel(fixture.parameters))
        let graph = Graph(fixture.config)
        #expect(
            graph.edges.map(graph.name) == naive.edges.map { "\($0.sender)->\($0.receiver)" }
        )
        var generator = SeededGenerator(2, "kept edges")
        var circuits = [EdgeCircuit(EdgeSet(all: graph)), EdgeCircuit(EdgeSet(none: graph))]
        for kept in [1, 5, 9] {
            let edges = (0..<graph.edgeCount).filter { _ in generator.below(10) < kept }
            circuits.append(EdgeCircuit(EdgeSet(graph, indices: edges)))
            circuits.append(EdgeCircuit(EdgeSet(graph, indices: edges), positions: keptSets(fixture.config)[5]))
        }
        for (ablation, kind) in try ablations(naive.model) {
            let measures = try EdgeComplementAblation(circuits, ablation: ablation).measure(
                fixture.parameters, Self.prompts, settings: settings
            )
            expectEqual(measures.patched[0], measures.original, "all edges")
            for (found, circuit) in zip(measures.patched, circuits) {
                let kept = Set(zip(naive.edges, circuit.edges.flags).filter(\.1).map(\.0))
                let expected = Self.prompts.enumerated().map { index, prompt in
                    var places: [NaiveNode: Set<Int>] = [:]
                    for sender in fixture.config.naiveSenders { places[sender] = Set(prompt.tokens.indices) }
                    for (head, selection) in circuit.positions {
                        places[.head(head)] = Set(selection.positions(in: prompt.positions, count: prompt.tokens.count))
                    }
                    return naive.run(
                        prompt.tokens, ablated: naive.ablated(Self.prompts, index, kind), keeping: kept, at: places
                    ).end.logitDifference(of: prompt)
                }
                expectEqual(found, expected, "\(ablation), \(kept.count) edges")
            }
        }
    }

    @Test(arguments: PatchingFixture.all.prefix(2), [1, 3]) func attribution(
        _ fixture: PatchingFixture, steps: Int
    ) throws {
        let naive = NaiveGraph(NaiveModel(fixture.parameters))
        let scores = try EdgeAttribution(steps: steps).scores(
            fixture.parameters, Self.prompts, settings: RunSettings(workers: Self.workers)
        )
        for (index, prompt) in Self.prompts.enumerated() {
            let expected = naive.scores(prompt, steps: steps)
            #expect(relativeError(scores.perPrompt[index], naive.edges.map { Float(expected[$0]!) }) < 1e-4)
        }
    }

    /// Where the counterfactual is all but the prompt itself, the score is what dropping the edge does.
    @Test(arguments: PatchingFixture.all) func attributionIsPatchingInTheLimit(_ fixture: PatchingFixture) throws {
        let parameters = GPT2Parameters(copying: fixture.parameters, workers: Self.workers)
        // A twin of each name, a little beside it.
        let twins = 41
        for name in 1...8 {
            var generator = SeededGenerator(9, "twin", name)
            for i in 0..<fixture.config.width {
                let value = parameters.tokenTable[name][i]
                parameters.tokenTable[twins + name][i] = value + Float(generator.normal()) * 2e-3
            }
        }
        let prompts = Self.prompts.map { prompt in
            var prompt = prompt
            prompt.abcTokens = prompt.tokens.map { (1...8).contains($0) ? twins + $0 : $0 }
            return prompt
        }
        let naive = NaiveGraph(NaiveModel(parameters))
        let scores = try EdgeAttribution().scores(parameters, prompts, settings: RunSettings(workers: Self.workers))
        for (index, prompt) in prompts.enumerated().prefix(3) {
            let whole = naive.model.run(prompt.tokens).logitDifference(of: prompt)
            let ablated = naive.ablated(prompts, index, .counterfactual)
            let exact = naive.edges.map { edge in
                let patched = naive.run(prompt.tokens, ablated: ablated, keeping: Set(naive.edges).subtracting([edge]))
                return Float(whole - patched.end.logitDifference(of: prompt))
            }
            #expect(relativeError(scores.perPrompt[index], exact) < 0.02)
        }
    }

    @Test(arguments: PatchingFixture.all.prefix(2), [0, 0.0002, 0.001]) func search(
        _ fixture: PatchingFixture, threshold: Double
    ) throws {
        let naive = NaiveGraph(NaiveModel(fixture.parameters))
        let prompts = [Self.prompts[0], Self.prompts[3], Self.prompts[5]]
        let (kept, tests) = naive.acdc(prompts, threshold: threshold)
        // Rounding decides of edges that do nothing, and of no others.
        let close = Set(tests.filter { abs($0.change - threshold) < 1e-6 }.map(\.edge))
        try #require(threshold == 0 || close.isEmpty)
        let found = try ACDC(threshold: threshold).find(
            fixture.parameters, prompts, settings: RunSettings(workers: Self.workers)
        )
        var pruned = EdgeSet(
            Graph(fixture.config), indices: naive.edges.indices.filter { kept.contains(naive.edges[$0]) }
        )
        pruned.prune()
        for (edge, (isFound, isExpected)) in zip(naive.edges, zip(found.flags, pruned.flags))
        where !close.contains(edge) {
            #expect(isFound == isExpected, "\(edge)")
        }
        #expect(pruned.count > 0)
    }
}
