import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct CopyingScoreTests {
    static let prompts = PatchingFixture.prompts
    static let settings = RunSettings(workers: Workers(count: 2))

    static func names(_ parameters: GPT2Parameters) throws -> CopyingScore.Names {
        var names = CopyingScore.Names()
        try PromptPass.run(parameters, prompts, keeping: CopyingScore.Names.sites, settings: settings) {
            names.add($0, $1)
        }
        return names
    }

    /// How many tokens come before each name, by the definition: IO, S1 and S2 of each prompt.
    static func ranks(_ parameters: GPT2Parameters, _ head: Head, sign: Double) -> [Int] {
        let naive = NaiveAnalysis(parameters)
        return prompts.flatMap { prompt in
            [prompt.positions.io, prompt.positions.s1, prompt.positions.s2].map {
                naive.rank(prompt, head, position: $0, sign: sign)
            }
        }
    }

    @Test(arguments: PatchingFixture.all) func scoresAreTheDefinitions(_ fixture: PatchingFixture) throws {
        let score = try CopyingScore(
            fixture.parameters, Self.names(fixture.parameters), of: Self.prompts.count, seed: 0, settings: Self.settings
        )
        for head in fixture.config.allHeads {
            for (map, sign) in [(score.copying, 1.0), (score.negative, -1)] {
                let expected = Self.ranks(fixture.parameters, head, sign: sign).map { $0 < 5 ? 1.0 : 0 }.mean
                #expect(abs(map[head].value! - expected) < 1e-12, "\(head), \(sign)")
            }
        }
        // Both signs, and heads, differ.
        #expect(score.copying != score.negative && Set(score.copying.value.joined()).count > 1)
    }

    /// Pieces of the vocabulary and of the names of any size; without a limit, counts are ranks.
    @Test(arguments: PatchingFixture.all) func piecesChangeNothing(_ fixture: PatchingFixture) throws {
        let names = try Self.names(fixture.parameters)
        let last = fixture.config.layers - 1
        for head in 0..<fixture.config.heads {
            let expected = [1.0, -1].map { Self.ranks(fixture.parameters, Head(last, head), sign: $0) }
            for (tokens, block) in [(7, 5), (61, 24), (100, 100), (1, 3)] {
                var logits = NameLogits(fixture.parameters, names, workers: Self.settings.workers)
                logits.enter(last)
                let all = logits.count(head, upTo: 61, tokens: tokens, names: block)
                #expect(all.above.map(Int.init) == expected[0] && all.below.map(Int.init) == expected[1])
                logits.enter(last)
                let some = logits.count(head, upTo: 5, tokens: tokens, names: block)
                for (found, expected) in [(some.above, expected[0]), (some.below, expected[1])] {
                    for (found, expected) in zip(found, expected) {
                        #expect((found < 5) == (expected < 5) && found <= expected)
                    }
                }
            }
        }
    }

    @Test func interruptionsEndIt() throws {
        let fixture = PatchingFixture.all[0]
        let names = try Self.names(fixture.parameters)
        var settings = Self.settings
        settings.isInterrupted = { true }
        #expect(throws: PatchInterruption.self) {
            try CopyingScore(fixture.parameters, names, of: Self.prompts.count, seed: 0, settings: settings)
        }
        #expect(throws: PatchInterruption.self) {
            try PromptPass.run(fixture.parameters, Self.prompts, keeping: [.z], settings: settings) { _, _ in }
        }
        #expect(throws: PatchInterruption.self) { try OVSpectra(fixture.parameters, settings: settings) }
    }
}
