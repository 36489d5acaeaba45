extension Matrix {
    /// `out` [n, m] = the rows `indices` of this one.
    package func gather(_ indices: [Int], into out: Matrix, workers: Workers) {
        workers.share(indices.count) { rows in
            for row in rows { out[row].update(from: self[indices[row]], count: columns) }
        }
    }

    /// Adds row i of this one to row `indices[i]` of `out`.
    package func scatter(_ indices: [Int], addingTo out: Matrix, workers: Workers) {
        // Indices may come twice, so the columns are shared out.
        workers.share(columns, grain: 64) { columns in
            for (row, index) in indices.enumerated() {
                let (source, target) = (self[row] + columns.lowerBound, out[index] + columns.lowerBound)
                forEachLanes(columns.count) {
                    target.setLanes($0, target.lanes($0) + source.lanes($0))
                } tail: {
                    for i in $0 { target[i] += source[i] }
                }
            }
        }
    }

    /// `out` = this one + `other`; `out` may be either of them.
    package func add(_ other: Matrix, into out: Matrix, workers: Workers) {
        combine(other, into: out, workers: workers) { $0 + $1 }
    }

    /// `out` = this one − `other`; `out` may be either of them.
    package func subtract(_ other: Matrix, into out: Matrix, workers: Workers) {
        combine(other, into: out, workers: workers) { $0 - $1 }
    }

    @inline(__always)
    private func combine(_ other: Matrix, into out: Matrix, workers: Workers, _ body: (Lanes, Lanes) -> Lanes) {
        workers.share(rows) { rows in
            for row in rows {
                let (x, y, result) = (self[row], other[row], out[row])
                forEachLanes(columns) {
                    result.setLanes($0, body(x.lanes($0), y.lanes($0)))
                } tail: {
                    for i in $0 { result[i] = body(Lanes(repeating: x[i]), Lanes(repeating: y[i]))[0] }
                }
            }
        }
    }
}

extension Matrix {
    /// Takes the values of a matrix of the same shape.
    package func copy(_ other: Matrix) {
        precondition(rows == other.rows && columns == other.columns, "a matrix of another shape")
        for row in 0..<rows { self[row].update(from: other[row], count: columns) }
    }

    package var doubleRows: [[Double]] { (0..<rows).map { row($0).map(Double.init) } }
    package var doubleColumns: [[Double]] {
        (0..<columns).map { column in (0..<rows).map { Double(self[$0][column]) } }
    }

    /// Makes every row sum to zero.
    package func subtractRowMeans() {
        for row in 0..<rows {
            let values = self[row]
            let mean = Float(self.row(row).reduce(0.0) { $0 + Double($1) } / Double(columns))
            for column in 0..<columns { values[column] -= mean }
        }
    }

    /// Multiplies each column by a number of `factors` [1, columns].
    package func scaleColumns(by factors: Matrix) {
        for row in 0..<rows {
            let values = self[row]
            for column in 0..<columns { values[column] *= factors[0][column] }
        }
    }
}
