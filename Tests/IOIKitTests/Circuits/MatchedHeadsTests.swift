import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct MatchedHeadsTests {
    private let given = [Head(9, 9), Head(9, 6), Head(0, 1), Head(9, 0), Head(3, 2)]

    private func sets(_ count: Int, seed: UInt64 = 0) -> [[Head]] {
        MatchedHeads.sets(like: given, count: count, config: .small, seed: seed)
    }

    @Test func eachSetHasAsManyDistinctHeadsInEachLayer() {
        let sets = sets(200)
        #expect(sets.count == 200)
        for set in sets {
            #expect(set.map(\.layer) == [0, 3, 9, 9, 9])
            #expect(Set(set).count == set.count && set == set.sorted())
            #expect(set.allSatisfy { (0..<12).contains($0.index) })
        }
    }

    @Test func theHeadsOfALayerAreDrawnEquallyOften() {
        let count = 6000
        var drawn: [Head: Int] = [:]
        for set in sets(count) { for head in set { drawn[head, default: 0] += 1 } }
        for (layer, heads) in [(0, 1.0), (3, 1), (9, 3)] {
            // Pearson's statistic of 12 counts. Drawn without replacement, they vary by (12 - heads) / 11 of what
            // independent ones would; 1 in 10,000 of such experiments is beyond 37.4.
            let expected = Double(count) * heads / 12
            let differences = (0..<12).map { Double(drawn[Head(layer, $0), default: 0]) - expected }
            let statistic = differences.map { $0 * $0 / expected }.reduce(0, +)
            #expect(statistic / ((12 - heads) / 11) < 37.4, "layer \(layer)")
        }
    }

    @Test func setsDependOnSeedAndNumberOnly() {
        #expect(sets(20).prefix(5) == sets(5)[...])
        #expect(sets(5) != sets(5, seed: 1))
        #expect(Set(sets(50)).count > 40)
        let shuffled = MatchedHeads.sets(like: given.reversed() + [given[0]], count: 5, config: .small, seed: 0)
        #expect(shuffled == sets(5))
    }

    @Test func aWholeLayerAndNoHeadsLeaveNoChoice() {
        let whole = (0..<12).map { Head(4, $0) }
        #expect(MatchedHeads.sets(like: whole, count: 2, config: .small, seed: 3) == [whole, whole])
        #expect(MatchedHeads.sets(like: [], count: 2, config: .small, seed: 3) == [[], []])
        #expect(sets(0).isEmpty)
    }
}
