/// The gradients of a loss on the batch of a forward pass, by the chain rule written out, without allocating.
package final class BackwardPass {
    /// The gradient of a value inside the model, as the pass comes by it.
    package enum Step {
        /// Of the final residual stream. [queries, d]
        case final(Matrix)
        /// Of the LayerNorm that a block's MLP reads. [queries, d]
        case mlpInput(layer: Int, Matrix)
        /// Of z; what is written into it is what goes on backwards. [queries, d]
        case z(layer: Int, Matrix)
        /// Of q [queries, d], k and v [rows, d].
        case heads(layer: Int, q: Matrix, k: Matrix, v: Matrix)
    }

    let forward: ForwardPass
    private let parameterGradients: GPT2Parameters?
    private let buffers: Buffers
    private let arena: Arena

    /// Gradients of activations on their way back, shared by all layers.
    private struct Buffers {
        /// [rows, d]: of the residual stream after a block, then at its middle.
        let residual: Matrix
        /// [rows, d]: of the residual stream before a block whose rows do not all go on.
        let spread: Matrix
        /// [rows, d]: of a LayerNorm's output, or of z.
        let narrow: Matrix
        /// [queries, d].
        let queries: Matrix
        /// [rows, 3d].
        let qkv: Matrix
        /// [tokens, 2d]: of k and v, where prompts share rows.
        let keysAndValues: Matrix
        /// As long as a layer's patterns.
        let pattern: Matrix
        /// [rows, inner].
        let inner: Matrix
        /// [chunk, 1].
        let losses: Matrix
    }

    /// - Parameters:
    ///   - forward: must keep its activations for this.
    ///   - ofParameters: whether the parameters' gradients are wanted.
    package init(_ forward: ForwardPass, ofParameters: Bool = true) {
        precondition(forward.activations.keeping.forBackward, "the forward pass keeps too little")
        self.forward = forward
        let config = forward.parameters.config
        parameterGradients = ofParameters ? GPT2Parameters(zeros: config) : nil
        let (capacity, d) = (forward.activations.capacity, config.width)
        (arena, buffers) = Arena.holding { arena in
            Buffers(
                residual: arena.take(capacity.rows, d), spread: arena.take(capacity.rows, d),
                narrow: arena.take(capacity.rows, d), queries: arena.take(capacity.queries, d),
                qkv: arena.take(capacity.rows, 3 * d), keysAndValues: arena.take(capacity.rows, 2 * d),
                pattern: arena.take(1, config.heads * capacity.pairs),
                inner: arena.take(capacity.rows, config.innerWidth),
                losses: arena.take(Activations.logitRows, 1)
            )
        }
    }

    /// Of the parameters, overwritten by each run that starts from a loss; only where they are wanted.
    package var gradients: GPT2Parameters {
        guard let parameterGradients else { preconditionFailure("gradients of parameters that were not wanted") }
        return parameterGradients
    }

    /// Sets `gradients` to those of the mean cross-entropy of `labels`, which go with `queryOfLabel` of the batch that
    /// `forward` has run, and returns that mean.
    ///
    /// - Parameter hint: its loss counts in the gradients, but not in what is returned. Needs a batch of all rows.
    package func run(labels: [Int], hint: AttentionHint? = nil) -> Double {
        precondition(hint == nil || forward.batch.isComplete, "a hint on rows that do not all ask")
        let dFinal = buffers.narrow.prefix(forward.batch.queries.count)
        let loss = runUnembedding(labels, dFinal: dFinal) / Double(labels.count)
        let gradient = runBlocks(dFinal, hint: hint) { _ in }
        gradients.positionTable.fill(0)
        Embedding.backward(
            gradient, tokens: forward.batch.tokens, positions: forward.batch.positions,
            addingTo: gradients.tokenTable, gradients.positionTable, workers: forward.workers
        )
        return loss
    }

    /// Goes back from the gradient of the final LayerNorm's output.
    ///
    /// - Parameters:
    ///   - fill: writes that gradient. [queries, d]
    ///   - show: is shown the gradients on the way; they hold until it returns.
    package func run(from fill: (Matrix) -> Void, showing show: (Step) -> Void) {
        let dFinal = buffers.narrow.prefix(forward.batch.queries.count)
        fill(dFinal)
        _ = runBlocks(dFinal, showing: show)
    }

    /// From the gradient of the final LayerNorm's output to that of the embeddings.
    private func runBlocks(_ dFinal: Matrix, hint: AttentionHint? = nil, showing show: (Step) -> Void) -> Matrix {
        let (batch, parameters) = (forward.batch, forward.parameters)
        let (config, queries) = (parameters.config, dFinal.rows)
        let dResidual = buffers.residual.prefix(queries)
        dResidual.fill(0)
        LayerNorm.backward(
            dFinal, x: forward.activations.residual[config.layers].prefix(queries), gamma: parameters.finalGamma,
            statistics: forward.activations.finalStatistics.prefix(queries), addingTo: dResidual,
            dGamma: parameterGradients?.finalGamma, dBeta: parameterGradients?.finalBeta, workers: forward.workers
        )
        show(.final(dResidual))
        var gradient = runBlock(
            config.layers - 1, dResidual, queries: batch.isComplete ? nil : batch.queries,
            spans: batch.lastSpans(heads: config.heads), hint: hint, showing: show
        )
        let spans = batch.spans(heads: config.heads)
        for layer in (0..<config.layers - 1).reversed() {
            gradient = runBlock(layer, gradient, queries: nil, spans: spans, hint: hint, showing: show)
        }
        return gradient
    }

    /// The sum of the losses; `dFinal` gets the gradient of the final LayerNorm's output, and the token table's
    /// gradient its first part, that of the unembedding.
    private func runUnembedding(_ labels: [Int], dFinal: Matrix) -> Double {
        var total = 0.0
        let rowLabels = RowLabels(labels, rows: forward.batch.queryOfLabel, count: dFinal.rows)
        let weight = 1 / Float(labels.count)
        let table = forward.parameters.tokenTable
        for chunk in forward.logitChunks {
            let logits = forward.logits(of: chunk)
            let losses = buffers.losses.prefix(chunk.count)
            CrossEntropy.forwardBackward(
                logits, labels: { rowLabels[chunk.lowerBound + $0] }, losses: losses, weight: weight,
                workers: forward.workers
            )
            for row in 0..<chunk.count { total += Double(losses[row][0]) }
            GEMM.multiply(logits, table, into: dFinal.slice(rows: chunk), workers: forward.workers)
            GEMM.multiply(
                logits.transposed, forward.activations.final.slice(rows: chunk), into: gradients.tokenTable,
                beta: chunk.lowerBound == 0 ? 0 : 1, workers: forward.workers
            )
        }
        return total
    }

    /// Takes the gradient of the residual stream after a block, at its queries, and returns that before it.
    private func runBlock(
        _ layer: Int,
        _ dResidual: Matrix,
        queries: [Int]?,
        spans: [AttentionSpan],
        hint: AttentionHint?,
        showing show: (Step) -> Void
    ) -> Matrix {
        let workers = forward.workers
        let (rows, config) = (forward.batch.tokens.count, forward.parameters.config)
        let weights = forward.parameters.blocks[layer]
        let gradients = parameterGradients?.blocks[layer]
        let block = forward.activations.blocks[layer].views(rows: rows, queries: dResidual.rows)
        let d = config.width

        let dInner = buffers.inner.prefix(dResidual.rows)
        Linear.backward(
            dResidual, x: block.active, weight: weights.outerWeight, dX: dInner,
            dWeight: gradients?.outerWeight, dBias: gradients?.outerBias, workers: workers
        )
        GELU.backward(dInner, x: block.inner, workers: workers)
        let dNarrow = buffers.narrow.prefix(dResidual.rows)
        Linear.backward(
            dInner, x: block.ln2, weight: weights.innerWeight, dX: dNarrow,
            dWeight: gradients?.innerWeight, dBias: gradients?.innerBias, workers: workers
        )
        show(.mlpInput(layer: layer, dNarrow))
        LayerNorm.backward(
            dNarrow, x: block.residMid, gamma: weights.ln2Gamma, statistics: block.ln2Statistics,
            addingTo: dResidual, dGamma: gradients?.ln2Gamma, dBeta: gradients?.ln2Beta, workers: workers
        )
        Linear.backward(
            dResidual, x: block.z, weight: weights.outWeight, dX: dNarrow,
            dWeight: gradients?.outWeight, dBias: gradients?.outBias, workers: workers
        )
        show(.z(layer: layer, dNarrow))
        let dQKV = buffers.qkv.prefix(rows)
        let dQ = dQKV.slice(columns: 0..<d).prefix(dResidual.rows)
        let dKV = dQKV.slice(columns: d..<3 * d)
        let isSharing = forward.batch.isSharing
        let dKVOfTokens = isSharing ? buffers.keysAndValues.prefix(forward.batch.rowOfToken.count) : dKV
        let (k, v) = forward.keysAndValues(of: block)
        Attention.backward(
            dZ: dNarrow, q: block.q, k: k, v: v, heads: config.heads, spans: spans,
            pattern: block.pattern.base, scratch: buffers.pattern.base,
            pull: hint?.pull(on: layer, in: forward.batch), dQ: dQ,
            dK: dKVOfTokens.slice(columns: 0..<d), dV: dKVOfTokens.slice(columns: d..<2 * d), workers: workers
        )
        if isSharing {
            dKV.fill(0)
            dKVOfTokens.scatter(forward.batch.rowOfToken, addingTo: dKV, workers: workers)
        }

        show(.heads(layer: layer, q: dQ, k: dKV.slice(columns: 0..<d), v: dKV.slice(columns: d..<2 * d)))

        let dLN1 = buffers.narrow.prefix(rows)
        var dResidPre = dResidual
        if let queries {
            Linear.backward(
                dKV, x: block.ln1,
                weight: weights.qkvWeight.slice(columns: d..<3 * d), dX: dLN1,
                dWeight: gradients?.qkvWeight.slice(columns: d..<3 * d),
                dBias: gradients?.qkvBias.slice(columns: d..<3 * d), workers: workers
            )
            let dQueries = buffers.queries.prefix(queries.count)
            Linear.backward(
                dQ, x: block.ln1Queries, weight: weights.qkvWeight.slice(columns: 0..<d), dX: dQueries,
                dWeight: gradients?.qkvWeight.slice(columns: 0..<d),
                dBias: gradients?.qkvBias.slice(columns: 0..<d), workers: workers
            )
            dQueries.scatter(queries, addingTo: dLN1, workers: workers)
            dResidPre = buffers.spread.prefix(rows)
            dResidPre.fill(0)
            dResidual.scatter(queries, addingTo: dResidPre, workers: workers)
        } else {
            Linear.backward(
                dQKV, x: block.ln1, weight: weights.qkvWeight, dX: dLN1,
                dWeight: gradients?.qkvWeight, dBias: gradients?.qkvBias, workers: workers
            )
        }
        LayerNorm.backward(
            dLN1, x: forward.activations.residual[layer].prefix(rows), gamma: weights.ln1Gamma,
            statistics: block.ln1Statistics, addingTo: dResidPre,
            dGamma: gradients?.ln1Gamma, dBeta: gradients?.ln1Beta, workers: workers
        )
        return dResidPre
    }
}
