/// Where a patched run leaves the cached run: everything before it has its cached values, everything from there on is
/// computed.
package struct DivergencePoint: Comparable {
    let layer: Int
    let stage: Stage

    /// Beyond all points.
    static let never = DivergencePoint(.max, .residPost)

    package init(_ layer: Int, _ stage: Stage) {
        self.layer = layer
        self.stage = stage
    }

    package static func < (a: Self, b: Self) -> Bool { (a.layer, a.stage) < (b.layer, b.stage) }
}

/// A run of the prompts of a cached run with some edits; see ``PatchedPass``.
package struct PatchedRun {
    package let edits: [Edit]
    /// The tokens that are computed, ascending; all others keep their cached values.
    package let tokens: [Int]
    /// Where each of `tokens` diverges.
    let divergencePoints: [DivergencePoint]

    /// Where the first token diverges; beyond all points where none does.
    package var divergencePoint: DivergencePoint { divergencePoints.min() ?? .never }

    /// Computes all that can change in a causal model: each prompt from its first edited token on, each token from its
    /// first edit on or from where it first sees an edited token. Prompts without an edit are not computed.
    package init(_ edits: [Edit], of batch: PackedBatch) {
        /// Where each token's own edits change it, and where tokens behind it see them.
        var (own, shown) = (
            [DivergencePoint](repeating: .never, count: batch.rowOfToken.count),
            [DivergencePoint](repeating: .never, count: batch.rowOfToken.count)
        )
        for edit in edits {
            for token in edit.tokens {
                // A first token attends to itself alone, whatever its query.
                let isFirst = batch.prompts[batch.promptOfToken[token]].lowerBound == token
                if isFirst, edit.isOfQuery { continue }
                own[token] = min(own[token], DivergencePoint(edit.layer, edit.site.stage))
                shown[token] = min(shown[token], edit.whenSeen)
            }
        }
        var rows: [(token: Int, divergencePoint: DivergencePoint)] = []
        for tokens in batch.prompts {
            var seen = DivergencePoint.never
            for token in tokens {
                let point = min(own[token], seen)
                if point != .never { rows.append((token, point)) }
                seen = min(seen, shown[token])
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
    /// The same run of some of its prompts, given as their tokens.
    package func restricted(to range: Range<Int>) -> PatchedRun {
        let kept = tokens.indices(within: range)
        return PatchedRun(
            edits.compactMap { $0.restricted(to: range) },
            rows: kept.map { (tokens[$0], divergencePoints[$0]) }
        )
    }
}
