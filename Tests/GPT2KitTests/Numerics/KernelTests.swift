import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

/// Each kernel against an obvious version in double, and its backward half against finite differences. Widths are taken
/// with and without a remainder of the eight lanes.
@Suite struct KernelTests {
    let workers = Workers(count: 2)

    private func exponentials(_ x: [Float]) -> [Float] {
        var x = x
        _ = x.withUnsafeMutableBufferPointer { x in
            Softmax.sumOfExponentials(x.baseAddress!, count: x.count, minus: 0, storing: true)
        }
        return x
    }

    /// Whole groups of lanes, and what is left of them.
    @Test(arguments: [0, 1, 15, 16, 17, 40]) func sumsAndMaximaOfRows(_ count: Int) {
        let scratch = Scratch()
        let row = withExtendedLifetime(scratch) { scratch.normal(1, max(count, 1)).row(0).prefix(count).map { $0 * 5 } }
        let largest = row.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { Softmax.maximum($0, count: count) } ?? -.infinity
        }
        #expect(largest == row.max() ?? -.infinity)
        var copy = row
        let total = copy.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map { Softmax.sumOfExponentials($0, count: count, minus: 0.5, storing: false) } ?? 0
        }
        let expected = row.reduce(0.0) { $0 + exp(Double($1) - 0.5) }
        #expect(abs(Double(total) - expected) <= 1e-6 * expected && copy == row)
    }

    @Test func exponentialIsExactToTwoUnits() {
        var worst = 0.0
        for step in 0..<200_000 {
            let x = Float(-87) + Float(step) * 175 / 200_000
            let found = Double(exponentials([x])[0])
            let expected = exp(Double(x))
            worst = max(worst, abs(found - expected) / expected)
        }
        #expect(worst < 2.4e-7)
        let edges = exponentials([-.infinity, -88, 0, -0.0, 1e-30, -87.3, .infinity, 88])
        #expect(edges[0] == 0 && edges[1] == 0 && edges[2] == 1 && edges[3] == 1 && edges[4] == 1)
        #expect(edges[5] > 0 && edges[6] > 1e38 && edges[6] == edges[7])
        #expect(exponentials([.nan])[0].isNaN)
    }

    @Test(arguments: [(4, 6, 10), (9, 16, 24)])
    func linear(_ n: Int, _ k: Int, _ m: Int) {
        let scratch = Scratch()
        let (x, weight, bias) = (scratch.normal(n, k), scratch.normal(k, m), scratch.normal(1, m))
        let (out, dOut) = (scratch.zeros(n, m), scratch.normal(n, m))
        let (dX, dWeight, dBias) = (scratch.zeros(n, k), scratch.zeros(k, m), scratch.zeros(1, m))
        func value() -> Double {
            Linear.forward(x, weight: weight, bias: bias, into: out, workers: workers)
            return weighted(out, dOut)
        }
        _ = value()
        let first = (0..<k).reduce(Double(bias[0][0])) { $0 + Double(x[0][$1]) * Double(weight[$1][0]) }
        #expect(abs(Double(out[0][0]) - first) < 1e-5)
        Linear.backward(
            dOut, x: x, weight: weight, dX: dX, dWeight: dWeight, dBias: dBias, workers: workers
        )
        expectEqual(scratch.slopes(of: x, gradient: dX, value: value), "x")
        expectEqual(scratch.slopes(of: weight, gradient: dWeight, value: value), "weight")
        expectEqual(scratch.slopes(of: bias, gradient: dBias, value: value), "bias")
    }

    @Test(arguments: [16, 35])
    func layerNorm(_ d: Int) {
        let scratch = Scratch()
        let n = 5
        let (x, y, dY) = (scratch.normal(n, d, scale: 2), scratch.zeros(n, d), scratch.normal(n, d))
        let (gamma, beta, statistics) = (scratch.normal(1, d), scratch.normal(1, d), scratch.zeros(n, 2))
        let (dX, dGamma, dBeta) = (scratch.zeros(n, d), scratch.zeros(1, d), scratch.zeros(1, d))
        func value() -> Double {
            LayerNorm.forward(
                x, gamma: gamma, beta: beta, epsilon: 1e-5, into: y, statistics: statistics, workers: workers
            )
            return weighted(y, dY)
        }
        _ = value()
        for row in 0..<n {
            let values = x.row(row).map(Double.init)
            let mean = values.reduce(0, +) / Double(d)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(d)
            for i in 0..<d {
                let normal = (values[i] - mean) / (variance + 1e-5).squareRoot()
                let expected = normal * Double(gamma[0][i]) + Double(beta[0][i])
                #expect(abs(Double(y[row][i]) - expected) < 3e-6)
            }
        }
        let again = scratch.zeros(n, d)
        LayerNorm.restore(x, gamma: gamma, beta: beta, statistics: statistics, into: again, workers: workers)
        for row in 0..<n { #expect(Array(again.row(row)) == Array(y.row(row))) }
        LayerNorm.backward(
            dY, x: x, gamma: gamma, statistics: statistics, addingTo: dX, dGamma: dGamma, dBeta: dBeta,
            workers: workers
        )
        expectEqual(scratch.slopes(of: x, gradient: dX, value: value), "x")
        expectEqual(scratch.slopes(of: gamma, gradient: dGamma, value: value), "gamma")
        expectEqual(scratch.slopes(of: beta, gradient: dBeta, value: value), "beta")
        // The gradient is added to what the residual stream already carries.
        let before = dX[0][0]
        _ = value()
        LayerNorm.backward(
            dY, x: x, gamma: gamma, statistics: statistics, addingTo: dX, dGamma: dGamma, dBeta: dBeta,
            workers: workers
        )
        #expect(abs(dX[0][0] - 2 * before) <= 1e-6 * abs(before))
    }

    @Test(arguments: [16, 21], [GELU.tanh, .exact])
    func gelu(_ columns: Int, _ gelu: GELU) {
        let scratch = Scratch()
        let (x, y) = (scratch.normal(6, columns, scale: 2), scratch.zeros(6, columns))
        x[0][0] = -30
        x[0][1] = 30
        x[0][2] = 0
        let dY = scratch.normal(6, columns)
        func value() -> Double {
            gelu.forward(x, into: y, workers: workers)
            return weighted(y, dY)
        }
        _ = value()
        for i in 0..<6 * columns {
            let x = Double(x.base[i])
            #expect(abs(Double(y.base[i]) - TestSupport.gelu(x, gelu)) < 4e-7 * max(1, abs(x)))
        }
        let gradient = scratch.zeros(6, columns)
        gradient.base.update(from: dY.base, count: 6 * columns)
        let again = scratch.zeros(6, columns)
        gelu.backward(gradient, x: x, restoring: again, workers: workers)
        for row in 0..<6 { #expect(Array(again.row(row)) == Array(y.row(row))) }
        expectEqual(scratch.slopes(of: x, gradient: gradient, value: value), "x")
    }

    /// PyTorch's values in float64 of y and its slope.
    @Test func exactGELU() {
        let expected: [(x: Float, y: Double, slope: Double)] = [
            (-6, -5.919525869479969e-09, -3.546870945402639e-08), (-3, -0.00404969409489031, -0.01194564720418392),
            (-1.5, -0.10021080190328704, -0.1274691922299796), (-0.5, -0.15426876936299344, 0.13250487534383712),
            (0, 0, 0.5), (0.001, 0.000500398942213911, 0.5007978842948414),
            (0.5, 0.34573123063700656, 0.8674951246561629), (1.5, 1.399789198096713, 1.1274691922299795),
            (3, 2.99595030590511, 1.011945647204184), (6, 5.999999994080474, 1.0000000354687093),
        ]
        let scratch = Scratch()
        let (x, y, slope) = (scratch.zeros(1, 10), scratch.zeros(1, 10), scratch.zeros(1, 10))
        for (i, value) in expected.enumerated() {
            x[0][i] = value.x
            slope[0][i] = 1
        }
        GELU.exact.backward(slope, x: x, restoring: y, workers: workers)
        for (i, value) in expected.enumerated() {
            #expect(abs(Double(y[0][i]) - value.y) <= 5e-6 * abs(value.y), "at \(value.x)")
            #expect(abs(Double(slope[0][i]) - value.slope) <= 5e-6 * abs(value.slope), "at \(value.x)")
        }
    }

    @Test func embedding() {
        let scratch = Scratch()
        let (tokens, positions) = ([3, 1, 3, 0], [0, 1, 2, 0])
        let (table, places) = (scratch.normal(5, 11), scratch.normal(4, 11))
        let (out, dOut) = (scratch.zeros(4, 11), scratch.normal(4, 11))
        func value() -> Double {
            Embedding.forward(
                tokens: tokens, positions: positions, tokenTable: table, positionTable: places, into: out,
                workers: workers
            )
            return weighted(out, dOut)
        }
        _ = value()
        #expect(out[2][5] == table[3][5] + places[2][5])
        let (dTable, dPlaces) = (scratch.zeros(5, 11), scratch.zeros(4, 11))
        Embedding.backward(
            dOut, tokens: tokens, positions: positions, addingTo: dTable, dPlaces, workers: workers
        )
        expectEqual(scratch.slopes(of: table, gradient: dTable, value: value), "token table")
        expectEqual(scratch.slopes(of: places, gradient: dPlaces, value: value), "position table")
    }

    @Test(arguments: [16, 29])
    func crossEntropy(_ vocabulary: Int) {
        let scratch = Scratch()
        let (logits, losses) = (scratch.normal(3, vocabulary, scale: 3), scratch.zeros(3, 1))
        // A row may have several labels, or none.
        let labels: [ArraySlice<Int>] = [[0], [vocabulary - 1, 2], []]
        logits[1][2] = 60
        func value() -> Double {
            CrossEntropy.forwardBackward(
                logits, labels: { labels[$0] }, losses: losses, weight: nil, workers: workers
            )
            return 0.5 * (0..<3).reduce(0) { $0 + Double(losses[$1][0]) }
        }
        _ = value()
        for row in 0..<3 {
            let values = logits.row(row).map(Double.init)
            let total = log(values.reduce(0) { $0 + exp($1) })
            let expected = labels[row].reduce(0) { $0 + total - values[$1] }
            #expect(abs(Double(losses[row][0]) - expected) < 1e-6 * max(1, expected))
        }
        let gradient = scratch.zeros(3, vocabulary)
        gradient.base.update(from: logits.base, count: 3 * vocabulary)
        CrossEntropy.forwardBackward(
            gradient, labels: { labels[$0] }, losses: losses, weight: 0.5, workers: workers
        )
        expectEqual(scratch.slopes(of: logits, gradient: gradient, value: value), "logits")
        logits[0][3] = .nan
        #expect(value().isNaN)
    }

    @Test(arguments: [16, 29])
    func klDivergence(_ vocabulary: Int) {
        let scratch = Scratch()
        let (logits, reference) = (scratch.normal(3, vocabulary, scale: 2), scratch.normal(3, vocabulary, scale: 2))
        // Far from zero, as logits may be.
        for i in 0..<vocabulary { reference[1][i] -= 100 }
        let (gradient, used, losses) = (
            scratch.zeros(3, vocabulary), scratch.zeros(3, vocabulary), scratch.zeros(3, 1)
        )
        func value() -> Double {
            gradient.base.update(from: logits.base, count: 3 * vocabulary)
            used.base.update(from: reference.base, count: 3 * vocabulary)
            KLDivergence.forwardBackward(gradient, reference: used, losses: losses, weight: 0.5, workers: workers)
            return 0.5 * (0..<3).reduce(0) { $0 + Double(losses[$1][0]) }
        }
        _ = value()
        let alone = scratch.zeros(3, 1)
        let before = (Array(logits.row(1)), Array(reference.row(1)))
        KLDivergence.forward(logits, reference: reference, losses: alone, workers: workers)
        for row in 0..<3 { #expect(alone[row][0] == losses[row][0]) }
        #expect((Array(logits.row(1)), Array(reference.row(1))) == before)
        func logProbabilities(_ row: UnsafeBufferPointer<Float>) -> [Double] {
            let values = row.map(Double.init)
            let total = log(values.reduce(0) { $0 + exp($1) })
            return values.map { $0 - total }
        }
        for row in 0..<3 {
            let (p, q) = (logProbabilities(reference.row(row)), logProbabilities(logits.row(row)))
            let expected = zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
            #expect(expected > 1 && abs(Double(losses[row][0]) - expected) < 2e-6 * expected)
        }
        let slope = scratch.zeros(3, vocabulary)
        slope.base.update(from: gradient.base, count: 3 * vocabulary)
        expectEqual(scratch.slopes(of: logits, gradient: slope, value: value), "logits")
        logits.base.update(from: reference.base, count: 3 * vocabulary)
        #expect(abs(value()) < 1e-6)
        logits[0][3] = .nan
        #expect(value().isNaN)
    }

    /// Two prompts of lengths 5 and 3; of the second only the last row asks.
    @Test func attention() {
        let scratch = Scratch()
        let (heads, width) = (3, 5)
        let d = heads * width
        let (q, k, v) = (scratch.normal(6, d), scratch.normal(8, d), scratch.normal(8, d))
        let spans = [
            AttentionSpan(queries: 0..<5, keys: 0..<5, pattern: 0),
            AttentionSpan(queries: 5..<6, keys: 5..<8, pattern: heads * 25),
        ]
        let positions = [0, 1, 2, 3, 4, 2]
        let pattern = scratch.zeros(1, heads * (25 + 3))
        let (z, dZ) = (scratch.zeros(6, d), scratch.normal(6, d))
        func value() -> Double {
            Attention.forward(
                q: q, k: k, v: v, heads: heads, scale: 0.3, spans: spans, positions: positions, pattern: pattern.base,
                into: z, workers: workers
            )
            return weighted(z, dZ)
        }
        _ = value()
        for span in spans {
            for query in span.queries {
                for head in 0..<heads {
                    let seen = span.keys.prefix(positions[query] + 1)
                    let columns = head * width..<(head + 1) * width
                    let scores = seen.map { key in
                        exp(
                            columns.reduce(0.0) { $0 + Double(q[query][$1]) * Double(k[key][$1]) } * Double(Float(0.3)))
                    }
                    let total = scores.reduce(0, +)
                    for column in columns {
                        let expected = zip(seen, scores).reduce(0) { $0 + $1.1 / total * Double(v[$1.0][column]) }
                        #expect(abs(Double(z[query][column]) - expected) < 2e-6)
                    }
                    let row = span.matrix(pattern.base, head: head).row(query - span.queries.lowerBound)
                    #expect(row.dropFirst(seen.count).allSatisfy { $0 == 0 })
                }
            }
        }
        let (dQ, dK, dV) = (scratch.zeros(6, d), scratch.zeros(8, d), scratch.zeros(8, d))
        Attention.backward(
            dZ: dZ, q: q, k: k, v: v, heads: heads, scale: 0.3, spans: spans, positions: positions,
            pattern: pattern.base,
            scratch: scratch.zeros(1, heads * 28).base, dQ: dQ, dK: dK, dV: dV, workers: workers
        )
        expectEqual(scratch.slopes(of: q, gradient: dQ, value: value), "q")
        expectEqual(scratch.slopes(of: k, gradient: dK, value: value), "k")
        expectEqual(scratch.slopes(of: v, gradient: dV, value: value), "v")
    }
}
