import CKernels

/// GPT-2's activation, `gelu_new`: ½x(1 + tanh u) with u = √(2/π)(x + 0.044715x³).
///
/// Computed as x·σ(2u), the same function, which stays accurate for negative x.
package enum GELU {
    /// What an element takes on one thread, in ns.
    private static let (forwardCost, backwardCost) = (0.3, 0.4)

    /// `y` [n, m] from `x` [n, m].
    package static func forward(_ x: Matrix, into y: Matrix, workers: Workers) {
        workers.share(x.rows, nanoseconds: forwardCost * Double(x.columns)) { rows in
            for row in rows { kernels_gelu(x[row], y[row], x.columns) }
        }
    }

    /// Turns `gradient` [n, m] from the gradient of y into that of `x` [n, m], and computes `y` [n, m] again, bit for bit
    /// and at no further cost, so that no forward pass need keep it.
    static func backward(_ gradient: Matrix, x: Matrix, restoring y: Matrix, workers: Workers) {
        workers.share(x.rows, nanoseconds: backwardCost * Double(x.columns)) { rows in
            for row in rows { kernels_gelu_gradient(x[row], y[row], gradient[row], x.columns) }
        }
    }
}
