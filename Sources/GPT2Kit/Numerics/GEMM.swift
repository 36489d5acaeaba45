import COpenBLAS
import Foundation

/// A factor of a matrix product: a matrix or its transpose.
package protocol Factor {
    var matrix: Matrix { get }
    var isTransposed: Bool { get }
}

extension Matrix: Factor {
    package var matrix: Matrix { self }
    package var isTransposed: Bool { false }
    /// This matrix's transpose, as a factor.
    package var transposed: Transposed { Transposed(matrix: self) }
}

package struct Transposed: Factor {
    package let matrix: Matrix
    package var isTransposed: Bool { true }
}

/// Matrix products; no other code calls BLAS.
///
/// OpenBLAS's own threads spin after each call and take the cores from the workers, so it is limited to one thread and
/// each worker multiplies a share of the output. A share is a block of rows or columns: no sum is ever split, so the
/// number of threads affects a result only where the kernel treats the edges of a block differently.
package enum GEMM {
    private static let singleThreaded: Void = openblas_set_num_threads(1)

    /// Makes OpenBLAS compute each call on the calling thread.
    static func holdToOneThread() { singleThreaded }

    /// The name, version and kernel of the BLAS in use.
    package static var library: String {
        String(cString: openblas_get_config()).trimmingCharacters(in: .whitespaces)
    }

    /// `c` [m, n] = alpha · `a` [m, k] · `b` [k, n] + beta · `c`.
    package static func multiply(
        _ a: some Factor,
        _ b: some Factor,
        into c: Matrix,
        alpha: Float = 1,
        beta: Float = 0,
        workers: Workers
    ) {
        // Each worker packs all of the factor that is not split, so the longer side of the output is split.
        if c.rows >= c.columns {
            workers.share(c.rows, grain: 32) { rows in
                let share = a.isTransposed ? a.matrix.slice(columns: rows) : a.matrix.slice(rows: rows)
                call(share, a.isTransposed, b.matrix, b.isTransposed, c.slice(rows: rows), alpha, beta)
            }
        } else {
            workers.share(c.columns, grain: 32) { columns in
                let share = b.isTransposed ? b.matrix.slice(rows: columns) : b.matrix.slice(columns: columns)
                call(a.matrix, a.isTransposed, share, b.isTransposed, c.slice(columns: columns), alpha, beta)
            }
        }
    }

    private static func call(
        _ a: Matrix,
        _ aIsTransposed: Bool,
        _ b: Matrix,
        _ bIsTransposed: Bool,
        _ c: Matrix,
        _ alpha: Float,
        _ beta: Float
    ) {
        let k = aIsTransposed ? a.rows : a.columns
        precondition((aIsTransposed ? a.columns : a.rows) == c.rows, "rows of a product")
        precondition((bIsTransposed ? b.rows : b.columns) == c.columns, "columns of a product")
        precondition((bIsTransposed ? b.columns : b.rows) == k, "inner sizes of a product")
        singleThreaded
        cblas_sgemm(
            CblasRowMajor,
            aIsTransposed ? CblasTrans : CblasNoTrans,
            bIsTransposed ? CblasTrans : CblasNoTrans,
            blasint(c.rows),
            blasint(c.columns),
            blasint(k),
            alpha,
            a.base,
            blasint(a.stride),
            b.base,
            blasint(b.stride),
            beta,
            c.base,
            blasint(c.stride)
        )
    }
}
