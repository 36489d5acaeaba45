/// GPT-2 from tokens to the final residual stream and logits, for batches up to a capacity, without allocating.
public final class ForwardPass {
    public let parameters: GPT2Parameters
    public let workers: Workers
    package let activations: Activations
    /// The batch that the buffers hold.
    package private(set) var batch = PackedBatch([], rows: .all)

    /// - Parameters:
    ///   - capacity: the largest batch to come.
    ///   - sites: what of each layer can be read after a run.
    public convenience init(
        _ parameters: GPT2Parameters,
        capacity: BatchCapacity,
        keeping sites: Set<Site> = [],
        workers: Workers
    ) {
        self.init(parameters, capacity: capacity, keeping: Activations.Keeping(sites: sites), workers: workers)
    }

    package init(
        _ parameters: GPT2Parameters,
        capacity: BatchCapacity,
        keeping: Activations.Keeping,
        workers: Workers
    ) {
        self.parameters = parameters
        self.workers = workers
        activations = Activations(config: parameters.config, capacity: capacity, keeping: keeping)
    }

    /// Computes everything up to the final LayerNorm.
    public func run(_ batch: PackedBatch) { run(batch, heads: nil) }

    /// The same with other embeddings, with z changed where it was computed, or with z of all heads given: rows then
    /// depend on each other no more, and queries and patterns are not computed.
    ///
    /// - Parameters:
    ///   - change: changes the embeddings. [rows, d]
    ///   - heads: the edit of a layer's z, at the tokens it is told.
    ///   - edit: changes a layer's z where it is not given. [rows or queries, d]
    package func run(
        _ batch: PackedBatch,
        changingInput change: (Matrix) -> Void = { _ in },
        heads: ((_ layer: Int, _ tokens: [Int]) -> Edit)?,
        editingZ edit: (_ layer: Int, _ z: Matrix) -> Void = { _, _ in }
    ) {
        self.batch = batch
        let config = parameters.config
        Embedding.forward(
            tokens: batch.tokens, positions: batch.positions, tokenTable: parameters.tokenTable,
            positionTable: parameters.positionTable, into: activations.residual[0].prefix(batch.tokens.count),
            workers: workers
        )
        change(activations.residual[0].prefix(batch.tokens.count))
        let spans = batch.spans(heads: config.heads)
        let tokens = heads == nil ? [] : batch.tokenOfRow
        for layer in 0..<config.layers - 1 {
            runBlock(
                layer, queries: nil, spans: spans, positions: batch.positions, heads: heads?(layer, tokens),
                editingZ: edit
            )
        }
        runBlock(
            config.layers - 1,
            queries: batch.isComplete ? nil : batch.queries,
            spans: batch.lastSpans(heads: config.heads),
            positions: batch.queries.map { batch.positions[$0] },
            heads: heads?(config.layers - 1, batch.queries.map { tokens[$0] }),
            editingZ: edit
        )
        runFinalLayerNorm()
    }

    /// The final LayerNorm of the residual stream as it stands.
    func runFinalLayerNorm() {
        let (queries, config) = (batch.queries.count, parameters.config)
        LayerNorm.forward(
            activations.residual[config.layers].prefix(queries), gamma: parameters.finalGamma,
            beta: parameters.finalBeta, epsilon: config.layerNormEpsilon,
            into: activations.final.prefix(queries),
            statistics: activations.finalStatistics.prefix(queries), workers: workers
        )
    }

    /// The logits [chunk, vocabulary] of the queries `chunk`, at most `Activations.logitRows` of them; the next call
    /// overwrites them.
    package func logits(of chunk: Range<Int>) -> Matrix {
        let logits = activations.logits.prefix(chunk.count)
        GEMM.multiply(
            activations.final.slice(rows: chunk), parameters.tokenTable.transposed, into: logits, workers: workers
        )
        return logits
    }

    /// The queries of the batch, in pieces that `logits(of:)` takes.
    var logitChunks: [Range<Int>] {
        let count = batch.queries.count
        let pieces = (count + Activations.logitRows - 1) / Activations.logitRows
        return (0..<pieces).map { count * $0 / pieces..<count * ($0 + 1) / pieces }
    }

