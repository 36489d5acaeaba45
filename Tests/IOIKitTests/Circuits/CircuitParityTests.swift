import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Isolated heads, MLPs and edges, attribution and search against whole runs in double precision, one at a time.
@Suite struct CircuitParityTests {
    static let prompts = PatchingFixture.prompts
    static let workers = Workers(count: 2)
    /// Of prompts in batches of one, and all at once with each way to multiply.
    static let settings =
        [RunSettings(workers: workers, memory: 1)] + Workers.exact.map { RunSettings(workers: $0, memory: 100_000_000) }

    /// Ablations with their naive versions.
    static func ablations(_ model: NaiveModel, _ prompts: [Prompt] = prompts) -> [(Ablation, NaiveKnockout)] {
        // Those that are drawn are told by the prompts of each group that come into question.
        let groups = Dictionary(grouping: prompts.indices) { PromptGroup(prompts[$0]) }
        let drawn = prompts.indices.map { index in
            let others = groups[PromptGroup(prompts[index])]!.filter { $0 != index }
            guard !others.isEmpty else { return prompts[index].abcTokens! }
            var generator = SeededGenerator(5, "resample", index)
            return prompts[others[generator.below(others.count)]].abcTokens!
        }
        return [
            (Ablation(), .mean(NaiveMeans(model, prompts: prompts, grouping: .template))),
            (Ablation(group: .global), .mean(NaiveMeans(model, prompts: prompts, grouping: .global))),
            (Ablation(.zero), .zero), (Ablation(.counterfactual), .counterfactual),
            (Ablation(.resample, seed: 5), .resample(drawn)),
        ]
    }

