/// Attention along three diagonals on repeated random tokens, t₁ … tₙ t₁ … tₙ.
///
/// Random tokens carry no meaning, so attention here depends on position and repetition only (Olsson et al. 2209.11895;
/// Wang et al. 2211.00593 apply the test to the heads of the IOI circuit). Scores are mean attention probabilities over
/// all sequences, [layer][head].
public struct RepeatedTokens: Codable, Equatable, Sendable {
    /// n, the length of the repeated half.
    public let length: Int
    public let sequences: Int
    /// Attention to the preceding token, over all rows but the first.
    public let previous: [[Double]]
    /// Attention from the second half to the same token in the first half, n positions back.
    public let duplicate: [[Double]]
    /// Attention from the second half to the token after the same token in the first half, n − 1 positions back.
    public let induction: [[Double]]

    /// Sequences in a batch: with 2 · 100 tokens each, enough rows for matrix products to run at full speed.
    private static let batch = 4

    /// - Parameters:
    ///   - sequences: at least 1.
    ///   - length: n, at least 2; capped at half of the model's context.
    ///   - seed: with n and the sequence's index, it determines each sequence.
    ///   - count: how many of the first tokens to draw from; nil for the whole vocabulary.
    ///   - pool: the token ids to draw from uniformly with replacement; nil for the first `count`.
    ///   - parameters: the parameters of the model.
    ///   - workers: the threads that compute.
    /// - Throws: `IOIError` if the model's context is shorter than 4 tokens or attention is not finite.
    public init(
        _ parameters: GPT2Parameters,
        sequences: Int = 10,
        length: Int = 100,
        seed: UInt64,
        drawnFromFirst count: Int? = nil,
        drawnFrom pool: [Int]? = nil,
        workers: Workers
    ) throws {
        precondition(sequences > 0 && length > 1, "\(sequences) sequences of \(length) tokens")
        let config = parameters.config
        let length = min(length, config.contextLength / 2)
        guard length > 1 else {
            throw IOIError(
                "n_positions: found \(config.contextLength), expected at least 4, for two tokens and their repetition"
            )
        }
        let drawn = (0..<sequences).map { index in
            Self.tokens(
                length: length, seed: seed, index: index, pool: pool, vocabularySize: count ?? config.vocabularySize
            )
        }
        let zeros = Array(repeating: Array(repeating: 0.0, count: config.heads), count: config.layers)
        var (previous, duplicate, induction) = (zeros, zeros, zeros)
        let forward = ForwardPass(
            parameters,
            capacity: BatchCapacity(lengths: drawn.map(\.count), count: Self.batch, rows: .all),
            keeping: [.pattern], workers: workers
        )
        for start in stride(from: 0, to: sequences, by: Self.batch) {
            let batch = PackedBatch(Array(drawn[start..<min(start + Self.batch, sequences)]), rows: .all)
            forward.run(batch)
            for layer in 0..<config.layers {
                let patterns = forward.patterns(layer: layer)
                for tokens in batch.prompts {
                    for (position, row) in batch.rowOfToken[tokens].enumerated().dropFirst() {
                        for head in 0..<config.heads {
                            let pattern = patterns(row, head)
                            previous[layer][head] += Double(pattern[position - 1])
                            guard position >= length else { continue }
                            duplicate[layer][head] += Double(pattern[position - length])
                            induction[layer][head] += Double(pattern[position - length + 1])
                        }
                    }
                }
            }
        }
        func means(_ sums: [[Double]], rows: Int) -> [[Double]] {
            sums.map { $0.map { $0 / Double(rows * sequences) } }
        }
        self.length = length
        self.sequences = sequences
        self.previous = means(previous, rows: 2 * length - 1)
        self.duplicate = means(duplicate, rows: length)
        self.induction = means(induction, rows: length)
        if let head = config.allHeads.first(where: { !self.previous[$0.layer][$0.index].isFinite }) {
            throw IOIError("head \(head): its attention is not a finite number")
        }
    }

    /// The value of ``previous`` under uniform attention.
    var uniform: Double { Self.uniform(1..<2 * length) }
    /// The value of ``duplicate`` and ``induction`` under uniform attention.
    var uniformInSecondHalf: Double { Self.uniform(length..<2 * length) }

    private static func uniform(_ rows: Range<Int>) -> Double { rows.map { 1 / Double($0 + 1) }.mean }

    /// A random sequence followed by its repetition.
    static func tokens(length: Int, seed: UInt64, index: Int, pool: [Int]?, vocabularySize: Int) -> [Int] {
        var generator = SeededGenerator(seed, "repeated tokens", index)
        let once = (0..<length).map { _ in
            let place = generator.below(pool?.count ?? vocabularySize)
            return pool?[place] ?? place
        }
        return once + once
    }
}
