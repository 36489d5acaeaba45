/// The stages of a block that several passes share, each written once: q, k and v, the MLP, and the choice of the rows
/// that continue after the last block's keys and values.

/// A part of q, k and v, which lie side by side in one matrix [n, 3d].
package enum QKVPart: String {
    case q, k, v, kv, qkv
}

extension Matrix {
    /// The columns [n, d], or [n, 2d] for `kv`, of a part of q, k and v [n, 3d].
    package func part(_ part: QKVPart) -> Matrix {
        let d = columns / 3
        let range =
            switch part {
            case .q: 0..<d
            case .k: d..<2 * d
            case .v: 2 * d..<3 * d
            case .kv: d..<3 * d
            case .qkv: 0..<3 * d
            }
        return slice(columns: range)
    }

    /// The columns [n, width] of one head among those of all heads [n, heads · width].
    package func head(_ index: Int, width: Int) -> Matrix {
        slice(columns: index * width..<(index + 1) * width)
    }
}

extension GPT2Parameters.Block {
    /// A part of `qkv` [n, 3d] = `normal` [n, d], the output of LN1, · W + b. The other columns stay as they are.
    func qkvForward(_ normal: Matrix, _ part: QKVPart = .qkv, into qkv: Matrix, workers: Workers) {
        Linear.forward(
            normal, weight: qkvWeight.part(part), bias: qkvBias.part(part),
            into: qkv.prefix(normal.rows).part(part), workers: workers
        )
    }

    /// `dNormal` [n, d] from a part of `dQKV` [n, 3d], and the part's `gradients` where they are wanted.
    func qkvBackward(
        _ dQKV: Matrix,
        _ part: QKVPart = .qkv,
        normal: Matrix,
        into dNormal: Matrix,
        gradients: Self?,
        workers: Workers
    ) {
        Linear.backward(
            dQKV.prefix(normal.rows).part(part), x: normal, weight: qkvWeight.part(part), dX: dNormal,
            dWeight: gradients?.qkvWeight.part(part), dBias: gradients?.qkvBias.part(part), workers: workers
        )
    }

    /// `out` [n, h] = q, k or v of one head of width h from `normal` [n, d], the output of LN1.
    package func headForward(
        _ normal: Matrix,
        _ part: QKVPart,
        head: Int,
        width: Int,
        into out: Matrix,
        workers: Workers
    ) {
        Linear.forward(
            normal, weight: qkvWeight.part(part).head(head, width: width),
            bias: qkvBias.part(part).head(head, width: width), into: out, workers: workers
        )
    }

    /// `out` [n, d] = the MLP's output for the residual stream `x` [n, d]: `normal` [n, d] = LN2(x),
    /// `inner` [n, inner] = `normal` · W_in + b, `active` [n, inner] = GELU(`inner`), `out` = `active` · W_out + b.
    ///
    /// - Parameters:
    ///   - scales: rows [n, d] that LN2 takes its scale from, if not from `x`.
    ///   - statistics: LN2's mean and scale. [n, 2]
    ///   - active: may be `inner` itself.
    package func mlpForward(
        _ x: Matrix,
        epsilon: Float,
        scales: Matrix? = nil,
        normal: Matrix,
        statistics: Matrix,
        inner: Matrix,
        active: Matrix,
        into out: Matrix,
        workers: Workers
    ) {
        LayerNorm.forward(
            x, gamma: ln2Gamma, beta: ln2Beta, epsilon: epsilon, scales: scales, into: normal, statistics: statistics,
            workers: workers
        )
        Linear.forward(normal, weight: innerWeight, bias: innerBias, into: inner, workers: workers)
        activation.forward(inner, into: active, workers: workers)
        Linear.forward(active, weight: outerWeight, bias: outerBias, into: out, workers: workers)
    }

    /// Adds to `dResidual` [n, d], the gradient of the residual stream after the MLP, what the MLP passes back, which
    /// makes it the gradient before the MLP.
    ///
    /// - Parameters:
    ///   - dOut: the gradient of the MLP's output: `dResidual` itself, but for dropout. [n, d]
    ///   - block: the activations of the forward pass.
    ///   - dInner: scratch. [n, inner]
    ///   - dNormal: gets the gradient of LN2's output, of which `show` is told. [n, d]
    func mlpBackward(
        _ dResidual: Matrix,
        dOut: Matrix,
        _ block: Activations.Block,
        dInner: Matrix,
        dNormal: Matrix,
        gradients: Self?,
        workers: Workers,
        showing show: (_ dNormal: Matrix) -> Void
    ) {
        dOut.withParts(workers: workers) { dOut in
            GEMM.multiply(dOut, outerWeight.transposed, into: dInner, workers: workers)
            activation.backward(dInner, x: block.inner, restoring: block.active, workers: workers)
            if let gradients {
                GEMM.multiply(block.active.transposed, dOut, into: gradients.outerWeight, workers: workers)
            }
        }
        if let gradients {
            dOut.sumRows(into: gradients.outerBias, workers: workers)
            LayerNorm.restore(
                block.residMid, gamma: ln2Gamma, beta: ln2Beta, statistics: block.ln2Statistics, into: block.ln2,
                workers: workers
            )
        }
        Linear.backward(
            dInner, x: block.ln2, weight: innerWeight, dX: dNormal, dWeight: gradients?.innerWeight,
            dBias: gradients?.innerBias, workers: workers
        )
        show(dNormal)
        LayerNorm.backward(
            dNormal, x: block.residMid, gamma: ln2Gamma, statistics: block.ln2Statistics, addingTo: dResidual,
            dGamma: gradients?.ln2Gamma, dBeta: gradients?.ln2Beta, workers: workers
        )
    }
}

/// The rows of a batch that a block computes from its queries on: all rows, but only those of last tokens in the last
/// block of a batch that wants no others.
package struct BlockRows {
    /// The rows of the batch that continue, ascending; nil where all do.
    let queries: [Int]?
    /// The position of each row that continues.
    package let positions: [Int]
    package let spans: [AttentionSpan]

    /// How many rows continue.
    package var count: Int { positions.count }

    /// The rows of `x` [rows, d] that continue: `x` itself, or a copy in `room` [≥ count, d].
    package func select(_ x: Matrix, into room: Matrix, workers: Workers) -> Matrix {
        guard let queries else { return x }
        x.gather(queries, into: room.prefix(count), workers: workers)
        return room.prefix(count)
    }

    /// The gradient of `x` [rows, d] from that of its rows that continue, `dSelected` [count, d]: `dSelected` itself, or
    /// `room` [rows, d] with zeros for the others.
    func spread(_ dSelected: Matrix, into room: Matrix, workers: Workers) -> Matrix {
        guard let queries else { return dSelected }
        room.fill(0)
        dSelected.scatter(queries, addingTo: room, workers: workers)
        return room
    }
}

extension PackedBatch {
    /// Which rows each block computes. [layers]
    package func blockRows(_ config: GPT2Config) -> [BlockRows] {
        let all = BlockRows(queries: nil, positions: positions, spans: spans(heads: config.heads))
        let last = BlockRows(
            queries: isComplete ? nil : queries, positions: queries.map { positions[$0] },
            spans: lastSpans(heads: config.heads)
        )
        return Array(repeating: all, count: config.layers - 1) + [last]
    }
}
