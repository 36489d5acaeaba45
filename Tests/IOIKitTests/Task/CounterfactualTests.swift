import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct CounterfactualTests {
    // IO 1, S 2; the other tokens are 100 and more, the names to draw from 10 to 19.
    private let tokens = [100, 2, 101, 1, 102, 2, 103]
    private let positions = Positions(io: 3, s1: 1, s1Next: 2, s2: 5, end: 6)
    private let names = Array(10..<20)

    private func edited(
        _ counterfactual: Counterfactual,
        seed: UInt64 = 0,
        tokens: [Int]? = nil,
        names: [Int]? = nil
    ) throws -> [Int] {
        var generator = SeededGenerator(seed, "test")
        return try counterfactual.tokens(
            from: tokens ?? self.tokens,
            positions: positions,
            names: names ?? self.names,
            using: &generator
        )
    }

    @Test func distinctNamesStandAtTheThreePositions() throws {
        for seed in 0..<200 as Range<UInt64> {
            let result = try edited(.distinct, seed: seed)
            let drawn = [result[3], result[1], result[5]]
            #expect(Set(drawn).count == 3)
            #expect(Set(drawn).isSubset(of: names))
            #expect([result[0], result[2], result[4], result[6]] == [100, 101, 102, 103])
        }
    }

    @Test func originalCodeLooksForNoCollisions() throws {
        var collisions = 0
        for seed in 0..<200 as Range<UInt64> {
            let result = try edited(.wang, seed: seed)
            #expect(Set([result[3], result[1], result[5]]).isSubset(of: names))
            #expect([result[0], result[2], result[4], result[6]] == [100, 101, 102, 103])
            if Set([result[3], result[1], result[5]]).count < 3 { collisions += 1 }
        }
        // Of three draws from ten, 28 % have a repeat: 56 of 200, standard deviation 6.4.
        #expect((24...88).contains(collisions))
    }

    /// Where IO's random name is S, "S everywhere" replaces it once more.
    @Test func originalCodeReplacesInTurn() throws {
        for seed in 0..<50 as Range<UInt64> {
            let result = try edited(.wang, seed: seed, names: [2, 7])
            var generator = SeededGenerator(seed, "test")
            let first = [2, 7][generator.below(2)]
            if first == 2 { #expect(result[3] == result[5]) } else { #expect(result[3] == 7) }
        }
    }

    @Test func secondSubjectBecomesIndirectObject() throws {
        #expect(try edited(.s2ToIO, names: []) == [100, 2, 101, 1, 102, 1, 103])
    }

    @Test func firstClauseIsSwapped() throws {
        #expect(try edited(.swapFirstClause, names: []) == [100, 1, 101, 2, 102, 2, 103])
    }

    @Test func bothPeopleGetOtherNames() throws {
        for seed in 0..<200 as Range<UInt64> {
            let result = try edited(
                .randomNames,
                seed: seed,
                tokens: [100, 2, 101, 1, 2, 2, 1],
                names: [1, 2, 10, 11]
            )
            #expect(Set([result[3], result[1]]) == [10, 11])
            #expect(result == [100, result[1], 101, result[3], result[1], result[1], result[3]])
        }
    }

    @Test func tooFewNamesAreAnError() {
        expectError(containing: "found 2", "expected at least 3", "\"distinct\"") {
            try edited(.distinct, names: [10, 11])
        }
        expectError(containing: "found 1", "expected at least 2", "\"random-names\"") {
            try edited(.randomNames, names: [1, 2, 10])
        }
        expectError(containing: "found 0", "\"wang\"") { try edited(.wang, names: []) }
    }
}
