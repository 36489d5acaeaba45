import CKernels
import Foundation

/// The Kullback–Leibler divergence between the predictions of two rows of logits: Σ p · (log p − log q).
package enum KLDivergence {
    /// `losses` [n] from `logits` [n, v], whose softmax is q, and `reference` [n, v], whose softmax is p.
    package static func forward(_ logits: Matrix, reference: Matrix, losses: Matrix, workers: Workers) {
        workers.share(logits.rows) { rows in
            for row in rows {
                losses[row][0] = sums(logits[row], reference[row], count: logits.columns, storing: false).divergence
            }
        }
    }

    /// The divergence of a row of `logits`, whose softmax is q, from one of `reference`, whose softmax is p.
    package static func value(of logits: UnsafeBufferPointer<Float>, from reference: UnsafeBufferPointer<Float>)
        -> Float
    {
        // Nothing is stored.
        sums(
            UnsafeMutablePointer(mutating: logits.baseAddress!), UnsafeMutablePointer(mutating: reference.baseAddress!),
            count: logits.count, storing: false
        ).divergence
    }

    /// The same as `forward`; `logits` become the gradient of `weight` · Σ losses with respect to themselves, and `reference` is
    /// overwritten.
    package static func forwardBackward(
        _ logits: Matrix,
        reference: Matrix,
        losses: Matrix,
        weight: Float,
        workers: Workers
    ) {
        let columns = logits.columns
        workers.share(logits.rows) { rows in
            for row in rows {
                let (q, p) = (logits[row], reference[row])
                let sums = sums(q, p, count: columns, storing: true)
                losses[row][0] = sums.divergence
                for i in 0..<columns { q[i] = weight * (q[i] / sums.q - p[i] / sums.p) }
            }
        }
    }

    /// A row's divergence, and Σ exp of the logits `q` and `p`, each shifted by its maximum.
    ///
    /// - Parameter storing: whether the exponentials replace `q` and `p`.
    private static func sums(
        _ q: UnsafeMutablePointer<Float>,
        _ p: UnsafeMutablePointer<Float>,
        count: Int,
        storing: Bool
    ) -> (divergence: Float, q: Float, p: Float) {
        let (qLargest, pLargest) = (Softmax.maximum(q, count: count), Softmax.maximum(p, count: count))
        // Shifting both by their maxima keeps log p − log q small where p is large.
        var total: Float = 0
        let sum = kernels_divergence(q, p, count, qLargest, pLargest, storing, &total)
        let qTotal = Softmax.sumOfExponentials(q, count: count, minus: qLargest, storing: storing)
        return (sum / total + Foundation.log(qTotal / total), qTotal, total)
    }
}
