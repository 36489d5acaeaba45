import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Readings of prompts against those of a model written out plainly.
@Suite struct PromptLensTests {
    @Test(arguments: PatchingFixture.all, Metric.allCases)
    func readingsAreTheDefinition(_ fixture: PatchingFixture, _ metric: Metric) throws {
        let prompts = PatchingFixture.prompts
        let settings = RunSettings(workers: Workers(count: 2))
        let lens = try PromptLens(prompts, metric, fixture.parameters, seed: 0, settings, perPrompt: true) { _ in }
        let naive = NaiveModel(fixture.parameters)
        let layers = fixture.config.layers
        #expect(lens.count == prompts.count && lens.perPrompt?.map(\.id) == prompts.map(\.id))
        for (prompt, found) in zip(prompts, try #require(lens.perPrompt)) {
            var expected = [[Double]](repeating: [], count: 3)
            let end = prompt.tokens.count - 1
            func read(_ residual: [Double]) -> NaiveRun {
                NaiveRun(final: [residual], logits: naive.logits([residual]))
            }
            var ends: [(kind: Int, values: [Double])] = []
            let run = naive.run(prompt.tokens, layerNormScales: nil) { site, layer, _, position, values in
                guard position == end else { return }
                if site == .residPre, layer == 0 { ends.append((0, values)) }
                if site == .residMid { ends.append((1, values)) }
                if site == .residPost { ends.append((2, values)) }
            }
            for (kind, values) in ends { expected[kind].append(read(values).value(metric, of: prompt, from: run)) }
            let all = [[found.embedding], found.afterAttention, found.afterMLP]
            #expect(all.map(\.count) == [1, layers, layers])
            for (found, expected) in zip(all.joined(), expected.joined()) {
                #expect(abs(found - expected) < 1e-4 * max(1, abs(expected)))
            }
        }
    }

    /// What is added is paired: its interval is that of the differences, not the difference of intervals.
    @Test func whatIsAddedIsPaired() throws {
        let fixture = PatchingFixture.all[1]
        let settings = RunSettings(workers: Workers(count: 1))
        let lens = try PromptLens(
            PatchingFixture.prompts, .logitDifference, fixture.parameters, seed: 3, settings, perPrompt: true
        ) { _ in }
        let measures = try #require(lens.perPrompt)
        for layer in 0..<fixture.config.layers {
            let differences = measures.map { $0.afterMLP[layer] - $0.afterAttention[layer] }
            let expected = try #require(Bootstrap.interval(ofMean: differences, seed: 3))
            let found = try #require(lens.mlpAdds[layer].ci95)
            #expect(abs(found[0] - expected.lowerBound) < 1e-9 && abs(found[1] - expected.upperBound) < 1e-9)
        }
    }

    @Test func experimentsNeedOneThingToRead() {
        expectError(containing: "either a text or prompts") {
            var experiment = LensExperiment(TextInput("a"))
            experiment.prompts = PromptSource(count: 1)
            try experiment.validate()
        }
        expectError(containing: "metric: does not go with a text") {
            var experiment = LensExperiment(TextInput("a"))
            experiment.metric = .divergence
            try experiment.validate()
        }
        expectError(containing: "input.text: found nothing") { try LensExperiment(TextInput("")).validate() }
        expectError(containing: "input.text: found nothing") { try PredictExperiment(TextInput("")).validate() }
        expectError(containing: "top: found 0, expected 1 to 1000") {
            var experiment = PredictExperiment(TextInput("a"))
            experiment.top = 0
            try experiment.validate()
        }
    }
}
