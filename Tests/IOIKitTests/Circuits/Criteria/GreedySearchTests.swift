import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct GreedySearchTests {
    static let nodes = (0..<4).flatMap { layer in (0..<3).map { Node.head(Head(layer, $0)) } }
    /// Five heads are worth something, the others nothing or less.
    static func worth(_ set: Set<Node>) -> Double { Double(set.reduce(0) { $0 + $1.layer * 3 + $1.head!.index - 6 }) }

    private func search(runs: Int = 1, steps: Int, candidates: Int) -> GreedySearch {
        var search = GreedySearch()
        (search.runs, search.steps, search.candidates) = (runs, steps, candidates)
        return search
    }

    private func path(_ search: GreedySearch, seed: UInt64 = 0, climbs: Bool = false) -> [[Set<Node>]] {
        search.grow(
            from: Array(repeating: Self.nodes, count: search.runs), stream: "test", seed: seed,
            score: { $1.map { Self.worth($0.grown) } }, current: climbs ? { Self.worth($1) } : nil
        )
    }

    @Test func theBestHeadIsTakenAtEachStep() {
        let path = path(search(steps: 4, candidates: 100))[0]
        #expect(path.count == 5 && path[0].isEmpty)
        for (step, set) in path.enumerated() { #expect(set == Set(Self.nodes.suffix(step))) }
    }

    @Test func aSetMayHaveAllHeadsAndEachOnce() {
        let whole = path(search(steps: 30, candidates: 2))[0]
        #expect(whole.count == 13 && whole.last == Set(Self.nodes))
        #expect(whole.map(\.count) == Array(0...12))
    }

    @Test func aClimbingSetTakesOnlyWhatRaisesItsScore() {
        let climbing = path(search(runs: 3, steps: 30, candidates: 2), climbs: true)
        for path in climbing {
            let worths = path.map(Self.worth)
            #expect(zip(worths, worths.dropFirst()).allSatisfy { $0 < $1 })
            // All five heads that are worth something, though two at a time were tried.
            #expect(path.last == Set(Self.nodes.suffix(5)))
        }
    }

    @Test func drawsAreFewAndDependOnTheSeedAndTheRun() {
        var most = 0
        let search = search(runs: 4, steps: 5, candidates: 3)
        _ = search.grow(from: Array(repeating: Self.nodes, count: 4), stream: "test", seed: 0) { step, proposals in
            #expect(proposals.map(\.run) == proposals.map(\.run).sorted())
            for (_, own) in Dictionary(grouping: proposals, by: \.run) {
                #expect(Set(own.map(\.node)).count == own.count && own.allSatisfy { $0.k.count == step })
                #expect(own.allSatisfy { !$0.k.contains($0.node) })
                most = max(most, own.count)
            }
            return proposals.map { Self.worth($0.grown) }
        }
        #expect(most == 3)
        #expect(path(search) == path(search))
        #expect(path(search) != path(search, seed: 1))
        #expect(Set(path(search)).count > 1)
        // More runs go on from fewer.
        #expect(Array(path(self.search(runs: 6, steps: 5, candidates: 3)).prefix(4)) == path(search))
    }

    @Test func searchesMeasureOnASampleOfThePrompts() {
        var search = GreedySearch()
        let all = PatchingFixture.prompts
        search.prompts = 8
        #expect(search.sample(all, seed: 0).map(\.id) == all.map(\.id))
        search.prompts = 3
        let samples = (0..<20).map { search.sample(all, seed: $0).map(\.id) }
        #expect(samples.allSatisfy { $0.count == 3 && $0 == $0.sorted() && Set($0).count == 3 })
        #expect(Set(samples.joined()) == Set(all.map(\.id)) && Set(samples).count > 5)
        #expect(search.sample(all, seed: 7).map(\.id) == samples[7])
    }
}
