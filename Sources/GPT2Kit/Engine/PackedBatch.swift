/// Prompts laid end to end, without padding: every dense layer is one product over all their rows.
///
/// In a causal model equal beginnings have equal values, so prompts that begin alike share the rows of their common
/// beginning. A row belongs to the first prompt that needs it; later ones only read its keys and values.
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
    /// The position in its prompts of each row.
    public let positions: [Int]
    /// Where the tokens of each prompt lie in `rowOfToken`.
    public let prompts: [Range<Int>]
    /// The row of each token of each prompt, one prompt after the other.
    public let rowOfToken: [Int]
    /// The prompt of each token.
    package let promptOfToken: [Int]
    /// The rows computed from the last block's attention on, ascending.
    public let queries: [Int]
    /// For each label that the batch takes, which of `queries` it is for: with `last` a label for each prompt, with
    /// `all` one for each token of each prompt.
    public let queryOfLabel: [Int]
    /// Which of `queries` each row is; nil for a row that goes no further than the last block's keys and values.
    package let queryOfRow: [Int?]
    /// The first prompt that needs each row.
    let ownerOfRow: [Int]
    /// The rows that each prompt is the first to need.
    private let ownRows: [Range<Int>]

    /// - Parameters:
    ///   - prompts: the token ids of each prompt; none may be empty.
    ///   - sharesBeginnings: whether rows are shared, or each prompt has its own.
    public init(_ prompts: [[Int]], rows: Rows, sharesBeginnings: Bool = true) {
        self.init(prompts, rows: rows, sharesRows: sharesBeginnings, contexts: nil)
    }

    /// A batch whose rows depend on nothing but their own token and a context, the same number for the same: prompts
    /// share the rows of equal tokens in equal contexts. [prompts][positions]
    package init(_ prompts: [[Int]], rows: Rows, contexts: [[Int]]) {
        self.init(prompts, rows: rows, sharesRows: true, contexts: contexts)
    }

    private init(_ prompts: [[Int]], rows: Rows, sharesRows: Bool, contexts: [[Int]]?) {
        /// A row's token after the row before it, -1 before the first; or in its context.
        struct Step: Hashable {
            let before: Int
            let token: Int
        }
        var known: [Step: Int] = [:]
        var (tokens, positions, rowOfToken) = ([Int](), [Int](), [Int]())
        var (ranges, ownRows) = ([Range<Int>](), [Range<Int>]())
        for (index, prompt) in prompts.enumerated() {
            precondition(!prompt.isEmpty, "a prompt without tokens")
            let (firstToken, firstRow) = (rowOfToken.count, tokens.count)
            var before = -1
            for (position, token) in prompt.enumerated() {
                let step = Step(before: contexts?[index][position] ?? before, token: token)
                if sharesRows, let row = known[step] {
                    before = row
                } else {
                    before = tokens.count
                    known[step] = before
                    tokens.append(token)
                    positions.append(position)
                }
                rowOfToken.append(before)
            }
            ranges.append(firstToken..<rowOfToken.count)
            ownRows.append(firstRow..<tokens.count)
        }
        switch rows {
        case .all:
            queries = Array(tokens.indices)
            queryOfRow = queries
            queryOfLabel = rowOfToken
        case .last:
            let ends = ranges.map { rowOfToken[$0.upperBound - 1] }
            let queries = Set(ends).sorted()
            var places = [Int?](repeating: nil, count: tokens.count)
            for (place, row) in queries.enumerated() { places[row] = place }
            self.queries = queries
            queryOfRow = places
            queryOfLabel = ends.map { places[$0]! }
        }
        self.tokens = tokens
        self.positions = positions
        self.rowOfToken = rowOfToken
        self.prompts = ranges
        self.ownRows = ownRows
        promptOfToken = ranges.enumerated().flatMap { Array(repeating: $0, count: $1.count) }
        ownerOfRow = ownRows.enumerated().flatMap { Array(repeating: $0, count: $1.count) }
    }

    /// Room for just this batch.
    public var capacity: BatchCapacity {
        BatchCapacity(lengths: prompts.map(\.count), count: prompts.count, rows: isComplete ? .all : .last)
    }

    /// The first token that each row is needed for.
    var tokenOfRow: [Int] { zip(ownerOfRow, positions).map { prompts[$0].lowerBound + $1 } }

    /// Where the pattern of a prompt's query lies, in a block in which every row asks: with the prompt that owns the
    /// row, whose beginning is the same, and as which of that prompt's queries.
    func query(ofPrompt prompt: Int, position: Int) -> (prompt: Int, query: Int) {
        let row = rowOfToken[prompts[prompt].lowerBound + position]
        let owner = ownerOfRow[row]
        return (owner, row - ownRows[owner].lowerBound)
    }

    /// Whether every row is computed to the end.
    var isComplete: Bool { queries.count == tokens.count }

    /// Whether some row is read by more than one prompt.
    package var isSharing: Bool { rowOfToken.count > tokens.count }

    /// The attention of the blocks before the last: each prompt's own rows ask all its tokens.
    package func spans(heads: Int) -> [AttentionSpan] { spans(queries: ownRows, heads: heads) }

    /// The attention of the last block.
    package func lastSpans(heads: Int) -> [AttentionSpan] {
        guard !isComplete else { return spans(heads: heads) }
        var next = 0
        let own = ownRows.map { rows in
            let first = next
            while next < queries.count, queries[next] < rows.upperBound { next += 1 }
            return first..<next
        }
        return spans(queries: own, heads: heads)
    }

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
    /// Rows before the last block's attention, and tokens.
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
