import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// What two models' heads differ by, against the definitions in Double.
@Suite struct HeadComparisonTests {
    static let prompts = PatchingFixture.prompts
    static let settings = RunSettings(workers: Workers(count: 2))

    @Test(arguments: PatchingFixture.all) func patternsDifferByTotalVariation(_ fixture: PatchingFixture) throws {
        let (model, donor) = (NaiveModel(fixture.parameters), NaiveModel(fixture.donor))
        let distances = try PatternDistance.measure(
            fixture.parameters, fixture.donor, Self.prompts, settings: Self.settings
        )
        for (column, head) in fixture.config.allHeads.enumerated() {
            let expected = Self.prompts.map { prompt in
                let end = prompt.tokens.count - 1
                let patterns = [model, donor].map {
                    $0.record(prompt.tokens).kept[.head(head, .pattern, position: end)]!
                }
                return zip(patterns[0], patterns[1]).reduce(0) { $0 + abs($1.0 - $1.1) } / 2
            }
            #expect(largestDifference(distances[column], expected) < 1e-5)
            #expect(expected.allSatisfy { $0 > 0.001 && $0 < 1 })
        }
        let same = try PatternDistance.measure(
            fixture.parameters, fixture.parameters, Self.prompts, settings: Self.settings
        )
        #expect(same.joined().allSatisfy { $0 == 0 })
    }

    @Test(arguments: PatchingFixture.all) func weightsDifferByNormsAndSpectra(_ fixture: PatchingFixture) throws {
        for other in [fixture.neighbour, fixture.donor] {
            let (old, new) = (NaiveAnalysis(fixture.parameters), NaiveAnalysis(other))
            let change = try WeightChange(from: fixture.parameters, to: other, workers: Self.settings.workers)
            for head in fixture.config.allHeads {
                func norm(_ matrix: [[Double]]) -> Double { matrix.joined().reduce(0) { $0 + $1 * $1 }.squareRoot() }
                func difference(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
                    zip(a, b).map { zip($0, $1).map { $1 - $0 } }
                }
                func expect(_ norms: WeightChange.Norms, _ old: [[Double]], _ new: [[Double]]) {
                    let (found, expected) = (norms.change[head.layer][head.index], norm(difference(old, new)))
                    #expect(expected > 0 && abs(found / expected - 1) < 1e-6)
                    #expect(abs(norms.relative[head.layer][head.index]! / (expected / norm(old)) - 1) < 1e-6)
                }
                func part(_ analysis: NaiveAnalysis, _ index: Int) -> [[Double]] {
                    let first = index * fixture.config.width + head.index * fixture.config.headWidth
                    return analysis.tensor("h.\(head.layer).attn.c_attn.weight").map {
                        Array($0[first..<first + fixture.config.headWidth])
                    }
                }
                expect(change.query, part(old, 0), part(new, 0))
                expect(change.key, part(old, 1), part(new, 1))
                expect(change.value, part(old, 2), part(new, 2))
                expect(change.output, old.outputs(head), new.outputs(head))
                let circuits = [old, new].map { product($0.values(head), $0.outputs(head)) }
                expect(change.ov, circuits[0], circuits[1])
                let whole = difference(circuits[0], circuits[1])
                let expected = try #require(
                    Spectra.singularValues(of: whole.flatMap { $0 }, rows: whole.count, columns: whole.count)
                )
                let found = change.singularValues[head.layer][head.index]
                #expect(found.count == min(2 * fixture.config.headWidth, fixture.config.width))
                #expect(largestDifference(found, expected) < 1e-9 * expected[0])
            }
        }
    }

    @Test func twinsAreCorrelatedInEachModelAndInTheirChange() throws {
        var generator = SeededGenerator(0, "attributions")
        func columns() -> [[Double]] { (0..<4).map { _ in (0..<40).map { _ in generator.normal() } } }
        let (model, donor) = (columns(), columns())
        let measures = TwinningMeasures(
            model: model, donor: donor, width: 2, seed: 0, workers: Workers(count: 1)
        )
        let twins = measures.pairs([Head(0, 1), Head(1, 0)], [Head(1, 1)])
        #expect(twins.map(\.nameMover) == [Head(0, 1), Head(1, 0)])
        #expect(twins.map(\.negativeNameMover) == [Head(1, 1), Head(1, 1)])
        for (twins, mover) in zip(twins, [1, 2]) {
            func change(_ column: Int) -> [Double] { zip(model[column], donor[column]).map { $1 - $0 } }
            #expect(abs(twins.model.value! - pearson(model[mover], model[3])) < 1e-9)
            #expect(abs(twins.donor.value! - pearson(donor[mover], donor[3])) < 1e-9)
            #expect(abs(twins.change.value! - pearson(change(mover), change(3))) < 1e-9)
        }
        let mean = measures.mean([Head(0, 1), Head(1, 0)], [Head(1, 1)])
        #expect(mean.pairs == 2)
        for (mean, values) in [
            (mean.model, twins.map(\.model)), (mean.donor, twins.map(\.donor)), (mean.change, twins.map(\.change)),
        ] {
            let value = try #require(mean.value)
            #expect(abs(value - values.reduce(0) { $0 + $1.value! } / 2) < 1e-12)
            let interval = try #require(mean.ci95)
            #expect(interval[0] < value && value < interval[1])
        }
        // Of one pair, the mean is the pair's, and so is its interval.
        let one = measures.mean([Head(0, 1)], [Head(1, 1)])
        #expect(one.change == twins[0].change)
        let none = measures.mean([], [Head(1, 1)])
        #expect(none == TwinningMean(pairs: 0, model: .init(), donor: .init(), change: .init()))
    }

    /// Heads that write nothing, such as those of a model that is not changed, have no correlation.
    @Test func pairsWithoutCorrelationAreLeftOutOfTheMean() throws {
        var generator = SeededGenerator(0, "attributions")
        var model = (0..<4).map { _ in (0..<40).map { _ in generator.normal() } }
        model[1] = [Double](repeating: 1, count: 40)
        let measures = TwinningMeasures(
            model: model, donor: model, width: 2, seed: 0, workers: Workers(count: 1)
        )
        let mean = measures.mean([Head(0, 1), Head(1, 0)], [Head(1, 1)])
        #expect(mean.pairs == 2 && mean.change == Estimate())
        #expect(abs(mean.model.value! - pearson(model[2], model[3])) < 1e-9)
    }
}
