import Foundation

/// A model's logits for the token after a text, with ranks and probabilities.
struct NextTokens {
    /// [vocabulary]
    let logits: [Float]
    /// log Σ exp(logit), and the largest logit that it is relative to.
    private let prediction: (largest: Double, total: Double)

    /// - Throws: `IOIError` if a logit is not a finite number.
    init(after tokens: [Int], _ model: GPT2Parameters, workers: Workers) throws {
        let batch = PackedBatch([tokens], rows: .last)
        let forward = ForwardPass(model, capacity: batch.capacity, workers: workers)
        forward.run(batch)
        try self.init(forward.logits(of: 0..<1).row(0))
    }

    /// - Throws: `IOIError` if a logit is not a finite number.
    init(_ logits: UnsafeBufferPointer<Float>) throws {
        guard logits.allSatisfy(\.isFinite) else { throw IOIError("the model's logits are not finite numbers") }
        self.logits = Array(logits)
        let largest = Double(logits.max() ?? 0)
        prediction = (largest, logits.reduce(0) { $0 + exp(Double($1) - largest) })
    }

    /// The tokens of the largest logits, largest first; of equal ones the token with the smaller id.
    func top(_ count: Int) -> [Int] {
        logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }.prefix(count).map { $0 }
    }

    /// The figures of a token; nil for one that the vocabulary does not have.
    func figure(of token: Int) -> PredictResults.Figure? {
        guard logits.indices.contains(token) else { return nil }
        let own = logits[token]
        let before = logits.indices.count { (-logits[$0], $0) < (-own, token) }
        return PredictResults.Figure(
            rank: before + 1, logit: Double(own),
            probability: exp(Double(own) - prediction.largest) / prediction.total)
    }
}
