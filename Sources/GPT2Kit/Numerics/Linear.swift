/// A dense layer, with weights laid out as in a GPT-2 checkpoint: [in, out].
package enum Linear {
    /// `out` [n, m] = `x` [n, k] · `weight` [k, m] + `bias` [m].
    package static func forward(_ x: Matrix, weight: Matrix, bias: Matrix, into out: Matrix, workers: Workers) {
        workers.share(out.rows, nanoseconds: 0.2 * Double(out.columns)) { rows in
            for row in rows { out[row].update(from: bias.base, count: out.columns) }
        }
        GEMM.multiply(x, weight, into: out, beta: 1, workers: workers)
    }

    /// From `dOut` [n, m]: `dX` [n, k] = `dOut` · `weight`ᵀ and, where they are wanted, `dWeight` [k, m] = `x`ᵀ · `dOut`
    /// and `dBias` [m] = Σ over rows of `dOut`.
    static func backward(
        _ dOut: Matrix,
        x: Matrix,
        weight: Matrix,
        dX: Matrix,
        dWeight: Matrix?,
        dBias: Matrix?,
        workers: Workers
    ) {
        dOut.withParts(workers: workers) { dOut in
            GEMM.multiply(dOut, weight.transposed, into: dX, workers: workers)
            if let dWeight { GEMM.multiply(x.transposed, dOut, into: dWeight, workers: workers) }
        }
        if let dBias { dOut.sumRows(into: dBias, workers: workers) }
    }
}
