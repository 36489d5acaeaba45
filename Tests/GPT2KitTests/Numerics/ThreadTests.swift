import TestSupport
import Testing

@testable import GPT2Kit

/// Kernels that split no sum give the same bits on any number of threads. Sizes are such that all of them cut their work.
@Suite struct ThreadTests {
    static let counts = [2, 3, 7, 32, 128]

    /// The bits of matrices that `body` computes.
    func bits(_ threads: Int, _ body: (Scratch, Workers) -> [Matrix]) -> [[UInt32]] {
        let scratch = Scratch()
        return withExtendedLifetime(scratch) {
            body(scratch, Workers(count: threads)).map { matrix in
                (0..<matrix.rows).flatMap { matrix.row($0).map(\.bitPattern) }
            }
        }
    }

    func expectSame(_ threads: Int, _ body: (Scratch, Workers) -> [Matrix]) {
        let (one, many) = (bits(1, body), bits(threads, body))
        #expect(one == many)
        #expect(one.allSatisfy { values in values.contains { $0 != 0 } })
    }

    @Test(arguments: counts)
    func layerNorm(_ threads: Int) {
        expectSame(threads) { scratch, workers in
            let (n, d) = (600, 203)
            let (x, y, dY, dX) = (
                scratch.normal(n, d), scratch.zeros(n, d), scratch.normal(n, d), scratch.zeros(n, d)
            )
            let (gamma, beta, statistics) = (scratch.normal(1, d), scratch.normal(1, d), scratch.zeros(n, 2))
            let (dGamma, dBeta, again) = (scratch.zeros(1, d), scratch.zeros(1, d), scratch.zeros(n, d))
            LayerNorm.forward(
                x, gamma: gamma, beta: beta, epsilon: 1e-5, into: y, statistics: statistics, workers: workers
            )
            LayerNorm.restore(x, gamma: gamma, beta: beta, statistics: statistics, into: again, workers: workers)
            LayerNorm.backward(
                dY, x: x, gamma: gamma, statistics: statistics, addingTo: dX, dGamma: dGamma, dBeta: dBeta,
                workers: workers
            )
            return [y, statistics, again, dX, dGamma, dBeta]
        }
    }

    @Test(arguments: counts)
    func activationsAndDropout(_ threads: Int) {
        expectSame(threads) { scratch, workers in
            let (n, m) = (400, 203)
            let (x, y, gradient) = (scratch.normal(n, m), scratch.zeros(n, m), scratch.normal(n, m))
            let (again, dropped) = (scratch.zeros(n, m), scratch.zeros(n, m))
            GELU.tanh.forward(x, into: y, workers: workers)
            GELU.tanh.backward(gradient, x: x, restoring: again, workers: workers)
            Dropout(rate: 0.3, seed: 1, step: 2).mask(.mlpOut).apply(to: x, into: dropped, workers: workers)
            return [y, gradient, again, dropped]
        }
    }

    @Test(arguments: counts)
    func embeddingsAndLosses(_ threads: Int) {
        expectSame(threads) { scratch, workers in
            let (n, d, vocabulary) = (500, 203, 61)
            let (table, places, out) = (scratch.normal(vocabulary, d), scratch.normal(9, d), scratch.zeros(n, d))
            let (dTable, dPlaces) = (scratch.zeros(vocabulary, d), scratch.zeros(9, d))
            let (tokens, positions) = ((0..<n).map { 7 * $0 % vocabulary }, (0..<n).map { $0 % 9 })
            let (logits, losses) = (scratch.normal(n, vocabulary), scratch.zeros(n, 1))
            Embedding.forward(
                tokens: tokens, positions: positions, tokenTable: table, positionTable: places, into: out,
                workers: workers
            )
            Embedding.backward(
                out, tokens: tokens, positions: positions, addingTo: dTable, dPlaces, workers: workers
            )
            CrossEntropy.forwardBackward(
                logits, labels: { tokens[$0...$0] }, losses: losses, weight: 0.1, workers: workers
            )
            return [out, dTable, dPlaces, logits, losses]
        }
    }

    @Test(arguments: counts)
    func attention(_ threads: Int) {
        expectSame(threads) { scratch, workers in
            let (heads, width, length, prompts) = (4, 16, 12, 10)
            let (n, d) = (length * prompts, heads * width)
            let (q, k, v) = (scratch.normal(n, d), scratch.normal(n, d), scratch.normal(n, d))
            let spans = (0..<prompts).map { prompt in
                let rows = prompt * length..<(prompt + 1) * length
                return AttentionSpan(queries: rows, keys: rows, pattern: prompt * heads * length * length)
            }
            let positions = (0..<n).map { $0 % length }
            let pattern = scratch.zeros(1, n * heads * length)
            let room = scratch.zeros(1, n * heads * length)
            let (z, dZ) = (scratch.zeros(n, d), scratch.normal(n, d))
            let (dQ, dK, dV) = (scratch.zeros(n, d), scratch.zeros(n, d), scratch.zeros(n, d))
            Attention.forward(
                q: q, k: k, v: v, heads: heads, scale: 0.25, spans: spans, positions: positions, pattern: pattern.base,
                into: z,
                workers: workers
            )
            Attention.backward(
                dZ: dZ, q: q, k: k, v: v, heads: heads, scale: 0.25, spans: spans, positions: positions,
                pattern: pattern.base,
                scratch: room.base, dQ: dQ, dK: dK, dV: dV, workers: workers
            )
            return [pattern, z, dQ, dK, dV]
        }
    }

    @Test(arguments: counts)
    func updatesAndNorms(_ threads: Int) throws {
        let config = try GPT2Config(vocabularySize: 401, contextLength: 20, width: 96, layers: 2, heads: 2)
        func moved(_ threads: Int) -> (weights: [[UInt32]], norm: Double) {
            let workers = Workers(count: threads)
            let parameters = GPT2Parameters(random: config, seed: 1, workers: workers)
            let gradients = GPT2Parameters(random: config, seed: 2, workers: workers)
            var optimizer = AdamW(config)
            optimizer.update(
                parameters, gradients: gradients, settings: AdamW.Settings(clip: 0.5), workers: workers
            )
            let copy = GPT2Parameters(copying: parameters, workers: workers)
            return (
                copy.entries.map { copy.values(of: $0.name)!.map(\.bitPattern) }, gradients.norm(workers: workers)
            )
        }
        let (one, many) = (moved(1), moved(threads))
        #expect(one.weights == many.weights)
        #expect(one.norm == many.norm)
    }
}
