import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct RepeatedTokensTests {
    /// The scores as they are defined, from patterns in Double.
    private struct Naive {
        var previous, duplicate, induction: [[Double]]

        init(_ parameters: GPT2Parameters, _ sequences: [[Int]]) {
            let config = parameters.config
            let model = NaiveModel(parameters)
            previous = Array(repeating: Array(repeating: 0, count: config.heads), count: config.layers)
            (duplicate, induction) = (previous, previous)
            for tokens in sequences {
                let n = tokens.count / 2
                var patterns: [Head: [[Double]]] = [:]
                _ = model.run(
                    tokens,
                    hook: { site, layer, head, _, values in
                        if site == .pattern { patterns[Head(layer, head!), default: []].append(values) }
                    }
                )
                for (head, pattern) in patterns {
                    func mean(_ diagonal: Int, from first: Int) -> Double {
                        let rows = first..<2 * n
                        return rows.map { pattern[$0][$0 - diagonal] }.reduce(0, +) / Double(rows.count)
                            / Double(sequences.count)
                    }
                    previous[head.layer][head.index] += mean(1, from: 1)
                    duplicate[head.layer][head.index] += mean(n, from: n)
                    induction[head.layer][head.index] += mean(n - 1, from: n)
                }
            }
        }
    }

    private func difference(_ a: [[Double]], _ b: [[Double]]) -> Double {
        zip(a.joined(), b.joined()).map { abs($0 - $1) }.max()!
    }

    /// Six sequences are more than are run together; a context of 16 leaves room for 8 tokens twice.
    @Test(arguments: PatchingFixture.all, [5, 100])
    func scoresAreTheNaiveModels(_ fixture: PatchingFixture, _ length: Int) throws {
        let found = try RepeatedTokens(
            fixture.parameters, sequences: 6, length: length, seed: 4, workers: Workers(count: 2)
        )
        #expect(found.length == min(length, 8) && found.sequences == 6)
        let sequences = (0..<6).map {
            RepeatedTokens.tokens(length: found.length, seed: 4, index: $0, pool: nil, vocabularySize: 61)
        }
        let naive = Naive(fixture.parameters, sequences)
        #expect(found.previous.count == fixture.config.layers && found.previous[0].count == fixture.config.heads)
        #expect(difference(found.previous, naive.previous) < 1e-5)
        #expect(difference(found.duplicate, naive.duplicate) < 1e-5)
        #expect(difference(found.induction, naive.induction) < 1e-5)
        // The bounds above would not tell scores that are all alike.
        #expect(difference(found.duplicate, found.induction) > 0.01)
        #expect(difference(found.duplicate, found.previous) > 0.01)
    }

    /// Layer 0 has a head for each diagonal; those of layer 1 attend to all that they see alike.
    @Test func headsWithOneDiagonalHaveItsScoreAlone() throws {
        let n = 6
        let config = try GPT2Config(
            vocabularySize: 40, contextLength: 2 * n, width: 6 * n, layers: 2, heads: 3, innerWidth: 4
        )
        let parameters = GPT2Parameters(zeros: config)
        let block = parameters.blocks[0]
        block.ln1Gamma.fill(1)
        for position in 0..<2 * n { parameters.positionTable[position][position] = 1 }
        for (head, diagonal) in [1, n, n - 1].enumerated() {
            let (query, key) = (head * 2 * n, config.width + head * 2 * n)
            for position in 0..<2 * n { block.qkvWeight[position][query + position] = 20 }
            for position in 0..<2 * n - diagonal { block.qkvWeight[position][key + position + diagonal] = 20 }
        }
        let found = try RepeatedTokens(parameters, sequences: 2, length: n, seed: 0, workers: Workers(count: 1))
        for (scores, own) in [(found.previous, 0), (found.duplicate, 1), (found.induction, 2)] {
            for head in 0..<3 {
                // Rows with no token so far before see all alike: to the token before, that adds a little.
                let others = own == 0 ? 0.3 : 1e-6
                #expect(head == own ? scores[0][head] > 1 - 1e-6 : scores[0][head] < others, "\(own), \(head)")
            }
        }
        func uniform(_ rows: Range<Int>) -> Double {
            rows.map { 1 / Double($0 + 1) }.reduce(0, +) / Double(rows.count)
        }
        for head in 0..<3 {
            #expect(abs(found.previous[1][head] - uniform(1..<2 * n)) < 1e-6)
            #expect(abs(found.duplicate[1][head] - uniform(n..<2 * n)) < 1e-6)
            #expect(abs(found.induction[1][head] - uniform(n..<2 * n)) < 1e-6)
        }
    }

    @Test func sequencesAreRandomTokensTwice() {
        func tokens(_ length: Int, seed: UInt64 = 0, index: Int = 0, pool: [Int]? = nil) -> [Int] {
            RepeatedTokens.tokens(length: length, seed: seed, index: index, pool: pool, vocabularySize: 50)
        }
        let sequence = tokens(100)
        #expect(sequence.count == 200 && sequence[..<100] == sequence[100...])
        #expect(sequence.allSatisfy { (0..<50).contains($0) } && Set(sequence).count > 30)
        #expect(tokens(100) == sequence)
        #expect(tokens(100, seed: 1) != sequence && tokens(100, index: 1) != sequence)
        #expect(Set(tokens(100, pool: [7, 31, 48])) == [7, 31, 48])
    }

    @Test func thePoolIsWhatTheModelReads() throws {
        let fixture = PatchingFixture.all[0]
        let found = try RepeatedTokens(
            fixture.parameters, sequences: 1, length: 3, seed: 0, drawnFrom: [9], workers: Workers(count: 1)
        )
        let naive = Naive(fixture.parameters, [Array(repeating: 9, count: 6)])
        #expect(difference(found.induction, naive.induction) < 1e-5)
    }

    @Test func aContextOfThreeTokensIsTooShort() throws {
        let config = try GPT2Config(vocabularySize: 5, contextLength: 3, width: 4, layers: 1, heads: 1)
        let parameters = GPT2Parameters(zeros: config)
        expectError(containing: "n_positions: found 3, expected at least 4") {
            try RepeatedTokens(parameters, seed: 0, workers: Workers(count: 1))
        }
    }

    @Test func attentionThatIsNotFiniteIsAnError() throws {
        let config = try GPT2Config(vocabularySize: 5, contextLength: 8, width: 4, layers: 1, heads: 2)
        let parameters = GPT2Parameters(zeros: config)
        parameters.blocks[0].qkvBias[0][2] = .nan
        expectError(containing: "head 0.1: its attention is not a finite number") {
            try RepeatedTokens(parameters, seed: 0, workers: Workers(count: 1))
        }
    }
}
