import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Edges' scores and ACDC on a task with positions of its own, by every metric, against whole runs in Double.
@Suite struct AnyTaskDiscoveryTests {
    static let settings = AnyTaskPatchingTests.settings
    private static let fixture = AnyTaskFixture.models[0]
    /// Of each template, one.
    private static let prompts = [3, 4, 6].map { AnyTaskFixture.prompts[$0] }

    /// Scores agree to 1e-4 of the greatest of the prompt.
    private func expectScores(_ method: EdgeAttribution, offset: Double) throws {
        let naive = NaiveGraph(NaiveModel(Self.fixture.parameters))
        let scores = try method.scores(Self.fixture.parameters, Self.prompts, settings: Self.settings)
        for (found, prompt) in zip(scores.perPrompt, Self.prompts) {
            let expected = naive.scores(prompt, steps: method.steps ?? 1, offset: offset, metric: method.metric)
            let values = naive.edges.map { Float(expected[$0]!) }
            #expect(relativeError(found, values) < 1e-4, "\(method)")
            let largest = values.map(abs).max()!
            #expect(largest > 1e-3 && values.count { abs($0) > 0.01 * largest } > naive.edges.count / 2, "\(method)")
        }
    }

    @Test(arguments: AnyTaskFixture.differentiable) func attribution(_ metric: Metric) throws {
        var method = EdgeAttribution()
        method.metric = metric
        try expectScores(method, offset: 0)
    }

    /// Halfway to the counterfactual a divergence has a gradient too.
    @Test(arguments: Metric.allCases) func integratedGradients(_ metric: Metric) throws {
        let rules: [(EdgeAttribution.Rule, Double)] = [(.right, 0), (.left, 1), (.midpoint, 0.5)]
        let (rule, offset) = rules[Metric.allCases.firstIndex(of: metric)! % 3]
        var method = EdgeAttribution(steps: 2, rule: rule)
        method.metric = metric
        try expectScores(method, offset: offset)
    }

    @Test func aDivergenceHasNoGradientWhereItIsZero() throws {
        for steps in [nil, 1] {
            var method = EdgeAttribution(steps: steps)
            method.metric = .divergence
            let error = #expect(throws: IOIError.self) {
                try method.scores(Self.fixture.parameters, Self.prompts, settings: Self.settings)
            }
            #expect(error?.field == "metric")
        }
    }

    /// Thresholds of which each drops some edges and leaves others, in shares of the metric's spread.
    @Test(arguments: Metric.allCases, [0.001, 0.01]) func search(_ metric: Metric, share: Double) throws {
        let model = NaiveModel(Self.fixture.parameters)
        let threshold = share * MetricComparison(metric, model).spread
        try CircuitParityTests.expectSearch(ACDC(threshold: threshold, metric: metric), Self.fixture, Self.prompts)
        let search = ACDC(threshold: threshold, metric: metric, ablation: Ablation(group: .global))
        let means = NaiveMeans(model, prompts: Self.prompts, grouping: .global)
        try CircuitParityTests.expectSearch(search, Self.fixture, Self.prompts, by: .mean(means))
    }
}
