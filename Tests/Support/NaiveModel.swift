import Foundation
import GPT2Kit

/// GPT-2 as its definition reads, in Double: one prompt, every row, plain loops, nothing kept for later.
///
/// What the tests of patching and circuits compare with, so it shares no code with the engine: only the weights, by
/// name.
package struct NaiveModel: Sendable {
    /// Reads or replaces a site's values where they have just been computed.
    ///
    /// `head` is nil for the sites that no head has. A pattern comes as one row for each query `position`, as long as
    /// the prompt, with zeros behind the query.
    package typealias Hook = (
        _ site: Site, _ layer: Int, _ head: Int?, _ position: Int, _ values: inout [Double]
    ) -> Void
    /// Reads or replaces 1/σ of a LayerNorm; the mean is subtracted as computed.
    package typealias ScaleHook = (_ name: LayerNormName, _ position: Int, _ scale: inout Double) -> Void

    package let config: GPT2Config
    /// By their names in a checkpoint, row by row; a vector is one row.
    package var tensors: [String: [[Double]]]

    package init(_ parameters: GPT2Parameters) {
        config = parameters.config
        let tensors = parameters.entries.map { entry in
            let (values, columns) = (parameters.values(of: entry.name)!.map(Double.init), entry.shape.last!)
            let rows = stride(from: 0, to: values.count, by: columns).map { Array(values[$0..<$0 + columns]) }
            return (entry.name, rows)
        }
        self.tensors = Dictionary(uniqueKeysWithValues: tensors)
    }

    /// Runs one prompt. In each block the hook sees all heads and positions of one site before it sees the next site, in
    /// the order of `Site.allCases`; q, k and v all come before the attention is computed.
    package func run(
        _ tokens: [Int],
        layerNormScales: ScaleHook? = nil,
        hook: Hook = { _, _, _, _, _ in }
    ) -> NaiveRun {
        let (heads, width, headWidth) = (config.heads, config.width, config.headWidth)
        var residual = embedding(tokens)
        for layer in 0..<config.layers {
            let block = "h.\(layer)"
            func visited(_ site: Site, _ values: [[Double]], head: Int? = nil) -> [[Double]] {
                var values = values
                for position in values.indices { hook(site, layer, head, position, &values[position]) }
                return values
            }
            func visitedHeads(_ site: Site, _ values: (_ head: Int) -> [[Double]]) -> [[[Double]]] {
                (0..<heads).map { visited(site, values($0), head: $0) }
            }

            residual = visited(.residPre, residual)
            let attentionInput = layerNorm(residual, "\(block).ln_1", .ln1(layer), layerNormScales)
            let qkv = linear(attentionInput, "\(block).attn.c_attn")
            func projection(_ site: Site, part: Int) -> [[[Double]]] {
                visitedHeads(site) { head in
                    let first = part * width + head * headWidth
                    return qkv.map { Array($0[first..<first + headWidth]) }
                }
            }
            let q = projection(.q, part: 0)
            let k = projection(.k, part: 1)
            let v = projection(.v, part: 2)
            let pattern = visitedHeads(.pattern) { head in attention(q[head], k[head], layer) }
            let z = visitedHeads(.z) { head in product(pattern[head], v[head]) }
            let outWeight = tensors["\(block).attn.c_proj.weight"]!
            let result = visitedHeads(.result) { head in
                product(z[head], Array(outWeight[head * headWidth..<(head + 1) * headWidth]))
            }
            let outBias = tensors["\(block).attn.c_proj.bias"]![0]
            let attnOut = visited(
                .attnOut,
                tokens.indices.map { position in
                    (0..<heads).reduce(outBias) { sum($0, result[$1][position]) }
                }
            )
            residual = visited(.residMid, zip(residual, attnOut).map(sum))
            let mlpInput = layerNorm(residual, "\(block).ln_2", .ln2(layer), layerNormScales)
            let neurons = linear(mlpInput, "\(block).mlp.c_fc").map { $0.map { gelu($0, config.activation) } }
            let mlpOut = visited(.mlpOut, linear(neurons, "\(block).mlp.c_proj"))
            residual = visited(.residPost, zip(residual, mlpOut).map(sum))
        }
        return NaiveRun(final: residual, logits: logits(residual, layerNormScales))
    }

    /// What the tokens and their positions put into the residual stream.
    package func embedding(_ tokens: [Int]) -> [[Double]] {
        tokens.enumerated().map { position, token in
            sum(tensors["wte.weight"]![token], tensors["wpe.weight"]![position])
        }
    }

    /// A head's attention from its queries and keys: a row for each query, with zeros behind it.
    package func attention(_ q: [[Double]], _ k: [[Double]], _ layer: Int) -> [[Double]] {
        let divisor = Double(config.headWidth).squareRoot() * (config.scalesAttentionByLayer ? Double(layer + 1) : 1)
        return q.indices.map { query in
            let scores = (0...query).map { dot(q[query], k[$0]) / divisor }
            return softmax(scores) + Array(repeating: 0, count: q.count - scores.count)
        }
    }

    /// The logits at END from the final residual stream.
    package func logits(_ residual: [[Double]], _ hook: ScaleHook? = nil) -> [Double] {
        let end = residual.count - 1
        let normed = layerNorm([residual[end]], "ln_f", .final, hook, firstPosition: end)[0]
        return tensors["wte.weight"]!.map { dot(normed, $0) }
    }

    package func linear(_ rows: [[Double]], _ module: String) -> [[Double]] {
        product(rows, tensors["\(module).weight"]!).map { sum($0, tensors["\(module).bias"]![0]) }
    }

    package func layerNorm(
        _ rows: [[Double]],
        _ module: String,
        _ name: LayerNormName,
        _ hook: ScaleHook? = nil,
        firstPosition: Int = 0
    ) -> [[Double]] {
        let (gamma, beta) = (tensors["\(module).weight"]![0], tensors["\(module).bias"]![0])
        return rows.enumerated().map { index, row in
            let mean = row.reduce(0, +) / Double(row.count)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
            var scale = 1 / (variance + Double(config.layerNormEpsilon)).squareRoot()
            hook?(name, firstPosition + index, &scale)
            return row.indices.map { gamma[$0] * (row[$0] - mean) * scale + beta[$0] }
        }
    }
}

/// Which LayerNorm of the model.
package enum LayerNormName: Hashable, Sendable {
    /// Before a block's attention, by layer.
    case ln1(Int)
    /// Before a block's MLP, by layer.
    case ln2(Int)
    /// Before the unembedding; it is computed at END only.
    case final
}

/// What a run of a `NaiveModel` ends with.
package struct NaiveRun: Sendable {
    /// The residual stream after the last block, [tokens][d].
    package let final: [[Double]]
    /// At END, [vocabulary].
    package let logits: [Double]

    package init(final: [[Double]], logits: [Double]) {
        (self.final, self.logits) = (final, logits)
    }
}

package func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

package func sum(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 + $1 } }

/// The matrix product of `a` and `b`, both row by row.
package func product(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
    a.map { row in
        var values = Array(repeating: 0.0, count: b[0].count)
        for (factor, weights) in zip(row, b) {
            for column in weights.indices { values[column] += factor * weights[column] }
        }
        return values
    }
}

package func softmax(_ scores: [Double]) -> [Double] {
    let largest = scores.max()!
    let powers = scores.map { exp($0 - largest) }
    let total = powers.reduce(0, +)
    return powers.map { $0 / total }
}

package func gelu(_ x: Double, _ kind: GELU) -> Double {
    switch kind {
    case .exact: 0.5 * x * erfc(-x / 2.0.squareRoot())
    case .tanh: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }
}
