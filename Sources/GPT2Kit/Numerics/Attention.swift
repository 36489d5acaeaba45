/// One prompt's share of a packed batch.
package struct AttentionSpan {
    /// The prompt's rows of q and z.
    let queries: Range<Int>
    /// The prompt's rows of k and v.
    let keys: Range<Int>
    /// Where the prompt's patterns begin among those of all prompts. [heads, queries, keys]
    let pattern: Int

    /// The pattern of one head [queries, keys] among all `patterns` of a layer.
    func matrix(_ patterns: UnsafeMutablePointer<Float>, head: Int) -> Matrix {
        let size = queries.count * keys.count
        return Matrix(base: patterns + pattern + head * size, rows: queries.count, columns: keys.count)
    }
}

/// Causal attention, prompt by prompt and head by head; h is the width of a head.
package enum Attention {
    /// `z` [queries, heads·h] and `pattern` (see `AttentionSpan`) from `q` [queries, heads·h], `k` and `v`
    /// [tokens, heads·h].
    ///
    /// - Parameters:
    ///   - scale: what scores are multiplied by.
    ///   - positions: of the queries in their prompts; a query sees no key behind its own position.
    ///   - dropping: which values of the patterns z is taken without, and room as large as `pattern` for the others.
    package static func forward(
        q: Matrix,
        k: Matrix,
        v: Matrix,
        heads: Int,
        scale: Float,
        spans: [AttentionSpan],
        positions: [Int],
        pattern: UnsafeMutablePointer<Float>,
        dropping: (mask: Dropout.Mask, room: UnsafeMutablePointer<Float>)? = nil,
        into z: Matrix,
        workers: Workers
    ) {
        forEachHead(heads, spans, columns: q.columns, workers: workers) { _, span, head, columns in
            let pattern = span.matrix(pattern, head: head)
            GEMM.multiply(
                q.slice(rows: span.queries).slice(columns: columns),
                k.slice(rows: span.keys).slice(columns: columns).transposed,
                into: pattern, alpha: scale, workers: workers.alone
            )
            for query in 0..<pattern.rows {
                let row = pattern[query]
                let seen = positions[span.queries.lowerBound + query] + 1
                let largest = Softmax.maximum(row, count: seen)
                let total = Softmax.sumOfExponentials(row, count: seen, minus: largest, storing: true)
                Softmax.scale(row, count: seen, by: 1 / total)
                (row + seen).update(repeating: 0, count: pattern.columns - seen)
            }
            var weights = pattern
            if let dropping {
                weights = span.matrix(dropping.room, head: head)
                drop(pattern, of: span, head: head, heads, positions, dropping.mask, into: weights)
            }
            GEMM.multiply(
                weights, v.slice(rows: span.keys).slice(columns: columns),
                into: z.slice(rows: span.queries).slice(columns: columns), workers: workers.alone
            )
        }
    }

    /// `dQ`, `dK`, `dV` (shapes of `q`, `k`, `v`) from `dZ` (shape of `z`).
    ///
    /// - Parameters:
    ///   - scale: the forward pass's.
    ///   - positions: of the queries in their prompts.
    ///   - mask: the forward pass's, if it dropped values.
    ///   - scratch: as large as `pattern`.
    ///   - pull: a loss on the patterns themselves, whose gradient is added.
    static func backward(
        dZ: Matrix,
        q: Matrix,
        k: Matrix,
        v: Matrix,
        heads: Int,
        scale: Float,
        spans: [AttentionSpan],
        positions: [Int],
        pattern: UnsafeMutablePointer<Float>,
        mask: Dropout.Mask? = nil,
        scratch: UnsafeMutablePointer<Float>,
        pull: Pull? = nil,
        dQ: Matrix,
        dK: Matrix,
        dV: Matrix,
        workers: Workers
    ) {
        let alone = workers.alone
        forEachHead(heads, spans, columns: q.columns, workers: workers) { index, span, head, columns in
            let pattern = span.matrix(pattern, head: head)
            let dScores = span.matrix(scratch, head: head)
            let dZ = dZ.slice(rows: span.queries).slice(columns: columns)
            let k = k.slice(rows: span.keys).slice(columns: columns)
            let v = v.slice(rows: span.keys).slice(columns: columns)
            let dV = dV.slice(rows: span.keys).slice(columns: columns)
            if let mask {
                drop(pattern, of: span, head: head, heads, positions, mask, into: dScores)
                GEMM.multiply(dScores.transposed, dZ, into: dV, workers: alone)
            } else {
                GEMM.multiply(pattern.transposed, dZ, into: dV, workers: alone)
            }
            GEMM.multiply(dZ, v.transposed, into: dScores, workers: alone)
            if let mask { drop(dScores, of: span, head: head, heads, positions, mask, into: dScores) }
            for query in 0..<pattern.rows {
                let (pattern, dScores) = (pattern[query], dScores[query])
                Softmax.backward(pattern, dScores, count: span.keys.count)
            }
            pull?.backward(span: index, head: head, pattern: pattern, addingTo: dScores)
            let q = q.slice(rows: span.queries).slice(columns: columns)
            let dQ = dQ.slice(rows: span.queries).slice(columns: columns)
            let dK = dK.slice(rows: span.keys).slice(columns: columns)
            GEMM.multiply(dScores, k, into: dQ, alpha: scale, workers: alone)
            GEMM.multiply(dScores.transposed, q, into: dK, alpha: scale, workers: alone)
        }
    }

    /// `out` [queries, keys] = one head's patterns, or their gradient, with values dropped. Those of keys that a query does
    /// not see are 0.
    private static func drop(
        _ x: Matrix,
        of span: AttentionSpan,
        head: Int,
        _ heads: Int,
        _ positions: [Int],
        _ mask: Dropout.Mask,
        into out: Matrix
    ) {
        for query in 0..<x.rows {
            let (row, seen) = (span.queries.lowerBound + query, positions[span.queries.lowerBound + query] + 1)
            mask.apply(to: x[query], into: out[query], count: seen, row: (mask.firstRow + row) * heads + head)
            (out[query] + seen).update(repeating: 0, count: x.columns - seen)
        }
    }

    /// One query's `patterns` [heads, ≥ keys] from its `query` [heads·h] and its `keys` [heads·h each], of which it sees
    /// all; scores are multiplied by `scale`.
    static func patterns(
        query: UnsafePointer<Float>,
        keys: UnsafeBufferPointer<UnsafePointer<Float>>,
        headWidth: Int,
        scale: Float,
        into patterns: Matrix
    ) {
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

    /// `z` [heads·h] = for each head the mean of `values` [heads·h each], weighted by its row of `patterns`.
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
        // Two products or four of about 40 GFLOP/s a thread, a softmax of 1.5 ns an element, and what calls take.
        let pairs = spans.reduce(0) { $0 + $1.queries.count * $1.keys.count }
        let nanoseconds = 500 + (1.5 + 0.1 * Double(width)) * Double(pairs) / Double(max(spans.count, 1))
        workers.share(spans.count * heads, nanoseconds: nanoseconds) { items in
            for item in items {
                let head = item % heads
                body(item / heads, spans[item / heads], head, head * width..<(head + 1) * width)
            }
        }
    }
}

extension Attention {
    /// A loss on the patterns of one layer: `weight` · Σ −log(attention from a query to a key) over `targets`.
    struct Pull {
        /// A query of a span, the key that it should attend to, and the head.
        struct Target {
            let head: Int
            let query, key: Int
        }

        let weight: Float
        /// Those of each span.
        let targets: [[Target]]

        /// Adds to `dScores` [queries, keys] the gradient with respect to the scores before the softmax: `pattern`
        /// [queries, keys] of a target's query, less 1 at its key.
        func backward(span: Int, head: Int, pattern: Matrix, addingTo dScores: Matrix) {
            let columns = pattern.columns
            for target in targets[span] where target.head == head {
                let (pattern, dScores) = (pattern[target.query], dScores[target.query])
                for key in 0..<columns { dScores[key] += weight * pattern[key] }
                dScores[target.key] -= weight
            }
        }
    }
}
