/// The gradients of a loss on the batch of a forward pass, by the chain rule written out, without allocating.
package final class BackwardPass {
    /// The gradient of a value inside the model, shown as the pass computes it.
    package enum Step {
        /// Of the residual stream: `residPost` and `residMid` [queries, d], which are also those of what the MLP and
        /// attention add to it, and `residPre` [rows, d].
        case residual(Site, layer: Int, Matrix)
        /// Of the output of LN2, which the MLP reads. [queries, d]
        case mlpInput(layer: Int, Matrix)
        /// Of z, which may be changed: what is written goes on backwards. [queries, d]
        case z(layer: Int, Matrix)
        /// Of q [queries, d], k and v [rows, d].
        case heads(layer: Int, q: Matrix, k: Matrix, v: Matrix)
        /// The gradients of a block's parameters are complete.
        case block(Int)
    }

    let forward: ForwardPass
    private let parameterGradients: GPT2Parameters?
    private let buffers: Buffers
    private let arena: Arena

    /// Gradients of activations, shared by all layers.
    private struct Buffers {
        /// Of the residual stream after a block, then between attention and MLP. [rows, d]
        let residual: Matrix
        /// Of the residual stream before a block in which not all rows continue. [rows, d]
        let spread: Matrix
        /// Of a LayerNorm's output, or of z. [rows, d]
        let narrow: Matrix
        /// Of what attention or the MLP adds to the residual stream, after dropout. [rows, d], where runs may have it
        let dropped: Matrix
        /// [queries, d]
        let queries: Matrix
        /// [rows, 3d]
        let qkv: Matrix
        /// Of k and v, where prompts share rows. [tokens, 2d]
        let keysAndValues: Matrix
        /// As large as a layer's patterns.
        let pattern: Matrix
        /// [rows, inner]
        let inner: Matrix
        /// [chunk, 1]
        let losses: Matrix

        init(_ arena: Arena, _ config: GPT2Config, _ capacity: BatchCapacity, hasDropout: Bool) {
            let (rows, d) = (capacity.rows, config.width)
            (residual, spread, narrow) = (arena.take(rows, d), arena.take(rows, d), arena.take(rows, d))
            dropped = arena.take(hasDropout ? rows : 0, d)
            queries = arena.take(capacity.queries, d)
            (qkv, keysAndValues) = (arena.take(rows, 3 * d), arena.take(rows, 2 * d))
            pattern = arena.take(1, config.heads * capacity.pairs)
            inner = arena.take(rows, config.innerWidth)
            losses = arena.take(Activations.logitRows, 1)
        }
    }

    /// - Parameters:
    ///   - forward: must keep its activations for this.
    ///   - ofParameters: whether the parameters' gradients are wanted.
    ///   - blockByBlock: whether the gradients of a block may overwrite those of the block above it.
    package init(_ forward: ForwardPass, ofParameters: Bool = true, blockByBlock: Bool = false) {
        precondition(forward.activations.keeping.forBackward, "the forward pass keeps too little")
        self.forward = forward
        let (config, activations) = (forward.parameters.config, forward.activations)
        parameterGradients = ofParameters ? GPT2Parameters(zeros: config, sharingBlocks: blockByBlock) : nil
        (arena, buffers) = Arena.holding {
            Buffers($0, config, activations.capacity, hasDropout: activations.keeping.dropout)
        }
    }

    /// The bytes that a pass takes, with the parameters' gradients.
    package static func bytes(
        _ config: GPT2Config, _ capacity: BatchCapacity, hasDropout: Bool, blockByBlock: Bool
    ) -> Int {
        GPT2Parameters.bytes(config, sharingBlocks: blockByBlock)
            + Arena.bytes { Buffers($0, config, capacity, hasDropout: hasDropout) }
    }

    /// The parameters' gradients, where they are wanted; each run from labels overwrites them.
    package var gradients: GPT2Parameters {
        guard let parameterGradients else { preconditionFailure("gradients of parameters that were not wanted") }
        return parameterGradients
    }

    /// Sets `gradients` to those of the mean cross-entropy of `labels`, which go with `queryOfLabel` of the batch that
    /// `forward` has run, and returns that mean. If it is not finite there are no gradients.
    ///
    /// - Parameters:
    ///   - labels: none for a part of a batch without prompts, which `forward` need not have run.
    ///   - total: the number of labels of the whole batch, if these are those of a part of it.
    ///   - hint: counts in the gradients, but not in the loss that is returned. Needs a batch of all rows.
    ///   - sum: the sum of a number over all parts of the batch.
    ///   - take: is called with the values of `gradients`, as a range of all values, that are complete: group after group
    ///     of ``GPT2Parameters/groups(_:)``. The pass no longer reads those parameters, which may change.
    package func run(
        labels: [Int],
        of total: Int? = nil,
        hint: AttentionHint? = nil,
        summing sum: (Double) -> Double = { $0 },
        taking take: (_ values: Range<Int>) -> Void = { _ in }
    ) -> Double {
        precondition(hint == nil || labels.isEmpty || forward.batch.isComplete, "a hint needs the queries of all rows")
        let total = total ?? labels.count
        let dFinal = buffers.narrow.prefix(labels.isEmpty ? 0 : forward.batch.queries.count)
        let loss = sum(labels.isEmpty ? 0 : runUnembedding(labels, of: total, dFinal: dFinal)) / Double(total)
        guard loss.isFinite else { return loss }
        let config = forward.parameters.config
        var groups = GPT2Parameters.groups(config).map { GPT2Parameters.values(of: $0, config) }[...]
        if labels.isEmpty {
            for view in gradients.views { view.fill(0) }
        } else {
            let dEmbedding = runBlocks(dFinal, hint: hint) { step in
                if case .block = step { take(groups.removeFirst()) }
            }
            forward.mask(.embedding, layer: 0)?.apply(to: dEmbedding, into: dEmbedding, workers: forward.workers)
            gradients.positionTable.fill(0)
            Embedding.backward(
                dEmbedding, tokens: forward.batch.tokens, positions: forward.batch.positions,
                addingTo: gradients.tokenTable, gradients.positionTable, workers: forward.workers
            )
        }
        groups.forEach(take)
        return loss
    }

    /// Runs backwards from the gradient of the final LayerNorm's output.
    ///
    /// - Parameters:
    ///   - fill: writes that gradient. [queries, d]
    ///   - show: is shown gradients inside the model, which hold until it returns.
    package func run(from fill: (Matrix) -> Void, showing show: (Step) -> Void) {
        let dFinal = buffers.narrow.prefix(forward.batch.queries.count)
        fill(dFinal)
        _ = runBlocks(dFinal, showing: show)
    }

    /// Fills `dFinal` [queries, d], the gradient of the final LayerNorm's output, and adds up the losses. The token
    /// table's gradient gets its first part, that of the unembedding.
    private func runUnembedding(_ labels: [Int], of total: Int, dFinal: Matrix) -> Double {
        var sum = 0.0
        let rowLabels = RowLabels(labels, rows: forward.batch.queryOfLabel, count: dFinal.rows)
        let weight = 1 / Float(total)
        let table = forward.parameters.tokenTable
        for chunk in forward.logitChunks {
            let logits = forward.logits(of: chunk, into: logitRoom(chunk.count))
            let losses = buffers.losses.prefix(chunk.count)
            CrossEntropy.forwardBackward(
                logits, labels: { rowLabels[chunk.lowerBound + $0] }, losses: losses, weight: weight,
                workers: forward.workers
            )
            for row in 0..<chunk.count { sum += Double(losses[row][0]) }
            GEMM.multiply(logits, table, into: dFinal.slice(rows: chunk), workers: forward.workers)
            GEMM.multiply(
                logits.transposed, forward.activations.final.slice(rows: chunk), into: gradients.tokenTable,
                beta: chunk.lowerBound == 0 ? 0 : 1, workers: forward.workers
            )
        }
        return sum
    }

    /// Room for the logits of `count` queries in the gradients of the blocks, which are computed after the unembedding's;
    /// nil if it is too small.
    private func logitRoom(_ count: Int) -> Matrix? {
        let (start, vocabulary) = (gradients.blocks[0].ln1Gamma.base, forward.parameters.config.vocabularySize)
        let size = gradients.finalGamma.base - start
        return count * vocabulary <= size ? Matrix(base: start, rows: count, columns: vocabulary) : nil
    }

    /// The gradient of the embeddings [rows, d] from that of the final LayerNorm's output [queries, d].
    private func runBlocks(_ dFinal: Matrix, hint: AttentionHint? = nil, showing show: (Step) -> Void) -> Matrix {
        let (batch, parameters, workers) = (forward.batch, forward.parameters, forward.workers)
        let last = parameters.config.layers - 1
        var dResidual = buffers.residual.prefix(dFinal.rows)
        dResidual.fill(0)
        LayerNorm.backward(
            dFinal, x: forward.block(last).residPost, gamma: parameters.finalGamma,
            statistics: forward.activations.finalStatistics.prefix(dFinal.rows), addingTo: dResidual,
            dGamma: parameterGradients?.finalGamma, dBeta: parameterGradients?.finalBeta, workers: workers
        )
        for (layer, rows) in forward.blockRows.enumerated().reversed() {
            let (weights, gradients) = (parameters.blocks[layer], parameterGradients?.blocks[layer])
            let block = forward.block(layer)
            let dNarrow = buffers.narrow.prefix(rows.count)
            show(.residual(.residPost, layer: layer, dResidual))
            weights.mlpBackward(
                dResidual, dOut: dropped(dResidual, .mlpOut, layer), block, dInner: buffers.inner.prefix(rows.count),
                dNormal: dNarrow, gradients: gradients,
                workers: workers
            ) { show(.mlpInput(layer: layer, $0)) }
            show(.residual(.residMid, layer: layer, dResidual))
            Linear.backward(
                dropped(dResidual, .attnOut, layer), x: block.z, weight: weights.outWeight, dX: dNarrow,
                dWeight: gradients?.outWeight,
                dBias: gradients?.outBias, workers: workers
            )
            show(.z(layer: layer, dNarrow))
            let dQKV = buffers.qkv.prefix(batch.tokens.count)
            let mask = forward.mask(.attention, layer: layer)
            runAttention(block, rows, weights, dZ: dNarrow, mask, pull: hint?.pull(on: layer, in: batch), dQKV: dQKV)
            show(.heads(layer: layer, q: dQKV.part(.q).prefix(rows.count), k: dQKV.part(.k), v: dQKV.part(.v)))
            let dNormal = buffers.narrow.prefix(batch.tokens.count)
            if gradients != nil {
                LayerNorm.restore(
                    block.residPre, gamma: weights.ln1Gamma, beta: weights.ln1Beta, statistics: block.ln1Statistics,
                    into: block.ln1, workers: workers
                )
            }
            runQKV(block, rows, weights, dQKV: dQKV, dNormal: dNormal, gradients: gradients)
            dResidual = rows.spread(dResidual, into: buffers.spread.prefix(batch.tokens.count), workers: workers)
            LayerNorm.backward(
                dNormal, x: block.residPre, gamma: weights.ln1Gamma, statistics: block.ln1Statistics,
                addingTo: dResidual, dGamma: gradients?.ln1Gamma, dBeta: gradients?.ln1Beta, workers: workers
            )
            show(.residual(.residPre, layer: layer, dResidual))
            show(.block(layer))
        }
        return dResidual
    }

    /// The gradient [rows, d] of what attention or the MLP adds to the residual stream, from that of the residual stream:
    /// `dResidual` itself, but for dropout.
    private func dropped(_ dResidual: Matrix, _ place: Dropout.Place, _ layer: Int) -> Matrix {
        guard let mask = forward.mask(place, layer: layer) else { return dResidual }
        let dropped = buffers.dropped.prefix(dResidual.rows)
        mask.apply(to: dResidual, into: dropped, workers: forward.workers)
        return dropped
    }

    /// `dQKV` [rows, 3d], with the rows of `q` at the beginning, from `dZ` [queries, d].
    private func runAttention(
        _ block: Activations.Block,
        _ rows: BlockRows,
        _ weights: GPT2Parameters.Block,
        dZ: Matrix,
        _ mask: Dropout.Mask?,
        pull: Attention.Pull?,
        dQKV: Matrix
    ) {
        let (batch, config) = (forward.batch, forward.parameters.config)
        let (d, dKV) = (config.width, dQKV.part(.kv))
        let dKVOfTokens = batch.isSharing ? buffers.keysAndValues.prefix(batch.rowOfToken.count) : dKV
        let (k, v) = forward.keysAndValues(of: block)
        Attention.backward(
            dZ: dZ, q: block.q, k: k, v: v, heads: config.heads, scale: weights.attentionScale, spans: rows.spans,
            positions: rows.positions, pattern: block.pattern.base, mask: mask, scratch: buffers.pattern.base,
            pull: pull, dQ: dQKV.part(.q).prefix(rows.count),
            dK: dKVOfTokens.slice(columns: 0..<d), dV: dKVOfTokens.slice(columns: d..<2 * d), workers: forward.workers
        )
        guard batch.isSharing else { return }
        dKV.fill(0)
        dKVOfTokens.scatter(batch.rowOfToken, addingTo: dKV, workers: forward.workers)
    }

    /// `dNormal` [rows, d], the gradient of the output of LN1, from `dQKV` [rows, 3d].
    private func runQKV(
        _ block: Activations.Block,
        _ rows: BlockRows,
        _ weights: GPT2Parameters.Block,
        dQKV: Matrix,
        dNormal: Matrix,
        gradients: GPT2Parameters.Block?
    ) {
        let workers = forward.workers
        guard let queries = rows.queries else {
            weights.qkvBackward(dQKV, normal: block.ln1, into: dNormal, gradients: gradients, workers: workers)
            return
        }
        weights.qkvBackward(dQKV, .kv, normal: block.ln1, into: dNormal, gradients: gradients, workers: workers)
        let dQueries = buffers.queries.prefix(queries.count)
        weights.qkvBackward(dQKV, .q, normal: block.ln1Queries, into: dQueries, gradients: gradients, workers: workers)
        dQueries.scatter(queries, addingTo: dNormal, workers: workers)
    }
}