    /// Sets of kept nodes: none, all, one, some at positions, and some seeded mixtures.
    private func keptSets(_ config: GPT2Config, mlps: Bool = false) -> [[Node: PositionSelection]] {
        let nodes = (config.allHeads.map(Node.head) + (mlps ? (0..<config.layers).map(Node.mlp) : [])).sorted()
        let choices = PositionName.ioi.map { PositionSelection.one($0) } + [.all]
        var generator = SeededGenerator(1, "kept sets")
        let mixtures = (0..<4).map { _ in
            Dictionary(
                uniqueKeysWithValues: nodes.filter { _ in generator.below(2) == 0 }.map { node in
                    (node, choices[generator.below(choices.count)])
                }
            )
        }
        return [
            [:], Dictionary(uniqueKeysWithValues: nodes.map { ($0, .all) }), [nodes[0]: .one(.s2)],
            [nodes.last!: .one(.end)], [nodes[1]: .one(.s1Next), nodes[nodes.count - 2]: .one(.end)],
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
        for (ablation, naive) in Self.ablations(model) {
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

    /// Circuits that name MLPs lose the others, and their own at other positions.
    @Test(arguments: zip(PatchingFixture.all, settings + settings))
    func isolatedHeadsAndMLPs(_ fixture: PatchingFixture, settings: RunSettings) throws {
        let model = NaiveModel(fixture.parameters)
        let last = fixture.config.layers - 1
        let sets =
            keptSets(fixture.config, mlps: true) + [
                [.mlp(0): .all], [.mlp(last): .one(.s2)], [.mlp(0): .one(.s1), .mlp(last): .one(.end)],
                // None of its MLPs is left.
                [.head(Head(0, 0)): .all, .head(Head(last, 1)): .one(.end)],
            ]
        for (ablation, naive) in Self.ablations(model) {
            let measures = try ComplementAblation(sets, ablation: ablation, ablatingMLPs: true).measure(
                fixture.parameters, Self.prompts, settings: settings
            )
            let reference = NaiveCircuits(model: model, prompts: Self.prompts, ablation: naive, haveMLPs: true)
            expectEqual(measures.original, reference.whole(without: [:]), "the model")
            for (found, set) in zip(measures.patched, sets) {
                expectEqual(found, reference.isolated(set.mapValues { [$0] }), "\(ablation) \(set)")
            }
            expectEqual(measures.patched[1], measures.original, "\(ablation)")
            // One that names an MLP says itself that they are ablated, one of heads alone does not.
            let alone = try [sets.count - 2, sets.count - 1].map { index in
                try ComplementAblation([sets[index]], ablation: ablation).measure(
                    fixture.parameters, Self.prompts, settings: settings
                ).patched[0]
            }
            expectEqual(alone[0], measures.patched[sets.count - 2], "\(ablation)")
            #expect(zip(alone[1], measures.patched.last!).contains { abs($0 - $1) > 1e-2 }, "\(ablation)")
        }
    }

    @Test func optimalConstantsAreForHeadsAlone() throws {
        let fixture = PatchingFixture.all[0]
        let error = #expect(throws: IOIError.self) {
            try ComplementAblation([[.mlp(0): .all]], ablation: Ablation(.optimal)).measure(
                fixture.parameters, Self.prompts, settings: Self.settings[0]
            )
        }
        #expect(error?.kind == .usage && error?.description.hasPrefix("ablation.kind: found optimal, ") == true)
        let unknown = #expect(throws: IOIError.self) {
            try ComplementAblation([[.mlp(2): .all]]).measure(
                fixture.parameters, Self.prompts, settings: Self.settings[0]
            )
        }
        #expect(unknown?.description == "a kept node: found MLP m2, expected m0 to m1 in this model")
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
            circuits.append(
                EdgeCircuit(
                    EdgeSet(graph, indices: edges), positions: keptSets(fixture.config, mlps: true)[kept % 4 + 5])
            )
        }
        circuits.append(EdgeCircuit(EdgeSet(all: graph), positions: [.mlp(0): .one(.s2), .mlp(1): .one(.end)]))
        for (ablation, kind) in Self.ablations(naive.model) {
            let measures = try EdgeComplementAblation(circuits, ablation: ablation).measure(
                fixture.parameters, Self.prompts, settings: settings
            )
            expectEqual(measures.patched[0], measures.original, "all edges")
            for (found, circuit) in zip(measures.patched, circuits) {
                let expected = Self.prompts.indices.map { naive.isolated(circuit, Self.prompts, $0, kind) }
                expectEqual(found, expected, "\(ablation), \(circuit.edges.count) edges")
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

    /// Each rule takes the points that it says, and the midpoints are nearest to the integral.
    @Test func attributionByEachRule() throws {
        let fixture = PatchingFixture.all[0]
        let naive = NaiveGraph(NaiveModel(fixture.parameters))
        let prompts = [Self.prompts[2], Self.prompts[5]]
        func scores(_ steps: Int, _ rule: EdgeAttribution.Rule) throws -> [[Float]] {
            try EdgeAttribution(steps: steps, rule: rule).scores(
                fixture.parameters, prompts, settings: RunSettings(workers: Self.workers)
            ).perPrompt
        }
        let offsets: [(EdgeAttribution.Rule, Double)] = [(.right, 0), (.left, 1), (.midpoint, 0.5)]
        let found = try offsets.map { try scores(3, $0.0) }
        for (index, prompt) in prompts.enumerated() {
            let many = naive.scores(prompt, steps: 12, offset: 0.5)
            let integral = naive.edges.map { Float(many[$0]!) }
            var errors: [Double] = []
            for ((rule, offset), found) in zip(offsets, found) {
                let expected = naive.scores(prompt, steps: 3, offset: offset)
                #expect(relativeError(found[index], naive.edges.map { Float(expected[$0]!) }) < 1e-4, "\(rule)")
                errors.append(relativeError(found[index], integral))
            }
            #expect(errors[2] < 0.7 * min(errors[0], errors[1]), "\(errors)")
            // Far more points come to the same by any rule.
            for (rule, _) in offsets {
                let error = relativeError(try scores(100, rule)[index], integral)
                #expect(error < 0.1 * max(errors[0], errors[1]), "\(rule) \(error)")
            }
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
        let prompts = [Self.prompts[0], Self.prompts[3], Self.prompts[5]]
        try Self.expectSearch(ACDC(threshold: threshold), fixture, prompts)
    }

    /// Compares the edges that a search drops, and those that it returns.
    ///
    /// - Parameter kind: the naive version of the ablation, which is that by the counterfactual if nil.
    static func expectSearch(
        _ search: ACDC,
        _ fixture: PatchingFixture,
        _ prompts: [Prompt],
        by kind: NaiveKnockout? = nil
    ) throws {
        let naive = NaiveGraph(NaiveModel(fixture.parameters))
        let (kept, tests) = naive.acdc(
            prompts, threshold: search.threshold,
            corrupt: kind.map { kind in prompts.indices.map { naive.ablated(prompts, $0, kind) } },
            metric: search.metric
        )
        // Rounding decides of edges that do nothing, and of no others.
        let close = Set(tests.filter { abs($0.change - search.threshold) < 1e-6 }.map(\.edge))
        try #require(search.threshold == 0 || close.isEmpty)
        // Stopped at the last edge, it tells all that it has dropped before.
        var settings = RunSettings(workers: workers)
        let asked = Counter()
        settings.isInterrupted = { asked.next() >= naive.edges.count }
        let state = try #require(throws: ACDC.Interruption.self) {
            try search.find(fixture.parameters, prompts, settings: settings)
        }.state
        let last = NaiveEdge(sender: .input, receiver: .headInput(Head(0, 0), .q))
        for (index, edge) in naive.edges.enumerated() where edge != last && !close.contains(edge) {
            #expect(state.dropped.contains(index) != kept.contains(edge), "\(search), \(edge)")
        }
        settings.isInterrupted = { false }
        let found = try search.find(fixture.parameters, prompts, settings: settings, resuming: state)
        var pruned = EdgeSet(
            Graph(fixture.config), indices: naive.edges.indices.filter { kept.contains(naive.edges[$0]) }
        )
        pruned.prune()
        for (edge, (isFound, isExpected)) in zip(naive.edges, zip(found.flags, pruned.flags))
        where !close.contains(edge) {
            #expect(isFound == isExpected, "\(search), \(edge)")
        }
        #expect(pruned.count > 0 && (pruned.count < naive.edges.count || search.threshold == 0), "\(search)")
    }
}
