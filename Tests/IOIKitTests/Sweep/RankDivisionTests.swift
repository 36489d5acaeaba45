import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Which rank measures what.
@Suite struct RankDivisionTests {
    @Test(arguments: 1...5) func everyPromptIsMeasuredOnce(_ ranks: Int) {
        for (first, count) in [(0, 1), (0, 2), (0, 7), (3, 64), (0, 65), (10, 200), (0, 0)] {
            for most in [1, 5, 64] {
                for cells in [0, 1, 144, 10_000] {
                    let division = RankDivision(
                        prompts: first..<first + count, batchSize: most, cells: cells,
                        ranks: Ranks(rank: 0, count: ranks))
                    #expect(division.batches.flatMap { Array($0) } == Array(first..<first + count))
                    #expect(division.batches.allSatisfy { 1...most ~= $0.count })
                    guard ranks > 1, !division.dividesRuns else { continue }
                    // In turn, so that no rank has more than one prompt more in each round.
                    var sizes = Array(repeating: 0, count: ranks)
                    for (index, batch) in division.batches.enumerated() { sizes[index % ranks] += batch.count }
                    let rounds = (division.batches.count + ranks - 1) / ranks
                    #expect(sizes.max()! - sizes.min()! <= max(rounds, 1))
                }
            }
        }
    }

    /// The ranks divide prompts unless some would have none, or much more than others, while the runs of a prompt are many.
    @Test func fewPromptsDivideTheirRuns() {
        func dividesRuns(_ prompts: Int, cells: Int, _ ranks: Int) -> Bool {
            RankDivision(
                prompts: 0..<prompts, batchSize: 64, cells: cells, ranks: Ranks(rank: 0, count: ranks)
            ).dividesRuns
        }
        #expect(dividesRuns(1, cells: 144, 2) && dividesRuns(1, cells: 144, 8) && dividesRuns(3, cells: 144, 2))
        #expect(!dividesRuns(1, cells: 0, 2) && !dividesRuns(2, cells: 144, 2) && !dividesRuns(200, cells: 144, 8))
        #expect(!dividesRuns(1, cells: 144, 1) && !dividesRuns(3, cells: 144, 1))
    }

    /// A group's prompts stay together and in order.
    @Test(arguments: 2...4) func groupsAreDividedWhole(_ ranks: Int) {
        let prompts = (0..<5).flatMap { _ in PatchingFixture.prompts + AnyTaskFixture.prompts }
        let division = GroupDivision(prompts, Ranks(rank: 0, count: ranks))
        let parts = (0..<ranks).map(division.prompts)
        #expect(parts.flatMap { $0 }.map(\.id).sorted() == prompts.map(\.id).sorted())
        let groups = parts.map { Set($0.map(PromptGroup.init)) }
        for (index, group) in groups.enumerated() {
            for other in groups.dropFirst(index + 1) { #expect(group.isDisjoint(with: other)) }
            #expect(parts[index] == prompts.filter { group.contains(PromptGroup($0)) })
        }
        for (prompt, rank) in division.owners { #expect(groups[rank].contains(PromptGroup(prompt))) }
        #expect(division.owners.count == groups.reduce(0) { $0 + $1.count })
        let largest = Dictionary(grouping: prompts, by: PromptGroup.init).values.map(\.count).max()!
        #expect(parts.map(\.count).max()! - parts.map(\.count).min()! <= largest)
    }
}
