import Foundation

/// The loss of a row of logits: −log softmax(logits)[label], summed over the row's labels.
package enum CrossEntropy {
    /// `losses` [n] from `logits` [n, v] and the labels of each row; `logits` become the gradient of `weight` · Σ losses
    /// with respect to themselves where `weight` is given.
    package static func forwardBackward(
        _ logits: Matrix,
        labels: (_ row: Int) -> ArraySlice<Int>,
        losses: Matrix,
        weight: Float?,
        workers: Workers
    ) {
        let columns = logits.columns
        workers.share(logits.rows) { rows in
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
