/// Where a patched run leaves the cached run: everything before it has its cached values, everything from there on is
/// computed.
package struct DivergencePoint: Comparable {
    let layer: Int
    let stage: Stage

    package init(_ layer: Int, _ stage: Stage) {
        self.layer = layer
        self.stage = stage
    }

    /// Where later tokens diverge that see this one: where keys and values are next read.
    var whenSeen: DivergencePoint {
        DivergencePoint(stage.rawValue <= Stage.qkv.rawValue ? layer : layer + 1, .qkv)
    }

    package static func < (a: Self, b: Self) -> Bool { (a.layer, a.stage.rawValue) < (b.layer, b.stage.rawValue) }
}

/// A run of the prompts of a cached run with some edits; see ``PatchedPass``.
package struct PatchedRun {
    package let edits: [Edit]
    /// The tokens that are computed, ascending; all others keep their cached values.
    package let tokens: [Int]
    /// Where each of `tokens` diverges.
    let divergencePoints: [DivergencePoint]

    /// Where the first token diverges; beyond all points where none does.
    package var divergencePoint: DivergencePoint { divergencePoints.min() ?? DivergencePoint(.max, .residPost) }

    /// Computes all that can change in a causal model: each prompt from its first edited token on, each token from its
    /// first edit on or from where it first sees an edited token. Prompts without an edit are not computed.
    package init(_ edits: [Edit], of batch: PackedBatch) {
        var own = [DivergencePoint?](repeating: nil, count: batch.rowOfToken.count)
        for edit in edits {
            let point = DivergencePoint(edit.layer, edit.site.stage)
            for token in edit.tokens { own[token] = own[token].map { min($0, point) } ?? point }
        }
        var rows: [(token: Int, divergencePoint: DivergencePoint)] = []
        for tokens in batch.prompts {
            var seen: DivergencePoint?
            for token in tokens {
                guard let point = [own[token], seen].compactMap({ $0 }).min() else { continue }
                rows.append((token, point))
                seen = [seen, point.whenSeen].compactMap { $0 }.min()
            }
        }
        self.init(edits, rows: rows)
    }

    /// Computes `tokens` alone, from the first edit on: enough where attention, the one layer that mixes tokens, is
    /// frozen.
    package init(_ edits: [Edit], tokens: [Int]) {
        self.edits = edits
        self.tokens = edits.isEmpty ? [] : tokens
        let point = edits.map { DivergencePoint($0.layer, $0.site.stage) }.min()
        divergencePoints = self.tokens.map { _ in point! }
    }

    /// Computes the tokens of `rows` alone: enough where the edits and the cached run determine everything that they
    /// see of other tokens.
    package init(_ edits: [Edit], rows: [(token: Int, divergencePoint: DivergencePoint)]) {
        self.edits = edits
        tokens = rows.map(\.token)
        divergencePoints = rows.map(\.divergencePoint)
    }
}

/// The rows of patched runs that run together, ordered by divergence point: at any stage the rows that have diverged
/// come first.
struct PatchedRows {
    /// The token of each row.
    private(set) var tokens: [Int] = []
    /// The run of each row.
    private(set) var runs: [Int] = []
    private var divergencePoints: [DivergencePoint] = []
    /// The row of each token of the batch in each run, or -1. [runs][tokens]
    private var places: [[Int32]] = []

    /// - Parameters:
    ///   - layers: of the model; a token that could change only after them has no row.
    ///   - sharing: whether tokens that share a row of the batch share one here, which needs equal edits.
    init(_ runs: [PatchedRun], batch: PackedBatch, layers: Int, sharing: Bool) {
        for (index, run) in runs.enumerated() {
            var places = [Int32](repeating: -1, count: batch.rowOfToken.count)
            var known: [Int: Int32] = [:]
            for (token, point) in zip(run.tokens, run.divergencePoints) where point.layer < layers {
                if sharing, let row = known[batch.rowOfToken[token]] {
                    places[token] = row
                    continue
                }
                places[token] = Int32(tokens.count)
                if sharing { known[batch.rowOfToken[token]] = places[token] }
                tokens.append(token)
                self.runs.append(index)
                divergencePoints.append(point)
            }
            self.places.append(places)
        }
        guard !zip(divergencePoints, divergencePoints.dropFirst()).allSatisfy({ $0 <= $1 }) else { return }
        keep(divergencePoints.indices.sorted { (divergencePoints[$0], $0) < (divergencePoints[$1], $1) })
    }

    var count: Int { tokens.count }

    /// The row of a token in a run; nil where the token keeps its cached values.
    func row(run: Int, token: Int) -> Int? {
        let row = places[run][token]
        return row < 0 ? nil : Int(row)
    }

    /// How many rows have diverged before `point`.
    func count(before point: DivergencePoint) -> Int { partition { $0 < point } }

    /// How many rows have diverged at `point` or before.
    func count(through point: DivergencePoint) -> Int { partition { $0 <= point } }

    /// Drops all rows but `kept`, and takes their order.
    mutating func keep(_ kept: [Int]) {
        var moved = [Int32](repeating: -1, count: count)
        for (place, row) in kept.enumerated() { moved[row] = Int32(place) }
        places = places.map { $0.map { $0 < 0 ? -1 : moved[Int($0)] } }
        tokens = kept.map { tokens[$0] }
        runs = kept.map { runs[$0] }
        divergencePoints = kept.map { divergencePoints[$0] }
    }

    /// The number of leading divergence points for which `isFirst` is true.
    private func partition(_ isFirst: (DivergencePoint) -> Bool) -> Int {
        var range = divergencePoints.startIndex..<divergencePoints.endIndex
        while !range.isEmpty {
            let middle = (range.lowerBound + range.upperBound) / 2
            range = isFirst(divergencePoints[middle]) ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }
}
