/// How much each head attends along three diagonals where random tokens stand twice: t₁ … tₙ t₁ … tₙ.
///
/// Random tokens have no meaning to go by, so what a head does here it does by position and repetition alone (Olsson et
/// al. 2022, "In-context Learning and Induction Heads"; Wang et al. 2022 test the heads of their circuit so). All
/// scores are mean attention probabilities, `[layer][head]`, over all sequences.
public struct RepeatedTokens: Codable, Equatable, Sendable {
    /// n: how many tokens stand twice.
    public let length: Int
    public let sequences: Int
    /// To the token before, over all rows but the first.
    public let previous: [[Double]]
    /// Of the second half's rows, to the same token in the first half, n before.
    public let duplicate: [[Double]]
    /// Of the second half's rows, to the token that followed the same token in the first half, n − 1 before.
    public let induction: [[Double]]

    /// Sequences that are run together: of 100 tokens twice, enough rows for the products to run at full speed.
    private static let batch = 4

    /// - Parameters:
    ///   - sequences: how many are drawn, at least 1.
    ///   - length: n, at least 2; half of the model's context where that is less.
    ///   - seed: each sequence depends on it, n and the sequence's number only.
    ///   - pool: the token ids to draw from, each equally often, with replacement; nil for the whole vocabulary.
    /// - Throws: ``IOIError`` for a model whose context is too short for two tokens twice, and for one whose attention
    ///   is not a finite number.
    public init(
        _ parameters: GPT2Parameters,
        sequences: Int = 10,
        length: Int = 100,
        seed: UInt64,
        drawnFrom pool: [Int]? = nil,
        workers: Workers
    ) throws {
        precondition(sequences > 0 && length > 1, "\(sequences) sequences of \(length) tokens")
        let config = parameters.config
        let length = min(length, config.contextLength / 2)
        guard length > 1 else {
            throw IOIError(
                "n_positions: found \(config.contextLength), expected at least 4: two tokens, each of them twice"
            )
        }
        let drawn = (0..<sequences).map { index in
            Self.tokens(
                length: length, seed: seed, index: index, pool: pool, vocabularySize: config.vocabularySize
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

    /// What ``previous`` is of a head that attends to all that it sees alike.
    var uniform: Double { Self.uniform(1..<2 * length) }
    /// What ``duplicate`` and ``induction`` are of such a head.
    var uniformInSecondHalf: Double { Self.uniform(length..<2 * length) }

    private static func uniform(_ rows: Range<Int>) -> Double { rows.map { 1 / Double($0 + 1) }.mean }

    /// One sequence: random tokens, twice.
    static func tokens(length: Int, seed: UInt64, index: Int, pool: [Int]?, vocabularySize: Int) -> [Int] {
        var generator = SeededGenerator(seed, "repeated tokens", index)
        let once = (0..<length).map { _ in
            let place = generator.below(pool?.count ?? vocabularySize)
            return pool?[place] ?? place
        }
        return once + once
    }
}
