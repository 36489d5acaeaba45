import COpenBLAS

/// Eigenvalues and singular values in double precision; no other code calls LAPACK.
///
/// LAPACK is column-major: it reads a row-major matrix as its transpose, which has the same spectrum.
package enum Spectra {
    /// The eigenvalues of a row-major matrix [size, size] in LAPACK's order; nil where LAPACK does not converge.
    package static func eigenvalues(of matrix: [Double], size: Int) -> [(real: Double, imaginary: Double)]? {
        precondition(matrix.count == size * size, "\(matrix.count) numbers of a matrix of \(size) rows")
        GEMM.prepareOpenBLAS()
        var (matrix, real, imaginary) = (matrix, zeros(size), zeros(size))
        let n = Int32(size)
        let failure = LAPACKE_dgeev(
            LAPACK_COL_MAJOR, CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: "N")), n, &matrix, n, &real, &imaginary, nil,
            1, nil, 1
        )
        return failure == 0 ? Array(zip(real, imaginary)) : nil
    }

    /// The singular values of a row-major matrix [rows, columns], the largest first; nil where LAPACK does not converge.
    static func singularValues(of matrix: [Double], rows: Int, columns: Int) -> [Double]? {
        precondition(matrix.count == rows * columns, "\(matrix.count) numbers of \(rows) rows of \(columns)")
        GEMM.prepareOpenBLAS()
        var (matrix, values) = (matrix, zeros(min(rows, columns)))
        let failure = LAPACKE_dgesdd(
            LAPACK_COL_MAJOR, CChar(UInt8(ascii: "N")), Int32(columns), Int32(rows), &matrix,
            Int32(columns), &values, nil, 1, nil, 1
        )
        return failure == 0 ? values : nil
    }

    /// The singular values of Σᵢ aᵢ · bᵢ, the largest first, at most Σ rᵢ of them; nil where LAPACK does not converge.
    ///
    /// The sum is A · B with all aᵢ side by side in A and all bᵢ stacked in B. With A = Q·R and Bᵀ = Q'·R', its singular
    /// values are those of R · R'ᵀ, a small matrix where Σ rᵢ is small.
    ///
    /// - Parameter terms: the columns of aᵢ [m, rᵢ] and the rows of bᵢ [rᵢ, n].
    package static func singularValues(ofSum terms: [(columns: [[Double]], rows: [[Double]])]) -> [Double]? {
        let (left, right) = (triangle(terms.flatMap(\.columns)), triangle(terms.flatMap(\.rows)))
        guard let left, let right else { return nil }
        let product = left.flatMap { a in
            right.map { b in zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        }
        return singularValues(of: product, rows: left.count, columns: right.count)
    }

    /// R, by rows, of the QR decomposition of the matrix with these columns.
    private static func triangle(_ columns: [[Double]]) -> [[Double]]? {
        GEMM.prepareOpenBLAS()
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
