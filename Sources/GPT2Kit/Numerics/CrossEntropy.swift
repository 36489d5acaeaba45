import Foundation

/// The loss of a row of logits: −log softmax(logits)[label], summed over the row's labels.
package enum CrossEntropy {
    /// `losses` [n] from `logits` [n, v] and each row's labels. With a `weight`, `logits` become the gradient of
    /// `weight` · Σ losses with respect to themselves.
    package static func forwardBackward(
        _ logits: Matrix,
        labels: (_ row: Int) -> ArraySlice<Int>,
        losses: Matrix,
        weight: Float?,
        workers: Workers
    ) {
        let columns = logits.columns
        // About 2 ns an element.
        workers.share(logits.rows, nanoseconds: 2 * Double(columns)) { rows in
            for row in rows {
                let (logits, labels) = (logits[row], labels(row))
                let largest = Softmax.maximum(logits, count: columns)
                let labelLogits = labels.reduce(0) { $0 + (logits[$1] - largest) }
                let total = Softmax.sumOfExponentials(logits, count: columns, minus: largest, storing: weight != nil)
                losses[row][0] = Float(labels.count) * Foundation.log(total) - labelLogits
                guard let weight else { continue }
                Softmax.scale(logits, count: columns, by: Float(labels.count) * weight / total)
                for label in labels { logits[label] -= weight }
            }
        }
    }
}

/// Labels grouped by row. A row that several prompts share may have several.
struct RowLabels {
    private let labels: [Int]
    /// Where each row's labels begin, then the number of all labels. [rows + 1]
    private let starts: [Int]

    /// - Parameters:
    ///   - labels: in any order.
    ///   - rows: the row of each label.
    ///   - count: the number of rows.
    init(_ labels: [Int], rows: [Int], count: Int) {
        precondition(labels.count == rows.count, "\(labels.count) labels for \(rows.count) places")
        var starts = [Int](repeating: 0, count: count + 1)
        for row in rows { starts[row + 1] += 1 }
        for row in 0..<count { starts[row + 1] += starts[row] }
        var sorted = labels
        var next = starts
        for (label, row) in zip(labels, rows) {
            sorted[next[row]] = label
            next[row] += 1
        }
        self.labels = sorted
        self.starts = starts
    }

    subscript(row: Int) -> ArraySlice<Int> { labels[starts[row]..<starts[row + 1]] }
}
