/// GPT-2 from tokens to the final residual stream and logits, for batches up to a capacity, without allocating.
public final class ForwardPass {
    /// Is given values in the middle of a run, which it may change: the embeddings (`residPre` of layer 0) [rows, d],
    /// then of each layer z, heads side by side, and the MLP's output. [queries, d]
    package typealias Hook = (_ site: Site, _ layer: Int, _ values: Matrix) -> Void

    public let parameters: GPT2Parameters
    public let workers: Workers
    package let activations: Activations
    /// The batch of the last run.
    package private(set) var batch = PackedBatch([], rows: .all)
    /// The dropout of the last run, if any.
    private(set) var dropout: Dropout?
    /// The rows of the batch that each block computes. [layers]
    private(set) var blockRows: [BlockRows]

    /// - Parameters:
    ///   - capacity: the largest batch to come.
    ///   - sites: what of each layer can be read after a run.
    ///   - parameters: the parameters of the model.
    ///   - workers: the threads that compute.
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
        blockRows = batch.blockRows(parameters.config)
    }

    /// Computes everything up to the final LayerNorm.
    public func run(_ batch: PackedBatch) { run(batch, dropout: nil) }

    /// Computes everything up to the final LayerNorm.
    ///
    /// - Parameters:
    ///   - computingZ: whether to compute queries, patterns and z; if not, the hook writes z, and no row depends on
    ///     another.
    ///   - dropout: needs a pass that keeps activations for it, and a batch that shares no rows.
    package func run(
        _ batch: PackedBatch, dropout: Dropout? = nil, computingZ: Bool = true, hook: Hook = { _, _, _ in }
    ) {
        precondition(dropout == nil || activations.keeping.dropout, "the forward pass has no room for dropout")
        precondition(dropout == nil || !batch.isSharing, "dropout of shared rows")
        self.batch = batch
        self.dropout = dropout
        blockRows = batch.blockRows(parameters.config)
        let epsilon = parameters.config.layerNormEpsilon
        Embedding.forward(
            tokens: batch.tokens, positions: batch.positions, tokenTable: parameters.tokenTable,
            positionTable: parameters.positionTable, into: block(0).residPre, workers: workers
        )
        drop(.embedding, layer: 0, block(0).residPre)
        hook(.residPre, 0, block(0).residPre)
        for (layer, rows) in blockRows.enumerated() {
            let (weights, block) = (parameters.blocks[layer], block(layer))
            LayerNorm.forward(
                block.residPre, gamma: weights.ln1Gamma, beta: weights.ln1Beta, epsilon: epsilon, into: block.ln1,
                statistics: block.ln1Statistics, workers: workers
            )
            if !computingZ {
                weights.qkvForward(block.ln1, .kv, into: block.qkv, workers: workers)
            } else {
                attend(block, rows, weights, mask(.attention, layer: layer))
            }
            hook(.z, layer, block.z)
            if activations.keeping.keeps(.result) { project(block.z, weights.outWeight, into: block.result) }
            Linear.forward(
                block.z, weight: weights.outWeight, bias: weights.outBias, into: block.attnOut, workers: workers
            )
            drop(.attnOut, layer: layer, block.attnOut)
            rows.select(block.residPre, into: block.residMid, workers: workers)
                .add(block.attnOut, into: block.residMid, workers: workers)
            weights.mlpForward(
                block.residMid, epsilon: epsilon, normal: block.ln2, statistics: block.ln2Statistics,
                inner: block.inner, active: block.active, into: block.mlpOut, workers: workers
            )
            drop(.mlpOut, layer: layer, block.mlpOut)
            hook(.mlpOut, layer, block.mlpOut)
            block.residMid.add(block.mlpOut, into: block.residPost, workers: workers)
        }
        runFinalLayerNorm()
    }

    /// What is dropped at a place of a layer, where the run has dropout.
    func mask(_ place: Dropout.Place, layer: Int) -> Dropout.Mask? {
        dropout?.mask(place, layer: layer, isLast: layer == parameters.config.layers - 1)
    }

    /// Drops values of `x` [rows, d], where the run has dropout.
    private func drop(_ place: Dropout.Place, layer: Int, _ x: Matrix) {
        mask(place, layer: layer)?.apply(to: x, into: x, workers: workers)
    }

    /// q, k and v [rows, 3d] from the output of LN1 [rows, d], then patterns and z [queries, d].
    private func attend(
        _ block: Activations.Block,
        _ rows: BlockRows,
        _ weights: GPT2Parameters.Block,
        _ mask: Dropout.Mask?
    ) {
        if rows.queries == nil {
            weights.qkvForward(block.ln1, into: block.qkv, workers: workers)
        } else {
            weights.qkvForward(block.ln1, .kv, into: block.qkv, workers: workers)
            let asking = rows.select(block.ln1, into: block.ln1Queries, workers: workers)
            weights.qkvForward(asking, .q, into: block.qkv, workers: workers)
        }
        let (k, v) = keysAndValues(of: block)
        Attention.forward(
            q: block.q, k: k, v: v, heads: parameters.config.heads, scale: weights.attentionScale, spans: rows.spans,
            positions: rows.positions, pattern: block.pattern.base,
            dropping: mask.map { ($0, activations.droppedPattern.base) }, into: block.z,
            workers: workers
        )
    }

    /// k and v [tokens, d], prompt after prompt, each with all of its tokens even where prompts share rows.
    func keysAndValues(of block: Activations.Block) -> (k: Matrix, v: Matrix) {
        guard batch.isSharing else { return (block.qkv.part(.k), block.qkv.part(.v)) }
        let both = activations.keysAndValues.prefix(batch.rowOfToken.count)
        block.qkv.part(.kv).gather(batch.rowOfToken, into: both, workers: workers)
        let d = parameters.config.width
        return (both.slice(columns: 0..<d), both.slice(columns: d..<2 * d))
    }

    /// `result` [n, heads · d] = each head's `z` [n, width] · its band of W_O [width, d].
    private func project(_ z: Matrix, _ outWeight: Matrix, into result: Matrix) {
        let (width, d) = (parameters.config.headWidth, parameters.config.width)
        for head in 0..<parameters.config.heads {
            GEMM.multiply(
                z.head(head, width: width), outWeight.slice(rows: head * width..<(head + 1) * width),
                into: result.head(head, width: d), workers: workers
            )
        }
    }

    /// The final LayerNorm of the residual stream as it stands. [queries, d]
    func runFinalLayerNorm() {
        let queries = batch.queries.count
        LayerNorm.forward(
            block(parameters.config.layers - 1).residPost, gamma: parameters.finalGamma, beta: parameters.finalBeta,
            epsilon: parameters.config.layerNormEpsilon, into: activations.final.prefix(queries),
            statistics: activations.finalStatistics.prefix(queries), workers: workers
        )
    }

    /// The logits [chunk, vocabulary] of the queries `chunk`, at most `Activations.logitRows` of them; the next call
    /// overwrites them.
    ///
    /// - Parameter room: where they go, if not to room of this pass's own. [≥ chunk, vocabulary]
    package func logits(of chunk: Range<Int>, into room: Matrix? = nil) -> Matrix {
        let logits = (room ?? activations.logits).prefix(chunk.count)
        GEMM.multiply(
            activations.final.slice(rows: chunk), parameters.tokenTable.transposed, into: logits, workers: workers
        )
        return logits
    }

    /// The queries of the batch in chunks for `logits(of:)`.
    var logitChunks: [Range<Int>] {
        let count = batch.queries.count
        let pieces = (count + Activations.logitRows - 1) / Activations.logitRows
        return (0..<pieces).map { count * $0 / pieces..<count * ($0 + 1) / pieces }
    }
}
