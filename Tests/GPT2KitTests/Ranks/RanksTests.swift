import Testing

@testable import GPT2Kit

/// How ranks divide items.
@Suite struct RanksTests {
    @Test func everyItemIsInOnePart() {
        for count in 1...9 {
            for items in 0...40 {
                let parts = (0..<count).map { Ranks(rank: $0, count: count).part(of: items) }
                #expect(parts.flatMap { Array($0) } == Array(0..<items))
                let sizes = parts.map(\.count)
                #expect(sizes.max()! - sizes.min()! <= 1)
                #expect(parts == (0..<count).map { Ranks(rank: 0, count: count).part(of: items, rank: $0) })
            }
        }
    }

    @Test func oneProcessDoesAll() throws {
        let alone = Ranks.alone
        #expect(alone.isFirst && !alone.areTogether && alone.part(of: 5) == 0..<5)
        #expect(try alone.gather { 3 } == [3])
        #expect(try alone.onFirst { "a" } == "a")
        #expect(alone.any(true) && !alone.any(false) && alone.sum(2.5) == 2.5)
        #expect(!alone.isToldToStop)
        #expect(throws: IOIError.self) { try alone.gather { () throws -> Int in throw IOIError("no") } }
    }
}
