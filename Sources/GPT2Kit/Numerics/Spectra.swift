import COpenBLAS

/// Eigenvalues and singular values in double precision: the one place that calls LAPACK.
///
/// LAPACK counts column by column. Where a square or whole matrix is handed on as it lies, LAPACK sees its transpose,
/// which has the same spectrum.
package enum Spectra {
    /// The eigenvalues of a square matrix that lies row after row, in LAPACK's order; nil where its iteration does not
    /// converge.
    package static func eigenvalues(of matrix: [Double], size: Int) -> [(real: Double, imaginary: Double)]? {
        precondition(matrix.count == size * size, "\(matrix.count) numbers of a matrix of \(size) rows")
        GEMM.holdToOneThread()
        var (matrix, real, imaginary) = (matrix, zeros(size), zeros(size))
        let n = Int32(size)
        let failure = LAPACKE_dgeev(
            LAPACK_COL_MAJOR, CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: "N")), n, &matrix, n, &real, &imaginary, nil,
            1, nil, 1
        )
        return failure == 0 ? Array(zip(real, imaginary)) : nil
    }

    /// The singular values of a matrix that lies row after row, the largest first; nil where LAPACK's iteration does not
    /// converge.
    static func singularValues(of matrix: [Double], rows: Int, columns: Int) -> [Double]? {
        precondition(matrix.count == rows * columns, "\(matrix.count) numbers of \(rows) rows of \(columns)")
        GEMM.holdToOneThread()
        var (matrix, values) = (matrix, zeros(min(rows, columns)))
        let failure = LAPACKE_dgesdd(
            LAPACK_COL_MAJOR, CChar(UInt8(ascii: "N")), Int32(columns), Int32(rows), &matrix,
            Int32(columns), &values, nil, 1, nil, 1
        )
        return failure == 0 ? values : nil
    }

    /// The singular values of Σᵢ aᵢ · bᵢ, the largest first, as many as the inner sizes add up to or the outer
    /// ones are; nil where LAPACK does not converge.
    ///
    /// It is the product of all a side by side and all b one below the other. With Q·R of the former and Q'·R' of the
    /// latter's transpose, they are those of R · R'ᵀ, which is small where the inner sizes are.
    ///
    /// - Parameter terms: the columns of a [m, rᵢ] and the rows of b [rᵢ, n].
    package static func singularValues(ofSum terms: [(columns: [[Double]], rows: [[Double]])]) -> [Double]? {
        let (left, right) = (triangle(terms.flatMap(\.columns)), triangle(terms.flatMap(\.rows)))
        guard let left, let right else { return nil }
        let product = left.flatMap { a in
            right.map { b in zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        }
        return singularValues(of: product, rows: left.count, columns: right.count)
    }

    /// The rows of R where columns of equal length are Q · R.
    private static func triangle(_ columns: [[Double]]) -> [[Double]]? {
        GEMM.holdToOneThread()
        let (length, count) = (columns[0].count, columns.count)
        let size = min(length, count)
        var (values, factors) = (columns.flatMap { $0 }, zeros(size))
        let failure = LAPACKE_dgeqrf(
            LAPACK_COL_MAJOR, Int32(length), Int32(count), &values, Int32(length), &factors
        )
        guard failure == 0 else { return nil }
        return (0..<size).map { row in (0..<count).map { $0 < row ? 0 : values[$0 * length + row] } }
    }

    private static func zeros(_ count: Int) -> [Double] { Array(repeating: 0, count: count) }
}
