/// Prompts laid end to end without padding, so that every dense layer is one product over all their rows.
///
/// In a causal model equal prefixes have equal values, so prompts share the rows of their common prefix. A row belongs
/// to the first prompt that needs it; the others only read its keys and values.
public struct PackedBatch: Sendable {
    /// Which rows continue after the last block's keys and values.
    public enum Rows: Sendable {
        /// Those of all tokens.
        case all
        /// That of each prompt's last token, where the answer is read.
        case last
    }

    /// The token of each row.
    public let tokens: [Int]
    /// The position of each row in its prompts.
    public let positions: [Int]
    /// The tokens of each prompt, as indices into `rowOfToken`.
    public let prompts: [Range<Int>]
    /// The row of each token, prompt after prompt.
    public let rowOfToken: [Int]
    /// The prompt of each token.
    package let promptOfToken: [Int]
    /// The rows that continue after the last block's keys and values, ascending.
    public let queries: [Int]
    /// The index in `queries` of each label that the batch takes: with `last` one label for each prompt, with `all` one
    /// for each token of each prompt.
    public let queryOfLabel: [Int]
    /// The index in `queries` of each row; nil for a row that ends at the last block's keys and values.
    package let queryOfRow: [Int?]
    /// The prompt that each row belongs to.
    let ownerOfRow: [Int]
    /// The rows that belong to each prompt.
    private let ownRows: [Range<Int>]

    /// - Parameters:
    ///   - prompts: the token ids of each prompt; none may be empty.
    ///   - sharesBeginnings: whether prompts share the rows of a common prefix.
    ///   - rows: the rows that ask for a prediction.
    public init(_ prompts: [[Int]], rows: Rows, sharesBeginnings: Bool = true) {
        self.init(prompts, rows: rows, sharesRows: sharesBeginnings, contexts: nil)
    }

    /// A batch for a model whose rows depend only on their own token and a context, given as a number: prompts share the
    /// rows of equal tokens in equal contexts. [prompts][positions]
    package init(_ prompts: [[Int]], rows: Rows, contexts: [[Int]]) {
        self.init(prompts, rows: rows, sharesRows: true, contexts: contexts)
    }

    private init(_ prompts: [[Int]], rows: Rows, sharesRows: Bool, contexts: [[Int]]?) {
        /// A row's token, and the row before it (-1 before the first) or its context.
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

    /// Capacity for exactly this batch.
    public var capacity: BatchCapacity {
        BatchCapacity(lengths: prompts.map(\.count), count: prompts.count, rows: isComplete ? .all : .last)
    }

    /// The first token that needs each row.
    var tokenOfRow: [Int] { zip(ownerOfRow, positions).map { prompts[$0].lowerBound + $1 } }

    /// Where the pattern of a prompt's query lies in a block in which all rows continue: the prompt that owns the row, and
    /// the index among that prompt's queries.
    func query(ofPrompt prompt: Int, position: Int) -> (prompt: Int, query: Int) {
        let row = rowOfToken[prompts[prompt].lowerBound + position]
        let owner = ownerOfRow[row]
        return (owner, row - ownRows[owner].lowerBound)
    }

    /// Whether all rows continue to the end.
    var isComplete: Bool { queries.count == tokens.count }

    /// Whether prompts share a row.
    package var isSharing: Bool { rowOfToken.count > tokens.count }

    /// The spans of the blocks before the last: each prompt's own rows attend to all its tokens.
    package func spans(heads: Int) -> [AttentionSpan] { spans(queries: ownRows, heads: heads) }

    /// The spans of the last block.
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

/// The largest batch that fits a set of buffers.
public struct BatchCapacity: Sendable {
    /// Rows, and tokens.
    public var rows: Int
    /// Rows that continue after the last block's keys and values.
    public var queries: Int
    /// Σ (tokens of a prompt)².
    public var pairs: Int

    /// Capacity for any `count` prompts of these lengths.
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
