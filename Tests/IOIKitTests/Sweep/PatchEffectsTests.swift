import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct PatchEffectsTests {
    static let measures: PatchMeasures = {
        var measures = PatchMeasures(cells: 2)
        measures.original = [2, 4, 1]
        measures.donor = [4, 4, 4]
        measures.patched = [[3, 4, 1], [1, 2, 0.5]]
        return measures
    }()

    static func effects(_ aggregation: EffectAggregation, _ measures: PatchMeasures = measures) -> PatchEffects {
        PatchEffects(measures, aggregation: aggregation, seed: 5, workers: Workers(count: 2))
    }

    @Test func effectsAreSharesOfTheMeanOrMeansOfShares() {
        let ratio = Self.effects(.ratioOfMeans)
        #expect(abs(ratio.original.value! - 7.0 / 3) < 1e-12)
        #expect(abs(ratio.cells[0].effect.value! - 100.0 / 7) < 1e-12)
        #expect(abs(ratio.cells[1].effect.value! + 50) < 1e-12)
        #expect(abs(ratio.cells[0].recovered!.value! - 0.2) < 1e-12)
        let means = Self.effects(.meanOfRatios)
        #expect(abs(means.cells[0].effect.value! - 50.0 / 3) < 1e-12)
        // Each prompt has the same share, so no resample has another.
        #expect(means.cells[1].effect.bounds.allSatisfy { abs($0 + 50) < 1e-12 })
        #expect(ratio.cells[1].effect.bounds.allSatisfy { abs($0 + 50) < 1e-12 })
    }

    @Test func intervalsAreThoseOfResamplingPromptsAsAWhole() {
        // The slow way: the same draws, each resample put together prompt by prompt.
        let measures = Self.measures
        var generator = SeededGenerator(5, "bootstrap")
        let effects = (0..<Bootstrap.resamples).map { _ in
            let drawn = measures.original.map { _ in generator.below(3) }
            let original = drawn.reduce(0) { $0 + measures.original[$1] }
            return 100 * (drawn.reduce(0) { $0 + measures.patched[0][$1] } - original) / original
        }.sorted()
        let found = Self.effects(.ratioOfMeans).cells[0].effect.ci95!
        #expect(abs(found[0] - Bootstrap.quantile(effects, 0.025)) < 1e-9)
        #expect(abs(found[1] - Bootstrap.quantile(effects, 0.975)) < 1e-9)
        #expect(found[0] < found[1])
    }

    @Test func aShareOfNothingIsUndefined() throws {
        var measures = Self.measures
        measures.donor = measures.original
        let effects = Self.effects(.ratioOfMeans, measures)
        #expect(effects.cells[0].recovered == Estimate(value: nil, ci95: nil))
        let map = PatchMap(effects, measures, columns: .heads, layers: 1, width: 2, perPrompt: true)
        let json = try #require(
            try JSONSerialization.jsonObject(with: JSONEncoder().encode(map)) as? [String: Any]
        )
        #expect((json["recovered"] as? [[Any]])?[0][0] is NSNull)
        #expect((json["effect"] as? [[Double]])?[0].count == 2)
        #expect((json["ci95"] as? [[[Double]]])?[0][1].count == 2)
        #expect(((json["per_prompt"] as? [String: Any])?["patched"] as? [[[Double]]])?[0][1] == [1, 2, 0.5])
    }
}
