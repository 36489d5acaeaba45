/// Prompts laid end to end, without padding: every dense layer is one product over all their tokens.
public struct PackedBatch: Sendable {
    /// Which rows are computed from the last block's attention on.
    public enum Rows: Sendable {
        /// Every token's.
        case all
        /// The last token's of each prompt, where the answer is read.
        case last
    }

    /// The token of each row.
    public let tokens: [Int]
    /// The position in its prompt of each row.
    public let positions: [Int]
    /// The rows of each prompt.
    public let prompts: [Range<Int>]
    /// The rows computed from the last block's attention on, ascending.
    public let queries: [Int]
    /// Which of `queries` belong to each prompt.
    let queriesOfPrompt: [Range<Int>]
    /// Whether every row is computed to the end.
    let isComplete: Bool

    /// - Parameter prompts: the token ids of each prompt; none may be empty.
    public init(_ prompts: [[Int]], rows: Rows) {
        var ranges: [Range<Int>] = []
        var start = 0
        for prompt in prompts {
            precondition(!prompt.isEmpty, "a prompt without tokens")
            ranges.append(start..<start + prompt.count)
            start += prompt.count
        }
        self.prompts = ranges
        tokens = prompts.flatMap { $0 }
        positions = prompts.flatMap { $0.indices }
        switch rows {
        case .all:
            queries = Array(tokens.indices)
            queriesOfPrompt = ranges
        case .last:
            queries = ranges.map { $0.upperBound - 1 }
            queriesOfPrompt = ranges.indices.map { $0..<$0 + 1 }
        }
        isComplete = queries.count == tokens.count
    }

    /// The attention of the blocks before the last.
    func spans(heads: Int) -> [AttentionSpan] { spans(queries: prompts, heads: heads) }

    /// The attention of the last block.
    func lastSpans(heads: Int) -> [AttentionSpan] { spans(queries: queriesOfPrompt, heads: heads) }

    private func spans(queries: [Range<Int>], heads: Int) -> [AttentionSpan] {
        var pattern = 0
        return zip(prompts, queries).map { keys, queries in
            defer { pattern += heads * queries.count * keys.count }
            return AttentionSpan(queries: queries, keys: keys, pattern: pattern)
        }
    }
}

/// The largest batch that a set of buffers has room for.
public struct BatchCapacity: Sendable {
    /// Rows before the last block's attention.
    public var rows: Int
    /// Rows from there on.
    public var queries: Int
    /// Σ (tokens of a prompt)².
    public var pairs: Int

    /// Room for any `count` of these prompts.
    public init(lengths: [Int], count: Int, rows: PackedBatch.Rows) {
        let longest = lengths.sorted(by: >).prefix(count)
        self.rows = longest.reduce(0, +)
        pairs = longest.reduce(0) { $0 + $1 * $1 }
        switch rows {
        case .all: queries = self.rows
        case .last: queries = longest.count
        }
    }
}
