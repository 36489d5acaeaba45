/// A view of `rows × columns` floats, row after row, `stride` floats from one row to the next.
///
/// A view owns nothing: whoever hands it out (a model, an activation set) keeps its memory alive.
struct Matrix: @unchecked Sendable {
    let base: UnsafeMutablePointer<Float>
    let rows: Int
    let columns: Int
    let stride: Int

    init(base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    /// The first float of row `row`.
    @inline(__always)
    subscript(row: Int) -> UnsafeMutablePointer<Float> { base + row * stride }

    /// The floats of row `row`.
    func row(_ row: Int) -> UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: self[row], count: columns)
    }

    /// The first `count` rows.
    func prefix(_ count: Int) -> Matrix { slice(rows: 0..<count) }

    func slice(rows range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
        return Matrix(base: self[range.lowerBound], rows: range.count, columns: columns, stride: stride)
    }

    func slice(columns range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns \(range) of \(columns)")
        return Matrix(base: base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }

    func fill(_ value: Float) {
        for row in 0..<rows { self[row].update(repeating: value, count: columns) }
    }
}
