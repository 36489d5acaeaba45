import Testing

@testable import GPT2Kit
@testable import IOIKit

/// p-values against all exchanges written out, and against published ones.
@Suite struct PairedPermutationTests {
    static let workers = [Workers(count: 1), Workers(count: 3)]

    /// The share of all sign flips of the differences whose mean is as far from zero.
    private func exact(_ differences: [Double]) -> Double {
        let observed = abs(differences.reduce(0, +))
        let reached = (0..<(1 << differences.count)).count { flips in
            let sum = differences.indices.reduce(0.0) { $0 + (flips >> $1 & 1 == 1 ? -1 : 1) * differences[$1] }
            return abs(sum) >= observed - 1e-9
        }
        return Double(reached) / Double(1 << differences.count)
    }

    private func normals(_ count: Int, _ seed: UInt64, mean: Double = 0) -> [Double] {
        var generator = SeededGenerator(seed, "test")
        return (0..<count).map { _ in mean + generator.normal() }
    }

    @Test(arguments: workers) func fewPromptsAreExchangedInAllWays(_ workers: Workers) {
        // Five differences of one sign: 2 of 32 exchanges are as extreme.
        let test = PairedPermutation(prompts: 5, family: 1, seed: 0)
        #expect(test.isExact && test.count == 32)
        let base = [[1.0, 2, 3, 4, 5], [3, 3, 3, 3, 3]]
        let other = [[1.5, 2.1, 3.7, 4.2, 5.9], [3, 3, 3, 3, 3]]
        #expect(test.pValues(ofMeans: base, other, workers: workers) == [0.0625, 1])
        for seed in 0..<6 as Range<UInt64> {
            let columns = (0..<4).map { normals(9, 10 * seed + $0) }
            let others = (0..<4).map { zip(columns[Int($0)], normals(9, 100 + 10 * seed + $0, mean: 0.4)).map(+) }
            let found = PairedPermutation(prompts: 9, family: 4, seed: 1).pValues(
                ofMeans: columns, others, workers: workers)
            let expected = zip(columns, others).map { exact(zip($1, $0).map { $0 - $1 }) }
            #expect(found == expected)
        }
    }

    /// Darwin's maize (Fisher 1935, The Design of Experiments, section 21): 1,726 of 32,768 exchanges are as extreme.
    @Test func fishersOwnExampleIsKnown() {
        let differences = [49.0, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
        let zeros = [Double](repeating: 0, count: 15)
        // With a large enough family they are all tried.
        let test = PairedPermutation(prompts: 15, family: 2000, seed: 0)
        #expect(test.isExact && test.count == 32768)
        let p = test.pValues(ofMeans: [zeros], [differences], workers: Workers(count: 2))[0]
        #expect(p == 1726.0 / 32768)
        let drawn = PairedPermutation(prompts: 15, family: 1, seed: 0)
        #expect(!drawn.isExact && drawn.count == 10_000)
        let estimate = drawn.pValues(ofMeans: [zeros], [differences], workers: Workers(count: 2))[0]
        // The standard deviation of a share of 10,000 draws is 0.0022.
        #expect(estimate != p && abs(estimate - p) < 0.009)
    }

    @Test func threadsDoNotMatterAndSeedsDo() {
        let (base, other) = ([normals(70, 1)], [normals(70, 2, mean: 0.2)])
        func p(_ seed: UInt64, _ workers: Workers) -> Double {
            PairedPermutation(prompts: 70, family: 1, seed: seed).pValues(ofMeans: base, other, workers: workers)[0]
        }
        #expect(p(1, Self.workers[0]) == p(1, Self.workers[1]))
        #expect(p(1, Self.workers[0]) != p(2, Self.workers[0]))
        #expect(abs(p(1, Self.workers[0]) - p(2, Self.workers[0])) < 0.03)
    }

    /// A ratio's exchanges, written out.
    @Test func anyStatisticIsTested() {
        let (a, b) = (
            [normals(7, 3, mean: 4), normals(7, 4, mean: 3)], [normals(7, 5, mean: 4), normals(7, 6, mean: 4)]
        )
        func ratio(_ a: [Double], _ b: [Double]) -> Double { b.reduce(0, +) / a.reduce(0, +) }
        let observed = abs(ratio(b[0], b[1]) - ratio(a[0], a[1]))
        let reached = (0..<128).count { exchange in
            var (first, second) = (a, b)
            for prompt in 0..<7 where exchange >> prompt & 1 == 1 {
                for column in 0..<2 {
                    (first[column][prompt], second[column][prompt]) = (b[column][prompt], a[column][prompt])
                }
            }
            return abs(ratio(second[0], second[1]) - ratio(first[0], first[1])) >= observed - 1e-12
        }
        let found = PairedPermutation(prompts: 7, family: 1, seed: 0).pValues(
            a, b, statistics: 1, workers: Workers(count: 2)
        ) { $2[1] / $2[0] - $1[1] / $1[0] }
        #expect(found == [Double(reached) / 128] && reached > 2 && reached < 128)
    }

    /// Without a difference, p-values are uniform: about 5 % are below 0.05.
    @Test func itKeepsItsLevel() {
        let base = (0..<400).map { normals(12, 1000 + UInt64($0)) }
        let other = (0..<400).map { normals(12, 5000 + UInt64($0)) }
        let test = PairedPermutation(prompts: 12, family: 1, seed: 0)
        let below = test.pValues(ofMeans: base, other, workers: Workers(count: 2)).count { $0 <= 0.05 }
        // The standard deviation of the count is 4.4.
        #expect((7...33).contains(below), "\(below)")
    }

    @Test func aLargeFamilyGetsMoreExchanges() {
        #expect(PairedPermutation(prompts: 100, family: 1, seed: 0).count == 10_000)
        #expect(PairedPermutation(prompts: 100, family: 864, seed: 0).count == 34_560)
        #expect(PairedPermutation(prompts: 100, family: 1_000_000, seed: 0).count == 100_000)
    }

    @Test func holmsAdjustedValuesAreThoseOfR() {
        // p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.5), "holm")
        let adjusted = Holm.adjusted([0.01, 0.04, 0.03, 0.005, 0.5])
        #expect(zip(adjusted, [0.04, 0.09, 0.09, 0.025, 0.5]).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(
            Holm.adjusted([0.4, 0.6, 0.5]) == [1, 1, 1] && Holm.adjusted([]).isEmpty && Holm.adjusted([0.2]) == [0.2])
        // The definition: the step-down rejections at any level are those with an adjusted value of at most that level.
        var generator = SeededGenerator(7, "holm")
        for _ in 0..<50 {
            let pValues = (0..<8).map { _ in generator.uniform() * generator.uniform() * 0.2 }
            let adjusted = Holm.adjusted(pValues)
            for level in [0.01, 0.05, 0.2] {
                var rejected: Set<Int> = []
                for (rank, index) in pValues.indices.sorted(by: { pValues[$0] < pValues[$1] }).enumerated() {
                    guard pValues[index] <= level / Double(8 - rank) else { break }
                    rejected.insert(index)
                }
                #expect(Set(adjusted.indices.filter { adjusted[$0] <= level }) == rejected)
            }
        }
    }
}
