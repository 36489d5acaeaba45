/// One prompt's share of the rows of a packed batch.
package struct AttentionSpan {
    /// The rows of q, and of z, that ask.
    let queries: Range<Int>
    /// The rows of k and v that answer: the whole prompt.
    let keys: Range<Int>
    /// Where the prompt's patterns begin; they lie head by head, [heads, queries, keys].
    let pattern: Int
}

/// Causal attention, each prompt and head on its own rows.
package enum Attention {
    /// `z` [queries, heads·h] and `pattern` (see `AttentionSpan`) from `q` [queries, heads·h], `k` and `v`
    /// [rows, heads·h]. `positions` are the queries' positions in their prompts: what lies behind is not seen.
    package static func forward(
        q: Matrix,
        k: Matrix,
        v: Matrix,
        heads: Int,
        spans: [AttentionSpan],
        positions: [Int],
        pattern: UnsafeMutablePointer<Float>,
        into z: Matrix,
        workers: Workers
    ) {
        let scale = 1 / Float(q.columns / heads).squareRoot()
        forEachHead(heads, spans, columns: q.columns, workers: workers) { _, span, head, columns in
            let pattern = span.matrix(pattern, head: head)
            GEMM.multiply(
                q.slice(rows: span.queries).slice(columns: columns),
                k.slice(rows: span.keys).slice(columns: columns).transposed,
                into: pattern, alpha: scale, workers: Workers(count: 1)
            )
            for query in 0..<pattern.rows {
                let row = pattern[query]
                let seen = positions[span.queries.lowerBound + query] + 1
                let largest = Softmax.maximum(row, count: seen)
                let total = Softmax.sumOfExponentials(row, count: seen, minus: largest, storing: true)
                Softmax.scale(row, count: seen, by: 1 / total)
                (row + seen).update(repeating: 0, count: pattern.columns - seen)
            }
            GEMM.multiply(
                pattern, v.slice(rows: span.keys).slice(columns: columns),
                into: z.slice(rows: span.queries).slice(columns: columns), workers: Workers(count: 1)
            )
        }
    }

    /// Overwrites `dQ`, `dK`, `dV` (shapes of `q`, `k`, `v`) from `dZ` (shape of `z`). `scratch` is as large as `pattern`.
    /// The gradient of `pull`'s loss, which is the patterns' own, comes on top.
    static func backward(
        dZ: Matrix,
        q: Matrix,
        k: Matrix,
        v: Matrix,
        heads: Int,
        spans: [AttentionSpan],
        pattern: UnsafeMutablePointer<Float>,
        scratch: UnsafeMutablePointer<Float>,
        pull: AttentionPull? = nil,
        dQ: Matrix,
        dK: Matrix,
        dV: Matrix,
        workers: Workers
    ) {
        let scale = 1 / Float(q.columns / heads).squareRoot()
        let alone = Workers(count: 1)
        forEachHead(heads, spans, columns: q.columns, workers: workers) { index, span, head, columns in
            let pattern = span.matrix(pattern, head: head)
            let dScores = span.matrix(scratch, head: head)
            let dZ = dZ.slice(rows: span.queries).slice(columns: columns)
            let k = k.slice(rows: span.keys).slice(columns: columns)
            let v = v.slice(rows: span.keys).slice(columns: columns)
            let dV = dV.slice(rows: span.keys).slice(columns: columns)
            GEMM.multiply(pattern.transposed, dZ, into: dV, workers: alone)
            GEMM.multiply(dZ, v.transposed, into: dScores, workers: alone)
            for query in 0..<pattern.rows {
                let (pattern, dScores) = (pattern[query], dScores[query])
                var mean: Float = 0
                for key in 0..<span.keys.count { mean += pattern[key] * dScores[key] }
                for key in 0..<span.keys.count { dScores[key] = pattern[key] * (dScores[key] - mean) }
            }
            pull?.backward(span: index, head: head, pattern: pattern, addingTo: dScores)
            let q = q.slice(rows: span.queries).slice(columns: columns)
            let dQ = dQ.slice(rows: span.queries).slice(columns: columns)
            let dK = dK.slice(rows: span.keys).slice(columns: columns)
            GEMM.multiply(dScores, k, into: dQ, alpha: scale, workers: alone)
            GEMM.multiply(dScores.transposed, q, into: dK, alpha: scale, workers: alone)
        }
    }

    /// One query's `patterns` [heads, ≥ keys] from its `query` [heads·h] and the rows of `keys` [heads·h each], all of
    /// which it sees.
    static func patterns(
        query: UnsafePointer<Float>,
        keys: UnsafeBufferPointer<UnsafePointer<Float>>,
        headWidth: Int,
        into patterns: Matrix
    ) {
        let scale = 1 / Float(headWidth).squareRoot()
        for head in 0..<patterns.rows {
            let (query, pattern) = (query + head * headWidth, patterns[head])
            for (index, key) in keys.enumerated() {
                let key = key + head * headWidth
                var lanes = Lanes.zero
                var rest: Float = 0
                forEachLanes(headWidth) {
                    lanes += query.lanes($0) * key.lanes($0)
                } tail: {
                    for i in $0 { rest += query[i] * key[i] }
                }
                pattern[index] = (lanes.sum() + rest) * scale
            }
            let largest = Softmax.maximum(pattern, count: keys.count)
            let total = Softmax.sumOfExponentials(pattern, count: keys.count, minus: largest, storing: true)
            Softmax.scale(pattern, count: keys.count, by: 1 / total)
        }
    }

    /// `z` [heads·h]: each head's mean of the rows of `values` [heads·h each], weighted by its row of `patterns`.
    static func mix(
        _ values: UnsafeBufferPointer<UnsafePointer<Float>>,
        patterns: Matrix,
        headWidth: Int,
        into z: UnsafeMutablePointer<Float>
    ) {
        for head in 0..<patterns.rows {
            let (z, pattern) = (z + head * headWidth, patterns[head])
            forEachLanes(headWidth) { offset in
                var lanes = Lanes.zero
                for (index, value) in values.enumerated() {
                    lanes += pattern[index] * (value + head * headWidth).lanes(offset)
                }
                z.setLanes(offset, lanes)
            } tail: { tail in
                for i in tail {
                    z[i] = 0
                    for (index, value) in values.enumerated() { z[i] += pattern[index] * value[head * headWidth + i] }
                }
            }
        }
    }

    private static func forEachHead(
        _ heads: Int,
        _ spans: [AttentionSpan],
        columns: Int,
        workers: Workers,
        _ body: (_ index: Int, AttentionSpan, _ head: Int, _ columns: Range<Int>) -> Void
    ) {
        let width = columns / heads
        workers.share(spans.count * heads) { items in
            for item in items {
                let head = item % heads
                body(item / heads, spans[item / heads], head, head * width..<(head + 1) * width)
            }
        }
    }
}

extension AttentionSpan {
    /// The pattern of one head, [queries, keys], among all patterns of a layer.
    func matrix(_ patterns: UnsafeMutablePointer<Float>, head: Int) -> Matrix {
        let size = queries.count * keys.count
        return Matrix(base: patterns + pattern + head * size, rows: queries.count, columns: keys.count)
    }
}
