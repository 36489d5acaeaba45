/// Each token that each of some stacked runs computes, run after run.
struct PatchedTokens {
    private(set) var tokens: [Int] = []
    /// The run of each.
    private(set) var runs: [Int] = []
    private(set) var divergencePoints: [DivergencePoint] = []
    /// The prompt of each.
    private(set) var prompts: [Int] = []
    /// Whether each is the last token of its prompt.
    private(set) var isLast: [Bool] = []
    /// The index of each token of `range` in each run, or -1. [runs · range]
    private var places: [Int32]
    /// From the first to the last token of all runs.
    private let range: Range<Int>

    /// - Parameter layers: of the model; a token that could change only after them is left out.
    init(_ runs: [PatchedRun], batch: PackedBatch, layers: Int) {
        let first = runs.compactMap(\.tokens.first).min() ?? 0
        range = first..<max(first, (runs.compactMap(\.tokens.last).max() ?? first - 1) + 1)
        places = Array(repeating: -1, count: runs.count * range.count)
        for (index, run) in runs.enumerated() {
            for (token, point) in zip(run.tokens, run.divergencePoints) where point.layer < layers {
                places[index * range.count + token - first] = Int32(tokens.count)
                tokens.append(token)
                self.runs.append(index)
                divergencePoints.append(point)
                prompts.append(batch.promptOfToken[token])
                isLast.append(batch.prompts[batch.promptOfToken[token]].upperBound - 1 == token)
            }
        }
    }

    var indices: Range<Int> { tokens.indices }

    func index(run: Int, token: Int) -> Int? {
        guard range.contains(token) else { return nil }
        let place = places[run * range.count + token - range.lowerBound]
        return place < 0 ? nil : Int(place)
    }
}

/// The rows of stacked runs at one point of the model, ordered by divergence point: at any stage the rows that have
/// diverged come first. Tokens that have seen the same share a row.
struct PatchedRows {
    /// The token and the run that each row was made for.
    private(set) var tokens, runs: [Int]
    /// The row that each was forked from; nil for a row that diverges only now.
    private(set) var sources: [Int?]
    private var divergencePoints: [DivergencePoint]
    private let all: PatchedTokens
    /// The row of each of `all`, or -1.
    private var places: [Int32]

    /// - Parameters:
    ///   - all: the tokens of all runs.
    ///   - firsts: those that each row was made for.
    ///   - places: the row of each, or -1.
    ///   - previous: the rows so far.
    init(of all: PatchedTokens, firsts: [Int], places: [Int32], from previous: PatchedRows?) {
        tokens = firsts.map { all.tokens[$0] }
        runs = firsts.map { all.runs[$0] }
        sources = firsts.map { first in
            (previous?.places[first]).flatMap { $0 < 0 ? nil : Int($0) }
        }
        divergencePoints = firsts.map { all.divergencePoints[$0] }
        self.all = all
        self.places = places
        guard !zip(divergencePoints, divergencePoints.dropFirst()).allSatisfy({ $0 <= $1 }) else { return }
        keep(divergencePoints.indices.sorted { (divergencePoints[$0], $0) < (divergencePoints[$1], $1) })
    }

    var count: Int { tokens.count }

    /// The rows of last tokens, ascending. A longer prompt may share such a row with a token in its middle.
    var ends: [Int] {
        var isEnd = [Bool](repeating: false, count: count)
        for index in all.indices where all.isLast[index] && places[index] >= 0 { isEnd[Int(places[index])] = true }
        return isEnd.indices.filter { isEnd[$0] }
    }

    /// The same rows, each its own source.
    var unforked: PatchedRows {
        var rows = self
        rows.sources = Array(tokens.indices)
        return rows
    }

    /// The row of a token in a run; nil where the token keeps its cached values.
    func row(run: Int, token: Int) -> Int? {
        guard let index = all.index(run: run, token: token), places[index] >= 0 else { return nil }
        return Int(places[index])
    }

    /// How many rows have diverged before `point`.
    func count(before point: DivergencePoint) -> Int { divergencePoints.leading { $0 < point } }

    /// How many rows have diverged at `point` or before.
    func count(through point: DivergencePoint) -> Int { divergencePoints.leading { $0 <= point } }

    /// Drops all rows but `kept`, and takes their order.
    mutating func keep(_ kept: [Int]) {
        var moved = [Int32](repeating: -1, count: count)
        for (place, row) in kept.enumerated() { moved[row] = Int32(place) }
        places = places.map { $0 < 0 ? -1 : moved[Int($0)] }
        tokens = kept.map { tokens[$0] }
        runs = kept.map { runs[$0] }
        sources = kept.map { sources[$0] }
        divergencePoints = kept.map { divergencePoints[$0] }
    }
}
