import CKernels

/// The activation of the MLPs: x · Φ(x) with the normal distribution function Φ (Hendrycks and Gimpel 1606.08415), or
/// the approximation that GPT-2 was trained with. Raw values are those of `activation_function` in `config.json`.
public enum GELU: String, Sendable {
    /// ½x(1 + tanh u) with u = √(2/π)(x + 0.044715x³).
    ///
    /// Computed as x·σ(2u), the same function, which stays accurate for negative x.
    case tanh = "gelu_new"
    /// x · Φ(x) itself.
    case exact = "gelu"

    /// What an element takes on one thread, in ns.
    private static let (forwardCost, backwardCost) = (0.3, 0.4)

    /// `y` [n, m] from `x` [n, m].
    package func forward(_ x: Matrix, into y: Matrix, workers: Workers) {
        let kernel = self == .exact ? kernels_gelu_exact : kernels_gelu
        workers.share(x.rows, nanoseconds: Self.forwardCost * Double(x.columns)) { rows in
            for row in rows { kernel(x[row], y[row], x.columns) }
        }
    }

    /// Turns `gradient` [n, m] from the gradient of y into that of `x` [n, m], and computes `y` [n, m] again, bit for bit
    /// and at no further cost, so that no forward pass need keep it.
    func backward(_ gradient: Matrix, x: Matrix, restoring y: Matrix, workers: Workers) {
        let kernel = self == .exact ? kernels_gelu_exact_gradient : kernels_gelu_gradient
        workers.share(x.rows, nanoseconds: Self.backwardCost * Double(x.columns)) { rows in
            for row in rows { kernel(x[row], y[row], gradient[row], x.columns) }
        }
    }
}
