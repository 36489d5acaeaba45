extension Matrix {
    /// `out` [n, m] = the rows `indices` of this one.
    func gather(_ indices: [Int], into out: Matrix) {
        for (row, index) in indices.enumerated() { out[row].update(from: self[index], count: columns) }
    }

    /// Adds row i of this one to row `indices[i]` of `out`.
    func scatter(_ indices: [Int], addingTo out: Matrix) {
        for (row, index) in indices.enumerated() {
            let (source, target) = (self[row], out[index])
            for column in 0..<columns { target[column] += source[column] }
        }
    }

    /// `out` = this one + `other`; `out` may be either of them.
    func add(_ other: Matrix, into out: Matrix, workers: Workers) {
        workers.share(rows) { rows in
            for row in rows {
                let (x, y, sum) = (self[row], other[row], out[row])
                forEachLanes(columns) {
                    sum.setLanes($0, x.lanes($0) + y.lanes($0))
                } tail: {
                    for i in $0 { sum[i] = x[i] + y[i] }
                }
            }
        }
    }
}
