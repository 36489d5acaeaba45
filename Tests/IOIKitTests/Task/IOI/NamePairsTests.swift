import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct NamePairsTests {
    private func named(_ pairs: [NamePairs.Pair], _ names: [String]) -> Set<Set<String>> {
        Set(pairs.map { [names[$0.first], names[$0.second]] })
    }

    @Test func everyPairIsOnOneSide() throws {
        let names = try NameList.standard().names
        let pairs = NamePairs(names)
        let training = named(pairs.training, names)
        let heldOut = named(pairs.heldOut, names)
        #expect(training.count == 4455)
        #expect(heldOut.count == 495)
        #expect(training.isDisjoint(with: heldOut))
        #expect(training.union(heldOut).allSatisfy { $0.count == 2 })
    }

    @Test func divisionDoesNotDependOnTheOrderOfNames() throws {
        let names = try NameList.standard().names
        let reversed = Array(names.reversed())
        #expect(named(NamePairs(names).heldOut, names) == named(NamePairs(reversed).heldOut, reversed))
    }

    @Test func threeNamesLeaveSomethingOnBothSides() {
        let pairs = NamePairs(["Mary", "John", "Tom"])
        #expect(pairs.heldOut.count == 1)
        #expect(pairs.training.count == 2)
    }

    /// Held-out pairs are spread over the names: 495 pairs put a name in 9.9 on average (hypergeometric,
    /// standard deviation under 3), so that 5 deviations either way are between 0 and 25.
    @Test func heldOutPairsAreSpread() throws {
        let names = try NameList.standard().names
        var counts = [Int](repeating: 0, count: names.count)
        for pair in NamePairs(names).heldOut {
            counts[pair.first] += 1
            counts[pair.second] += 1
        }
        #expect(counts.allSatisfy { (1...25).contains($0) })
    }
}
