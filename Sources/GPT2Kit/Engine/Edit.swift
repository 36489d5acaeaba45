/// New values for a site of a run of a batch.
package struct Edit {
    /// Where the values come from.
    package enum Values {
        case zero
        /// The same site, layer, head and tokens of another run, of this model or another of its shape, whose prompts
        /// are as long. `result` may come from a run that kept z.
        case run(ForwardPass)
        /// For the i-th token row `rows[i]` of a table, from `column` on.
        case table(ValueTable, rows: [Int], column: Int)
    }

    package let site: Site
    package let layer: Int
    /// From 0 for sites that each head has; nil for the others, and for all heads at once.
    package let head: Int?
    /// Tokens of the batch (indices into its `rowOfToken`), ascending.
    package let tokens: [Int]
    let values: Values

    package init(site: Site, layer: Int, head: Int?, tokens: [Int], values: Values) {
        self.site = site
        self.layer = layer
        self.head = head
        self.tokens = tokens
        self.values = values
    }

    /// The run that the values come from.
    var donor: ForwardPass? {
        guard case .run(let run) = values else { return nil }
        return run
    }

    /// Whether the edit changes only to what tokens attend.
    var isOfQuery: Bool { site == .q || site == .pattern }

    /// Where tokens diverge that see an edited one: where its keys and values are next read.
    var whenSeen: DivergencePoint {
        DivergencePoint(site.stage <= .qkv && !isOfQuery ? layer : layer + 1, .qkv)
    }

    /// The same edit at the tokens in `range` alone; nil if there are none.
    func restricted(to range: Range<Int>) -> Edit? {
        let kept = tokens.indices(within: range)
        guard !kept.isEmpty else { return nil }
        var values = values
        if case .table(let table, let rows, let column) = values {
            values = .table(table, rows: Array(rows[kept]), column: column)
        }
        return Edit(site: site, layer: layer, head: head, tokens: Array(tokens[kept]), values: values)
    }

    /// Writes the values for token i into row i of `target` [tokens, d].
    package func write(into target: Matrix, workers: Workers) {
        let donated = donor?.kept(site, layer: layer)
        workers.share(tokens.count) { indices in
            for index in indices {
                write(index, of: donated, into: target[index], offset: 0, count: target.columns)
            }
        }
    }

    /// Writes the values for one token.
    ///
    /// - Parameters:
    ///   - index: of the token in `tokens`.
    ///   - donated: the site as the donor kept it, where there is a donor.
    ///   - offset: where in the donor's row the values begin.
    ///   - count: of the values.
    func write(
        _ index: Int,
        of donated: Matrix?,
        into target: UnsafeMutablePointer<Float>,
        offset: Int,
        count: Int
    ) {
        switch values {
        case .zero: target.update(repeating: 0, count: count)
        case .run(let run): target.update(from: donated![place(of: index, in: run)] + offset, count: count)
        case .table(let table, let rows, let column):
            target.update(from: table.values[rows[index]] + column, count: count)
        }
    }

    /// The place of the i-th token among the rows that the donor `run` kept of the site.
    func place(of index: Int, in run: ForwardPass) -> Int {
        run.place(ofRow: run.batch.rowOfToken[tokens[index]], in: site, layer: layer)!
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
