import COpenBLAS
import Foundation

/// A factor of a matrix product: a matrix or its transpose.
package protocol Factor {
    var matrix: Matrix { get }
    var isTransposed: Bool { get }
    /// The factor of some rows of the product, if it is the first.
    func rows(_ range: Range<Int>) -> Self
    /// The factor of some columns of the product, if it is the second.
    func columns(_ range: Range<Int>) -> Self
}

extension Matrix: Factor {
    package var matrix: Matrix { self }
    package var isTransposed: Bool { false }
    /// This matrix's transpose, as a factor.
    package var transposed: Transposed { Transposed(matrix: self) }
    package func rows(_ range: Range<Int>) -> Matrix { slice(rows: range) }
    package func columns(_ range: Range<Int>) -> Matrix { slice(columns: range) }
}

package struct Transposed: Factor {
    package let matrix: Matrix
    package var isTransposed: Bool { true }
    package func rows(_ range: Range<Int>) -> Transposed { matrix.slice(columns: range).transposed }
    package func columns(_ range: Range<Int>) -> Transposed { matrix.slice(rows: range).transposed }
}

/// Matrix products by the ``Backend`` in use; no other code calls one.
///
/// OpenBLAS's own threads spin after each call and take the cores from the workers, so every library is limited to one
/// thread, and each worker multiplies a share of the output. A share is a block of rows or columns: no sum is ever split, so the
/// number of threads affects a result only where the kernel treats the edges of a block differently.
package enum GEMM {
    private static let singleThreaded: Void = openblas_set_num_threads(1)

    /// Makes OpenBLAS compute each call on the calling thread.
    static func holdToOneThread() { singleThreaded }

    /// The name, version and kernel of OpenBLAS.
    static var openBLAS: String { String(cString: openblas_get_config()).trimmingCharacters(in: .whitespaces) }

    /// `c` [m, n] = alpha · `a` [m, k] · `b` [k, n] + beta · `c`.
    package static func multiply(
        _ a: some Factor,
        _ b: some Factor,
        into c: Matrix,
        alpha: Float = 1,
        beta: Float = 0,
        backend: Backend = .current,
        workers: Workers
    ) {
        // Each worker packs all of the factor that is not split, so the longer side of the output is split.
        if c.rows >= c.columns {
            workers.share(c.rows, grain: 32) { rows in
                call(a.rows(rows), b, c.slice(rows: rows), alpha, beta, backend)
            }
        } else {
            workers.share(c.columns, grain: 32) { columns in
                call(a, b.columns(columns), c.slice(columns: columns), alpha, beta, backend)
            }
        }
    }

    private static func call(
        _ a: some Factor,
        _ b: some Factor,
        _ c: Matrix,
        _ alpha: Float,
        _ beta: Float,
        _ backend: Backend
    ) {
        let depth = a.isTransposed ? a.matrix.rows : a.matrix.columns
        precondition((a.isTransposed ? a.matrix.columns : a.matrix.rows) == c.rows, "rows of a product")
        precondition((b.isTransposed ? b.matrix.rows : b.matrix.columns) == c.columns, "columns of a product")
        precondition((b.isTransposed ? b.matrix.columns : b.matrix.rows) == depth, "inner sizes of a product")
        switch backend {
        case .oneDNN: OneDNN.shared!.multiply(a, b, into: c, alpha: alpha, beta: beta, depth: depth)
        case .openBLAS:
            singleThreaded
            cblas_sgemm(
                CblasRowMajor, a.isTransposed ? CblasTrans : CblasNoTrans, b.isTransposed ? CblasTrans : CblasNoTrans,
                blasint(c.rows), blasint(c.columns), blasint(depth), alpha, a.matrix.base, blasint(a.matrix.stride),
                b.matrix.base, blasint(b.matrix.stride), beta, c.base, blasint(c.stride)
            )
        }
    }
}
