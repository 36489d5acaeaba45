/// A view of `rows × columns` floats, row after row, `stride` floats from one row to the next.
///
/// A view owns nothing: whoever hands it out (a model, an activation set) keeps its memory alive.
package struct Matrix: @unchecked Sendable {
    package let base: UnsafeMutablePointer<Float>
    package let rows: Int
    package let columns: Int
    let stride: Int

    package init(base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    /// The first float of row `row`.
    @inline(__always)
    package subscript(row: Int) -> UnsafeMutablePointer<Float> { base + row * stride }

    /// The floats of row `row`.
    package func row(_ row: Int) -> UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: self[row], count: columns)
    }

    /// The first `count` rows.
    package func prefix(_ count: Int) -> Matrix { slice(rows: 0..<count) }

    package func slice(rows range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
        return Matrix(base: self[range.lowerBound], rows: range.count, columns: columns, stride: stride)
    }

    package func slice(columns range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns \(range) of \(columns)")
        return Matrix(base: base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }

    package func fill(_ value: Float) {
        for row in 0..<rows { self[row].update(repeating: value, count: columns) }
    }
}
