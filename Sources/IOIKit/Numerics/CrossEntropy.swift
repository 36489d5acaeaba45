import Foundation

/// The loss of a row of logits: −log softmax(logits)[label].
enum CrossEntropy {
    /// `losses` [n] from `logits` [n, v] and `labels`; `logits` become the gradient of `weight` · Σ losses with
    /// respect to themselves where `weight` is given.
    static func forwardBackward(
        _ logits: Matrix,
        labels: ArraySlice<Int>,
        losses: Matrix,
        weight: Float?,
        workers: Workers
    ) {
        let columns = logits.columns
        workers.share(logits.rows) { rows in
            for row in rows {
                let (logits, label) = (logits[row], labels[labels.startIndex + row])
                let labelLogit = logits[label]
                let largest = Softmax.maximum(UnsafePointer(logits), count: columns)
                let total = Softmax.sumOfExponentials(
                    logits, count: columns, minus: largest, storing: weight != nil
                )
                losses[row][0] = Foundation.log(total) - (labelLogit - largest)
                guard let weight else { continue }
                Softmax.scale(logits, count: columns, by: weight / total)
                logits[label] -= weight
            }
        }
    }
}
