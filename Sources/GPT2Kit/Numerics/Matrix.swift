import CKernels

/// A view of `rows × columns` floats in row-major order; consecutive rows begin `stride` floats apart.
///
/// A view owns no memory: whoever hands it out (a model, a set of activations) keeps the memory alive.
package struct Matrix: @unchecked Sendable {
    package let base: UnsafeMutablePointer<Float>
    package let rows: Int
    package let columns: Int
    @usableFromInline package let stride: Int
    /// The same values as bfloat16 numbers, where they are kept.
    package let parts: BFloat16Parts?

    package init(
        base: UnsafeMutablePointer<Float>,
        rows: Int,
        columns: Int,
        stride: Int? = nil,
        parts: BFloat16Parts? = nil
    ) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
        self.parts = parts
    }

    /// The same view with other parts.
    package func with(_ parts: BFloat16Parts?) -> Matrix {
        Matrix(base: base, rows: rows, columns: columns, stride: stride, parts: parts)
    }

    /// The first float of row `row`.
    @inlinable @inline(__always)
    package subscript(row: Int) -> UnsafeMutablePointer<Float> { base + row * stride }

    /// The floats of row `row`. [columns]
    @inlinable
    package func row(_ row: Int) -> UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: self[row], count: columns)
    }

    /// The first `count` rows.
    package func prefix(_ count: Int) -> Matrix { slice(rows: 0..<count) }

    package func slice(rows range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
        return Matrix(
            base: self[range.lowerBound], rows: range.count, columns: columns, stride: stride,
            parts: parts?.dropping(rows: range.lowerBound, columns: 0)
        )
    }

    package func slice(columns range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns \(range) of \(columns)")
        return Matrix(
            base: base + range.lowerBound, rows: rows, columns: range.count, stride: stride,
            parts: parts?.dropping(rows: 0, columns: range.lowerBound)
        )
    }

    /// The start of the same memory in another shape.
    func reshaped(rows: Int, columns: Int) -> Matrix {
        precondition(stride == self.columns && rows * columns <= self.rows * self.columns, "a larger shape")
        return Matrix(base: base, rows: rows, columns: columns)
    }

    package func fill(_ value: Float) {
        for row in 0..<rows { self[row].update(repeating: value, count: columns) }
    }

    /// Copies a matrix of the same shape into this one.
    package func copy(_ other: Matrix) {
        precondition(rows == other.rows && columns == other.columns, "a matrix of another shape")
        for row in 0..<rows { self[row].update(from: other[row], count: columns) }
    }
}

// MARK: Rows on several threads

extension Matrix {
    /// What copying or adding an element takes on one thread, in ns.
    private static let cost = 0.2

    /// `out` [n, columns] = the rows `indices` of this matrix.
    package func gather(_ indices: [Int], into out: Matrix, workers: Workers) {
        workers.share(indices.count, nanoseconds: Self.cost * Double(columns)) { rows in
            for row in rows { out[row].update(from: self[indices[row]], count: columns) }
        }
    }

    /// Adds row i of this matrix to row `indices[i]` of `out`.
    package func scatter(_ indices: [Int], addingTo out: Matrix, workers: Workers) {
        // An index may occur twice, so the work is divided by columns.
        workers.share(columns, grain: 64, nanoseconds: Self.cost * Double(indices.count)) { columns in
            for (row, index) in indices.enumerated() {
                let target = out[index] + columns.lowerBound
                kernels_add(target, 1, self[row] + columns.lowerBound, target, columns.count)
            }
        }
    }

    /// `sums` [1, columns] = Σ of all rows.
    func sumRows(into sums: Matrix, workers: Workers) {
        workers.share(columns, grain: 64, nanoseconds: Self.cost * Double(rows)) { columns in
            let sums = sums.base + columns.lowerBound
            sums.update(repeating: 0, count: columns.count)
            for row in 0..<rows { kernels_add(sums, 1, self[row] + columns.lowerBound, sums, columns.count) }
        }
    }

    /// `out` = this matrix + `other`; `out` may be either of them.
    package func add(_ other: Matrix, into out: Matrix, workers: Workers) {
        add(1, other, into: out, workers: workers)
    }

    /// `out` = this matrix − `other`; `out` may be either of them.
    package func subtract(_ other: Matrix, into out: Matrix, workers: Workers) {
        add(-1, other, into: out, workers: workers)
    }

    private func add(_ factor: Float, _ other: Matrix, into out: Matrix, workers: Workers) {
        workers.share(rows, nanoseconds: Self.cost * Double(columns)) { rows in
            for row in rows { kernels_add(self[row], factor, other[row], out[row], columns) }
        }
    }
}

// MARK: Weight analyses

extension Matrix {
    package var doubleRows: [[Double]] { (0..<rows).map { row($0).map(Double.init) } }
    package var doubleColumns: [[Double]] {
        (0..<columns).map { column in (0..<rows).map { Double(self[$0][column]) } }
    }

    /// Subtracts its mean from every row.
    package func subtractRowMeans() {
        for row in 0..<rows {
            let values = self[row]
            let mean = Float(self.row(row).reduce(0.0) { $0 + Double($1) } / Double(columns))
            for column in 0..<columns { values[column] -= mean }
        }
    }

    /// Multiplies column i by `factors` [1, columns] i.
    package func scaleColumns(by factors: Matrix) {
        for row in 0..<rows {
            let values = self[row]
            for column in 0..<columns { values[column] *= factors[0][column] }
        }
    }
}
