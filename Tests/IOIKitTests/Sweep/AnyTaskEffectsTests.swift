import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Effects and gaps on a task with positions of its own, by every metric, from whole runs in Double.
@Suite struct AnyTaskEffectsTests {
    static let prompts = AnyTaskFixture.prompts
    static let settings = AnyTaskPatchingTests.settings

    /// A prompt's own value, its counterfactual's, and those of patched runs. [prompts], [cells][prompts]
    struct Values {
        let own, other: [Double]
        let patched: [[Double]]
    }

    static let method = ActivationPatching(site: .residMid, positions: [AnyTaskFixture.year, AnyTaskFixture.end])

    static func naive(_ model: NaiveModel, _ metric: Metric) -> Values {
        func values(_ input: (Prompt) -> [Int]) -> [Double] {
            prompts.map { model.run(input($0)).value(metric, of: $0, from: model.run($0.tokens)) }
        }
        let patched = (0..<2 * model.config.layers).map { cell in
            prompts.map { prompt in
                naiveActivation(
                    model, prompt: prompt, input: prompt.tokens, donorInput: prompt.counterfactualTokens!,
                    donor: model, site: .residMid, layer: cell / 2, heads: [],
                    positions: PatchingTests.positions([method.positions[cell % 2]], prompt), metric: metric
                )
            }
        }
        return Values(own: values(\.tokens), other: values { $0.counterfactualTokens! }, patched: patched)
    }

    @Test(arguments: AnyTaskFixture.models, Metric.allCases)
    func gapsAndEffects(_ fixture: PatchingFixture, _ metric: Metric) throws {
        let comparison = MetricComparison(metric, NaiveModel(fixture.parameters))
        let naive = Self.naive(NaiveModel(fixture.parameters), metric)
        let workers = Self.settings.workers
        let gap = try CounterfactualGap(fixture.parameters, Self.prompts, metric: metric, workers: workers)
        comparison.expect(gap.prompts, naive.own, "prompts")
        comparison.expect(gap.counterfactuals, naive.other, "counterfactuals")
        comparison.expect(gap.values, zip(naive.own, naive.other).map(-), "gap")

        var method = Self.method
        method.metric = metric
        let measures = try method.measure(fixture.parameters, Self.prompts, settings: Self.settings)
        func check(_ aggregation: EffectAggregation, _ gap: CounterfactualGap?) throws {
            let effects = PatchEffects(
                measures, aggregation: aggregation, gap: gap, metric: metric, seed: 0, workers: workers
            )
            // In percent of the unpatched run or of the gap; a divergence, which is 0 in that run, in nats.
            let wholes = gap == nil ? naive.own : zip(naive.own, naive.other).map(-)
            comparison.expect(try #require(effects.original.value), naive.own.mean, "original")
            comparison.expect(try #require(effects.donor?.value), naive.other.mean, "donor")
            for (cell, patched) in zip(effects.cells, naive.patched) {
                let changes = zip(patched, naive.own).map(-)
                comparison.expect(try #require(cell.patched.value), patched.mean, "patched")
                let effect = try #require(cell.effect.value)
                if metric == .divergence && gap == nil {
                    comparison.expect(effect, changes.mean, "nats")
                } else if aggregation == .ratioOfMeans {
                    let share = changes.mean / wholes.mean
                    // An error of a whole that is nearly zero grows by as much as the whole is smaller than a change.
                    comparison.expect(
                        effect / 100 * wholes.mean / (1 + abs(share)), changes.mean / (1 + abs(share)), "percent")
                } else {
                    let shares = zip(changes, wholes).map(/)
                    let scale = zip(shares, wholes).map { (1 + abs($0)) / abs($1) }.mean
                    comparison.expect(effect / 100 / scale, shares.mean / scale, "mean of percentages")
                }
                let whole = naive.other.mean - naive.own.mean
                let recovered = changes.mean / whole
                let scale = whole / (1 + abs(recovered))
                comparison.expect(try #require(cell.recovered?.value) * scale, recovered * scale, "recovered")
            }
        }
        for aggregation in EffectAggregation.allCases {
            try check(aggregation, nil)
            try check(aggregation, gap)
        }
    }

    /// More rows than one product takes, in more than one batch, and batches of one prompt.
    @Test(arguments: Metric.allCases) func batchesDoNotMatter(_ metric: Metric) throws {
        let fixture = AnyTaskFixture.models[1]
        let comparison = MetricComparison(metric, NaiveModel(fixture.parameters))
        let naive = Self.naive(NaiveModel(fixture.parameters), metric)
        var method = Self.method
        method.metric = metric
        let many = (0..<12).flatMap { _ in Self.prompts }
        #expect(many.count > RunSettings.prompts && RunSettings.prompts * naive.patched.count > MetricReader.rows)
        let measures = try method.measure(fixture.parameters, many, settings: Self.settings)
        let single = try method.measure(fixture.parameters, Self.prompts, settings: PatchingTests.cramped)
        for (cell, expected) in naive.patched.enumerated() {
            comparison.expect(measures.patched[cell], (0..<12).flatMap { _ in expected }, "many")
            comparison.expect(single.patched[cell], expected, "single")
        }
    }
}
