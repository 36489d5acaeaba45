/// Values that take the place of a site's own in a run of a batch.
package struct Edit {
    /// Where the values come from.
    package enum Values {
        case zero
        /// The same site, layer, head and tokens of another run, of this model or another of its shape, whose prompts
        /// are as long. `result` may be taken of a run that kept z.
        case run(ForwardPass)
        /// For the i-th token row `rows[i]` of a table, from `column` on.
        case table(ValueTable, rows: [Int], column: Int)
    }

    package let site: Site
    let layer: Int
    /// From 0 for sites that each head has; nil for the others, and for all heads at once.
    let head: Int?
    /// Tokens of the batch (indices of its `rowOfToken`), ascending.
    let tokens: [Int]
    let values: Values

    package init(site: Site, layer: Int, head: Int?, tokens: [Int], values: Values) {
        self.site = site
        self.layer = layer
        self.head = head
        self.tokens = tokens
        self.values = values
    }

    /// Writes the values for a token into `target`.
    ///
    /// - Parameters:
    ///   - index: which of `tokens`.
    ///   - donated: the site as the donor kept it, where there is one.
    ///   - offset: where in a row of the donor's the values begin.
    ///   - count: how many they are.
    package func write(
        _ index: Int,
        of donated: Matrix?,
        into target: UnsafeMutablePointer<Float>,
        offset: Int,
        count: Int
    ) {
        switch values {
        case .zero: target.update(repeating: 0, count: count)
        case .run(let run):
            let row = run.place(ofRow: run.batch.rowOfToken[tokens[index]], in: site, layer: layer)!
            target.update(from: donated![row] + offset, count: count)
        case .table(let table, let rows, let column):
            target.update(from: table.values[rows[index]] + column, count: count)
        }
    }

    /// The run that the values come from.
    package var donor: ForwardPass? {
        guard case .run(let run) = values else { return nil }
        return run
    }
}

/// Rows of values that belong to no run.
package final class ValueTable: Sendable {
    package let values: Matrix
    private let arena: Arena

    package init(rows: Int, columns: Int) {
        (arena, values) = Arena.holding { $0.take(rows, columns) }
    }
}

/// The places in a block, in the order in which they are computed, where a patched run can leave the cached one.
package enum Stage: Int, CaseIterable {
    case residPre, qkv, z, attnOut, residMid, mlpOut, residPost
}

/// Where a patched run leaves the cached one: from there on its rows are computed.
package struct Entry: Comparable {
    let layer: Int
    let stage: Stage

    package init(_ layer: Int, _ stage: Stage) {
        self.layer = layer
        self.stage = stage
    }

    /// From where on later tokens see what changes here: where the next keys and values are read.
    var whenSeen: Entry { Entry(stage.rawValue <= Stage.qkv.rawValue ? layer : layer + 1, .qkv) }

    package static func < (a: Entry, b: Entry) -> Bool { (a.layer, a.stage.rawValue) < (b.layer, b.stage.rawValue) }
}

extension Site {
    /// Where in a block an edit of this site takes place.
    package var stage: Stage {
        switch self {
        case .residPre: .residPre
        case .q, .k, .v, .pattern: .qkv
        case .z, .result: .z
        case .attnOut: .attnOut
        case .residMid: .residMid
        case .mlpOut: .mlpOut
        case .residPost: .residPost
        }
    }
}
