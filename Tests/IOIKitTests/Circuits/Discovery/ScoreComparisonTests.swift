import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct ScoreComparisonTests {
    private let graph = Graph(layers: 2, heads: 2)

    private func compare(_ ours: [Double], _ theirs: [Double], isAbsolute: Bool = true, best: Int = 10)
        -> ScoreComparison
    {
        let edges = EdgeSet(graph, indices: [1, 5, 7])
        return ScoreComparison(
            EdgeRanking(graph, scores: ours, isAbsolute: isAbsolute),
            with: MIBCircuit(edges, scores: theirs, width: 8), file: "f.json", best: best
        )
    }

    /// Pearson's correlation by its definition.
    private func correlation(_ x: [Double], _ y: [Double]) -> Double {
        let (meanX, meanY) = (x.reduce(0, +) / Double(x.count), y.reduce(0, +) / Double(y.count))
        let (a, b) = (x.map { $0 - meanX }, y.map { $0 - meanY })
        func product(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
        return product(a, b) / (product(a, a) * product(b, b)).squareRoot()
    }

    /// The number of smaller values, and half of those equal.
    private func places(_ values: [Double]) -> [Double] {
        values.map { value in Double(values.count { $0 < value }) + Double(values.count { $0 == value }) / 2 }
    }

    @Test(arguments: [true, false]) func theFiguresAreThoseOfTheirDefinitions(_ isAbsolute: Bool) throws {
        var generator = SeededGenerator(4, "scores")
        // Some are equal.
        let ours = (0..<graph.edgeCount).map { $0 % 9 == 0 ? 0.5 : generator.normal() }
        let theirs = ours.map { $0 * $0 * $0 + 0.7 * generator.normal() }
        let found = compare(ours, theirs, isAbsolute: isAbsolute)
        #expect((found.file, found.edges, found.edgesInGraph, found.best) == ("f.json", 46, 3, 10))
        #expect(abs(try #require(found.correlation) - correlation(ours, theirs)) < 1e-12)
        #expect(abs(try #require(found.rankCorrelation) - correlation(places(ours), places(theirs))) < 1e-12)
        let (sizes, theirSizes) = (places(ours.map(abs)), places(theirs.map(abs)))
        #expect(abs(try #require(found.absoluteRankCorrelation) - correlation(sizes, theirSizes)) < 1e-12)
        let largest = zip(ours, theirs).map { abs($0 - $1) }.max()! / theirs.map(abs).max()!
        #expect(abs(try #require(found.largestDifference) - largest) < 1e-15)
        func best(_ scores: [Double]) -> Set<Int> {
            let keys = isAbsolute ? scores.map(abs) : scores
            // Those with fewer than ten before them, of equals the first.
            return Set(
                keys.indices.filter { index in
                    keys.indices.count { keys[$0] > keys[index] || keys[$0] == keys[index] && $0 < index } < 10
                })
        }
        let (mine, other) = (best(ours), best(theirs))
        #expect(
            abs(found.bestJaccard - Double(mine.intersection(other).count) / Double(mine.union(other).count)) < 1e-15)
        #expect((0.01..<0.99).contains(found.bestJaccard))
    }

    @Test func equalOppositeAndConstantScores() {
        let scores = (0..<graph.edgeCount).map { Double(($0 * 17) % 46 * 2) - 45 }
        let same = compare(scores, scores)
        #expect(same.largestDifference == 0 && same.bestJaccard == 1)
        for value in [same.correlation, same.rankCorrelation, same.absoluteRankCorrelation] {
            #expect(abs((value ?? 0) - 1) < 1e-12)
        }
        let opposite = compare(scores, scores.map { -3 * $0 })
        for value in [opposite.correlation, opposite.rankCorrelation] { #expect(abs((value ?? 0) + 1) < 1e-12) }
        #expect(abs((opposite.absoluteRankCorrelation ?? 0) - 1) < 1e-12 && opposite.bestJaccard == 1)
        let constant = compare(scores, scores.map { _ in 0 })
        #expect(constant.correlation == nil && constant.rankCorrelation == nil && constant.largestDifference == nil)
    }
}
