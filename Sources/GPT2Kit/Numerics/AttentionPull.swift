/// A loss on the patterns of one layer: `weight` times the sum, over some queries, of −log of the attention to one key.
struct AttentionPull {
    /// Where one pattern should look.
    struct Target {
        let head: Int
        /// Which of the span's queries, and which of its keys.
        let query, key: Int
    }

    let weight: Float
    /// For each span.
    let targets: [[Target]]

    /// Adds the gradient of the scores before the softmax: the pattern, less 1 at the key.
    ///
    /// - Parameters:
    ///   - pattern: of one span and head. [queries, keys]
    ///   - dScores: likewise.
    func backward(span: Int, head: Int, pattern: Matrix, addingTo dScores: Matrix) {
        let columns = pattern.columns
        for target in targets[span] where target.head == head {
            let (pattern, dScores) = (pattern[target.query], dScores[target.query])
            for key in 0..<columns { dScores[key] += weight * pattern[key] }
            dScores[target.key] -= weight
        }
    }
}