    /// One block; the residual stream goes on at `queries` only, where they are given, and z is that of `heads`, where
    /// it is given.
    private func runBlock(
        _ layer: Int,
        queries: [Int]?,
        spans: [AttentionSpan],
        positions: [Int],
        heads: Edit?,
        editingZ edit: (_ layer: Int, _ z: Matrix) -> Void
    ) {
        let config = parameters.config
        let weights = parameters.blocks[layer]
        let block = activations.blocks[layer].views(rows: batch.tokens.count, queries: positions.count)
        let residPre = activations.residual[layer].prefix(batch.tokens.count)
        let residPost = activations.residual[layer + 1].prefix(positions.count)
        let d = config.width

        LayerNorm.forward(
            residPre, gamma: weights.ln1Gamma, beta: weights.ln1Beta, epsilon: config.layerNormEpsilon,
            into: block.ln1, statistics: block.ln1Statistics, workers: workers
        )
        if queries != nil || heads != nil {
            Linear.forward(
                block.ln1, weight: weights.qkvWeight.slice(columns: d..<3 * d),
                bias: weights.qkvBias.slice(columns: d..<3 * d), into: block.kv, workers: workers
            )
            if heads == nil {
                block.ln1.gather(queries!, into: block.ln1Queries, workers: workers)
                Linear.forward(
                    block.ln1Queries, weight: weights.qkvWeight.slice(columns: 0..<d),
                    bias: weights.qkvBias.slice(columns: 0..<d), into: block.q, workers: workers
                )
            }
        } else {
            Linear.forward(
                block.ln1, weight: weights.qkvWeight, bias: weights.qkvBias, into: block.qkv, workers: workers
            )
        }
        if let heads {
            let donated = heads.donor?.kept(.z, layer: layer)
            workers.share(block.z.rows) { rows in
                for row in rows { heads.write(row, of: donated, into: block.z[row], offset: 0, count: d) }
            }
        } else {
            let (k, v) = keysAndValues(of: block)
            Attention.forward(
                q: block.q, k: k, v: v, heads: config.heads, spans: spans, positions: positions,
                pattern: block.pattern.base, into: block.z, workers: workers
            )
            edit(layer, block.z)
        }
        if activations.keeping.keeps(.result) { project(block.z, weights.outWeight, into: block.result) }
        Linear.forward(
            block.z, weight: weights.outWeight, bias: weights.outBias, into: block.attnOut, workers: workers
        )
        if let queries {
            residPre.gather(queries, into: block.residMid, workers: workers)
            block.residMid.add(block.attnOut, into: block.residMid, workers: workers)
        } else {
            residPre.add(block.attnOut, into: block.residMid, workers: workers)
        }
        LayerNorm.forward(
            block.residMid, gamma: weights.ln2Gamma, beta: weights.ln2Beta, epsilon: config.layerNormEpsilon,
            into: block.ln2, statistics: block.ln2Statistics, workers: workers
        )
        Linear.forward(
            block.ln2, weight: weights.innerWeight, bias: weights.innerBias, into: block.inner, workers: workers
        )
        GELU.forward(block.inner, into: block.active, workers: workers)
        Linear.forward(
            block.active, weight: weights.outerWeight, bias: weights.outerBias, into: block.mlpOut,
            workers: workers
        )
        block.residMid.add(block.mlpOut, into: residPost, workers: workers)
    }

    /// k and v [tokens, d], each prompt's one after the other, whether or not it shares rows.
    func keysAndValues(of block: Activations.Block) -> (k: Matrix, v: Matrix) {
        guard batch.isSharing else { return (block.k, block.v) }
        let both = activations.keysAndValues.prefix(batch.rowOfToken.count)
        block.kv.gather(batch.rowOfToken, into: both, workers: workers)
        let d = parameters.config.width
        return (both.slice(columns: 0..<d), both.slice(columns: d..<2 * d))
    }

    /// `result` [n, heads · d]: each head's `z` through its band of rows of W_O.
    private func project(_ z: Matrix, _ outWeight: Matrix, into result: Matrix) {
        let (width, d) = (parameters.config.headWidth, parameters.config.width)
        for head in 0..<parameters.config.heads {
            let band = head * width..<(head + 1) * width
            GEMM.multiply(
                z.slice(columns: band), outWeight.slice(rows: band),
                into: result.slice(columns: head * d..<(head + 1) * d), workers: workers
            )
        }
    }
}

extension Activations.Block {
    /// The part that a batch of `rows` rows, `queries` of them asking in this block, uses.
    package func views(rows: Int, queries: Int) -> Self {
        Self(
            ln1: ln1.prefix(rows), ln1Statistics: ln1Statistics.prefix(rows),
            ln1Queries: ln1Queries.prefix(min(queries, ln1Queries.rows)), qkv: qkv.prefix(rows),
            pattern: pattern, z: z.prefix(queries), result: result.prefix(min(queries, result.rows)),
            attnOut: attnOut.prefix(queries), residMid: residMid.prefix(queries), ln2: ln2.prefix(queries),
            ln2Statistics: ln2Statistics.prefix(queries), inner: inner.prefix(queries),
            active: active.prefix(queries), mlpOut: mlpOut.prefix(queries)
        )
    }

    private var d: Int { qkv.columns / 3 }
    /// [queries, d]. (Each block has as many rows of z as queries.)
    var q: Matrix { qkv.slice(columns: 0..<d).prefix(z.rows) }
    /// [rows, d].
    var k: Matrix { qkv.slice(columns: d..<2 * d) }
    var v: Matrix { qkv.slice(columns: 2 * d..<3 * d) }
    /// [rows, 2d].
    var kv: Matrix { qkv.slice(columns: d..<3 * d) }
}
