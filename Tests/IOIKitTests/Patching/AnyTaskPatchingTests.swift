import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Patching on a task with positions of its own, by every metric, against whole runs in Double.
@Suite struct AnyTaskPatchingTests {
    static let settings = RunSettings(workers: Workers(count: 2))
    static let prompts = AnyTaskFixture.prompts
    private static let (noun, year, mark, end) = (
        AnyTaskFixture.noun, AnyTaskFixture.year, AnyTaskFixture.mark, AnyTaskFixture.end
    )

    /// Values that hardly differ by metric or prompt would compare nothing.
    @Test(arguments: AnyTaskFixture.models) func theTaskTellsMetricsApart(_ fixture: PatchingFixture) throws {
        let model = NaiveModel(fixture.parameters)
        let values = Metric.allCases.map { metric in
            let comparison = MetricComparison(metric, model)
            #expect(comparison.spread > 0.01, "\(metric)")
            return Self.prompts.map { prompt in
                model.run(prompt.counterfactualTokens!).value(metric, of: prompt, from: model.run(prompt.tokens))
            }
        }
        for prompt in Self.prompts.indices {
            for (index, some) in values.enumerated() {
                for others in values.dropFirst(index + 1) { #expect(abs(some[prompt] - others[prompt]) > 1e-3) }
            }
        }
        #expect(Set(Self.prompts.map(\.rightTokens.count)) == [1, 2, 3, 4])
        #expect(Set(Self.prompts.map(\.wrongTokens.count)) == [1, 2, 3, 4, 5])
        #expect(Self.prompts.sharedPositions.map(\.text) == ["NOUN", "YEAR", "MARK", "END"])
        #expect(Set(Self.prompts.map(PromptGroup.init)).count == 4)
        #expect(throws: IOIError.self) { try Self.prompts.check([PositionSelection("VERB")!], field: "position") }
    }

    // MARK: Activation patching

    @Test(arguments: AnyTaskFixture.models, Metric.allCases)
    func activationPatching(_ fixture: PatchingFixture, _ metric: Metric) throws {
        let model = NaiveModel(fixture.parameters)
        let comparison = MetricComparison(metric, model)
        let selections: [[PositionSelection]] = [[.all], [Self.year, Self.end], [Self.noun, Self.mark]]
        for (index, site) in Site.allCases.enumerated() {
            // Of queries and patterns the last layer has END alone.
            let positions =
                site.isPerHead
                ? [.q, .pattern].contains(site) ? selections[1] : selections[index % 3]
                : [Self.year, Self.mark, Self.end]
            var method = ActivationPatching(site: site, positions: positions)
            method.metric = metric
            // Each site in both directions, by different metrics.
            method.isDenoising = (index + Metric.allCases.firstIndex(of: metric)!).isMultiple(of: 2)
            let columns = method.columns(fixture.config)
            let measures = try method.measure(fixture.parameters, Self.prompts, settings: Self.settings)
            func inputs(_ prompt: Prompt) -> (own: [Int], donor: [Int]) {
                let (tokens, other) = (prompt.tokens, prompt.counterfactualTokens!)
                return method.isDenoising ? (other, tokens) : (tokens, other)
            }
            for (index, prompt) in Self.prompts.enumerated() {
                let (own, donor) = (model.run(inputs(prompt).own), model.run(inputs(prompt).donor))
                for (found, run) in [(measures.original, own), (measures.donor!, donor)] {
                    comparison.expect(found[index], run.value(metric, of: prompt, from: own), "unpatched")
                }
            }
            let what = "\(site), denoising \(method.isDenoising)"
            comparison.expect(measures, what, of: [1, 5, 6]) { cell, prompt in
                let (layer, column) = cell.quotientAndRemainder(dividingBy: columns)
                return naiveActivation(
                    model, prompt: prompt, input: inputs(prompt).own, donorInput: inputs(prompt).donor, donor: model,
                    site: site, layer: layer, heads: [column],
                    positions: PatchingTests.positions(site.isPerHead ? positions : [positions[column]], prompt),
                    metric: metric
                )
            }
        }
    }

    // MARK: Path patching

    /// What is frozen differs by metric, so that each is measured with all of `freezes`.
    static let receivers: [[String]] = [
        ["logits"], ["q:1.0,1.1@END", "v:1.1@YEAR"], ["m0@YEAR"], ["m0,m1@MARK", "k:1.0@NOUN"], ["m1@END"],
        ["m0@all", "v:1.0@all"], ["logits", "m1@END"],
    ]
    /// MLPs and LayerNorms.
    static let freezes = [(false, false), (true, true), (true, false), (false, true)]

    @Test(arguments: AnyTaskFixture.models, Metric.allCases)
    func pathPatching(_ fixture: PatchingFixture, _ metric: Metric) throws {
        let model = NaiveModel(fixture.parameters)
        let comparison = MetricComparison(metric, model)
        let last = fixture.config.layers - 1
        let cells: [[Node]] =
            (fixture.config.allHeads.map { .head($0) } + (0..<fixture.config.layers).map { .mlp($0) }).map { [$0] }
            + [[.head(Head(0, 1)), .mlp(0), .head(Head(1, 0))], [.mlp(0), .mlp(1)]]
        for (index, texts) in (Self.receivers + [["m\(last)@END", "q:\(last).1@END"]]).enumerated() {
            let (mlps, layerNorms) = Self.freezes[(index + Metric.allCases.firstIndex(of: metric)!) % 4]
            let receivers = texts.map { Receiver($0)! }
            var method = try PathPatching(cells: cells, receivers: receivers)
            (method.freezesMLPs, method.freezesLayerNorms, method.metric) = (mlps, layerNorms, metric)
            let measures = try method.measure(fixture.parameters, Self.prompts, settings: Self.settings)
            comparison.expect(measures, "\(texts), frozen \(mlps), \(layerNorms)", of: [3, 4, 6]) { cell, prompt in
                naivePath(
                    model, prompt, senders: cells[cell].map(NaiveSender.init),
                    receivers: PatchingTests.naive(receivers, prompt), freezeMLP: mlps, freezeLayerNorm: layerNorms,
                    metric: metric
                ).patched
            }
        }
    }

    /// Heads and MLPs are knocked out in all runs, receivers and senders among them.
    @Test(arguments: AnyTaskFixture.models, Metric.allCases)
    func pathPatchingWithKnockout(_ fixture: PatchingFixture, _ metric: Metric) throws {
        let model = NaiveModel(fixture.parameters)
        let comparison = MetricComparison(metric, model)
        let means = NaiveMeans(model, prompts: Self.prompts, grouping: .global)
        let last = fixture.config.layers - 1
        var target = KnockoutTarget("test")
        target.add(Head(last, 0), at: Self.end)
        target.add(Head(0, 0), at: Self.year)
        target.add(mlp: 0, at: Self.mark)
        let cells: [[Node]] = [[.head(Head(0, 0))], [.head(Head(0, 1))], [.mlp(0)], [.head(Head(1, 1)), .mlp(1)]]
        for texts in [["logits"], ["q:\(last).1@END", "m1@YEAR"], ["m0@NOUN", "m0@MARK", "k:1.0@YEAR"]] {
            let receivers = texts.map { Receiver($0)! }
            var method = try PathPatching(cells: cells, receivers: receivers)
            (method.knockout, method.ablation, method.metric) = (target, Ablation(group: .global), metric)
            let measures = try method.measure(fixture.parameters, Self.prompts, settings: Self.settings)
            comparison.expect(measures, "\(texts)", of: [1, 2, 3, 4, 6]) { cell, prompt in
                let values = naiveAblation(
                    model, prompts: Self.prompts, index: prompt.id, places: target.naivePlaces(in: prompt),
                    kind: .mean(means)
                )
                let expected = naivePath(
                    model, prompt, senders: cells[cell].map(NaiveSender.init),
                    receivers: PatchingTests.naive(receivers, prompt), knockedOut: values, metric: metric
                )
                comparison.expect(measures.original[prompt.id], expected.original, "\(texts), original")
                return expected.patched
            }
        }
    }

    // MARK: Cross-model patching

    static let components: [([Site], PositionSelection)] = [
        ([.pattern], .all), ([.z], year), ([.result], .all), ([.q, .k], .all), ([.v], mark), ([.q, .k, .v], noun),
        ([.pattern, .v], end), ([.k], year),
    ]

    @Test(arguments: AnyTaskFixture.models, Metric.allCases)
    func crossModelPatching(_ fixture: PatchingFixture, _ metric: Metric) throws {
        let (host, donor) = (NaiveModel(fixture.parameters), NaiveModel(fixture.donor))
        let comparison = MetricComparison(metric, host)
        let heads = fixture.config.allHeads
        let sets = [[heads[0]], [heads[1], heads[2]], [heads.last!], heads]
        for (components, position) in Self.components {
            var method = try CrossModelPatching(components: components, position: position, sets: sets)
            method.metric = metric
            let measures = try method.measure(
                host: fixture.parameters, donor: fixture.donor, Self.prompts, settings: Self.settings
            )
            for (index, prompt) in Self.prompts.enumerated() {
                let expected = donor.run(prompt.tokens).value(metric, of: prompt, from: host.run(prompt.tokens))
                comparison.expect(measures.donor![index], expected, "donor")
            }
            comparison.expect(measures, "\(components) at \(position)", of: [0, 3, 5, 6]) { cell, prompt in
                naiveActivation(
                    host, prompt: prompt, input: prompt.tokens, donorInput: prompt.tokens, donor: donor,
                    places: sets[cell].flatMap { head in
                        components.flatMap { site in
                            PatchingTests.positions([position], prompt).map { .head(head, site, position: $0) }
                        }
                    }, metric: metric
                )
            }
        }
    }

    // MARK: Estimates to first order

    /// Compares estimated changes with slopes.
    private func expectSlopes(
        _ measures: PatchMeasures,
        _ comparison: MetricComparison,
        _ what: String,
        slope: (_ cell: Int, _ prompt: Prompt) -> (original: Double, slope: Double)
    ) {
        comparison.expect(measures, what, of: [1, 4, 6]) { cell, prompt in
            let (original, slope) = slope(cell, prompt)
            return original + slope
        }
    }

    @Test(arguments: AnyTaskFixture.differentiable)
    func activationEstimatesAreSlopes(_ metric: Metric) throws {
        let fixture = AnyTaskFixture.models[0]
        let model = NaiveModel(fixture.parameters)
        for (index, site) in Site.allCases.enumerated() {
            var method = ActivationPatching(
                site: site, positions: site.isPerHead ? [Self.year, Self.end] : [Self.year, .all]
            )
            (method.isEstimating, method.metric, method.isDenoising) = (true, metric, !index.isMultiple(of: 3))
            let columns = method.columns(fixture.config)
            let measures = try method.measure(fixture.parameters, Self.prompts, settings: Self.settings)
            let runs = Self.prompts.map { prompt in
                let runs = [prompt.tokens, prompt.counterfactualTokens!].map { model.record($0) }
                return method.isDenoising ? (own: runs[1], donor: runs[0]) : (own: runs[0], donor: runs[1])
            }
            expectSlopes(measures, MetricComparison(metric, model), "\(site)") { cell, prompt in
                let (layer, column) = cell.quotientAndRemainder(dividingBy: columns)
                let positions = site.isPerHead ? method.positions : [method.positions[column]]
                let places = PatchingTests.positions(positions, prompt).map {
                    NaivePlace(site, layer: layer, head: site.isPerHead ? column : nil, position: $0)
                }
                let (own, donor) = runs[prompt.id]
                return FirstOrderTests.slope(
                    model, prompt, own: own,
                    input: method.isDenoising ? prompt.counterfactualTokens! : prompt.tokens, donor: donor.kept,
                    places, metric: metric
                )
            }
        }
    }

    @Test(arguments: AnyTaskFixture.differentiable)
    func crossModelEstimatesAreSlopes(_ metric: Metric) throws {
        let fixture = AnyTaskFixture.models[1]
        let (host, donor) = (NaiveModel(fixture.parameters), NaiveModel(fixture.donor))
        let runs = Self.prompts.map { (own: host.record($0.tokens), donor: donor.record($0.tokens).kept) }
        let heads = [Head(0, 1), Head(1, 2), Head(2, 0)]
        for (components, position) in Self.components {
            var method = try CrossModelPatching(components: components, position: position, sets: heads.map { [$0] })
            (method.isEstimating, method.metric) = (true, metric)
            let measures = try method.measure(
                host: fixture.parameters, donor: fixture.donor, Self.prompts, settings: Self.settings
            )
            expectSlopes(measures, MetricComparison(metric, host), "\(components) at \(position)") { cell, prompt in
                let places = components.flatMap { site in
                    PatchingTests.positions([position], prompt).map { NaivePlace.head(heads[cell], site, position: $0) }
                }
                return FirstOrderTests.slope(
                    host, prompt, own: runs[prompt.id].own, input: prompt.tokens, donor: runs[prompt.id].donor,
                    places, metric: metric
                )
            }
        }
    }
}

extension NaiveSender {
    init(_ node: Node) {
        switch node {
        case .head(let head): self = .head(head)
        case .mlp(let layer): self = .mlp(layer)
        }
    }
}

extension KnockoutTarget {
    /// Where the components are knocked out of a prompt.
    func naivePlaces(in prompt: Prompt) -> [NaivePlace] {
        func positions(_ selections: [PositionSelection]) -> [Int] { PatchingTests.positions(selections, prompt) }
        return heads.flatMap { head, selections in positions(selections).map { .head(head, .z, position: $0) } }
            + mlps.flatMap { layer, selections in
                positions(selections).map { .init(.mlpOut, layer: layer, position: $0) }
            }
    }
}
