import Foundation

/// The next token's distribution: the softmax of a row of logits.
struct Prediction {
    private let logits: UnsafeBufferPointer<Float>
    private let largest: Float
    /// Σ exp(logit − largest).
    private let total: Double

    /// - Parameter logits: [vocabulary].
    init(_ logits: UnsafeBufferPointer<Float>) {
        self.logits = logits
        // The kernel does not change its input unless it stores.
        let start = UnsafeMutablePointer(mutating: logits.baseAddress!)
        largest = Softmax.maximum(start, count: logits.count)
        total = Double(Softmax.sumOfExponentials(start, count: logits.count, minus: largest, storing: false))
    }

    private func weight(_ token: Int) -> Double { Foundation.exp(Double(logits[token] - largest)) }

    /// Σ P(token).
    func probability(_ tokens: [Int]) -> Double { tokens.reduce(0) { $0 + weight($1) } / total }

    /// log Σ P(token), exact where the probability itself would be 0.
    func logProbability(_ tokens: [Int]) -> Double {
        let most = tokens.map { logits[$0] }.max()!
        let sum = tokens.reduce(0) { $0 + Foundation.exp(Double(logits[$1] - most)) }
        return Foundation.log(sum) + Double(most - largest) - Foundation.log(total)
    }

    /// Subtracts P of each token. [vocabulary]
    func subtractProbabilities(from values: UnsafeMutableBufferPointer<Float>) {
        for token in values.indices { values[token] -= Float(weight(token) / total) }
    }
}
