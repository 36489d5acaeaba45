import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct OVSpectraTests {
    static let settings = RunSettings(workers: Workers(count: 2))

    /// The small matrix's score against the eigenvalues of the whole circuit, vocabulary by vocabulary.
    @Test(arguments: PatchingFixture.all) func scoresAreThoseOfTheWholeCircuit(_ fixture: PatchingFixture) throws {
        let naive = NaiveAnalysis(fixture.parameters)
        let spectra = try OVSpectra(fixture.parameters, settings: Self.settings)
        for head in fixture.config.allHeads {
            let circuit = naive.circuit(head)
            let eigenvalues = try #require(Spectra.eigenvalues(of: circuit.flatMap { $0 }, size: circuit.count))
            let expected = try #require(OVSpectra.score(eigenvalues))
            let found = try #require(spectra.eigenvalueScore[head.layer][head.index])
            #expect(abs(found - expected) < 1e-4, "\(head)")
            // The sum of eigenvalues is the diagonal's: what each token adds to its own logit.
            let diagonal = circuit.indices.reduce(0) { $0 + circuit[$1][$1] }
            let sizes = eigenvalues.reduce(0) { $0 + ($1.real * $1.real + $1.imaginary * $1.imaginary).squareRoot() }
            #expect(abs(diagonal / sizes - expected) < 1e-9)

            let whole = product(naive.values(head), naive.outputs(head)).flatMap { $0 }
            let width = fixture.config.width
            let values = try #require(Spectra.singularValues(of: whole, rows: width, columns: width))
            let singular = spectra.singularValues[head.layer][head.index]
            #expect(singular.count == fixture.config.headWidth)
            #expect(largestDifference(singular, values) < 1e-9 * values[0])
        }
        #expect(Set(spectra.eigenvalueScore.joined()).count == fixture.config.allHeads.count)
    }

    /// A head that hands on what it reads copies, one that hands on its negative takes away, one that turns it by a right
    /// angle does neither, and one that does nothing has no score.
    @Test func constructedHeadsHaveTheirScores() throws {
        let config = try GPT2Config(vocabularySize: 30, contextLength: 8, width: 16, layers: 1, heads: 4)
        let parameters = GPT2Parameters(random: config, seed: 1, workers: Self.settings.workers)
        let block = parameters.blocks[0]
        // Four dimensions that no mean is in: differences of neighbours.
        for head in 0..<4 {
            let weights = parameters.weights(of: Head(0, head))
            weights.value.fill(0)
            weights.output.fill(0)
            for i in 0..<4 {
                weights.value[4 * head][i] = 0
                weights.value[2 * i][i] = 1
                weights.value[2 * i + 1][i] = -1
            }
        }
        block.qkvBias.fill(1)
        func write(_ head: Int, _ dimension: Int, from value: Int, _ weight: Float) {
            let output = parameters.weights(of: Head(0, head)).output
            output[value][2 * dimension] = weight
            output[value][2 * dimension + 1] = -weight
        }
        for i in 0..<4 {
            write(0, i, from: i, 0.3)
            write(1, i, from: i, -2)
        }
        // Embeddings that are the same in both of a pair of dimensions, so that a turn is one in logits as well.
        for token in 0..<30 {
            for i in 0..<16 { parameters.tokenTable[token][i] = 0 }
            let place = token % 4
            if token < 8 {
                parameters.tokenTable[token][2 * place] = token < 4 ? 1 : -1
                parameters.tokenTable[token][2 * place + 1] = token < 4 ? -1 : 1
            }
        }
        write(2, 0, from: 1, 1)
        write(2, 1, from: 0, -1)
        write(2, 2, from: 3, 1)
        write(2, 3, from: 2, -1)
        let scores = try OVSpectra(parameters, settings: Self.settings).eigenvalueScore[0]
        #expect(abs(try #require(scores[0]) - 1) < 1e-6)
        #expect(abs(try #require(scores[1]) + 1) < 1e-6)
        #expect(abs(try #require(scores[2])) < 1e-6)
        #expect(scores[3] == nil)
    }
}
