/// What a forward pass kept of its last run, to be read site by site.
public struct ActivationCache {
    let forward: ForwardPass

    /// The values of a site at one token.
    ///
    /// - Parameters:
    ///   - site: one that the forward pass was told to keep.
    ///   - layer: from 0.
    ///   - head: from 0, for sites that each head has; nil for the others.
    ///   - prompt: which prompt of the batch, from 0.
    ///   - position: which of its tokens, from 0.
    /// - Returns: [d], [head width], or for a pattern [tokens of the prompt].
    /// - Throws: `IOIError` for a site that was not kept, a place that the model or the batch does not have, or a row
    ///   that was not computed because only the last one of a prompt was asked for.
    public func values(
        _ site: Site,
        layer: Int,
        head: Int? = nil,
        prompt: Int,
        position: Int
    ) throws -> [Float] {
        let (batch, config) = (forward.batch, forward.parameters.config)
        let activations = forward.activations
        guard activations.keeping.keeps(site) else {
            throw IOIError("site \(site.rawValue) was not kept by the forward pass")
        }
        guard (0..<config.layers).contains(layer), batch.prompts.indices.contains(prompt),
            batch.prompts[prompt].indices.contains(position + batch.prompts[prompt].lowerBound),
            site.isPerHead == (head != nil), (0..<config.heads).contains(head ?? 0)
        else {
            throw IOIError(
                "site \(site.rawValue) has no layer \(layer), head \(head.map(String.init) ?? "none"), "
                    + "prompt \(prompt), position \(position)"
            )
        }
        let row = batch.rowOfToken[batch.prompts[prompt].lowerBound + position]
        let isLast = layer == config.layers - 1
        let block = activations.blocks[layer].views(
            rows: batch.tokens.count, queries: isLast ? batch.queries.count : batch.tokens.count
        )
        /// One head's share of heads that lie side by side.
        func share(_ values: UnsafeBufferPointer<Float>, _ width: Int) -> [Float] {
            Array(values[head! * width..<(head! + 1) * width])
        }
        // Keys, values and the stream before a block are there for every row.
        switch site {
        case .residPre: return Array(activations.residual[layer].row(row))
        case .k: return share(block.k.row(row), config.headWidth)
        case .v: return share(block.v.row(row), config.headWidth)
        case .q: return share(block.q.row(try query(row, isLast, site)), config.headWidth)
        case .z: return share(block.z.row(try query(row, isLast, site)), config.headWidth)
        case .result: return share(block.result.row(try query(row, isLast, site)), config.width)
        case .attnOut: return Array(block.attnOut.row(try query(row, isLast, site)))
        case .residMid: return Array(block.residMid.row(try query(row, isLast, site)))
        case .mlpOut: return Array(block.mlpOut.row(try query(row, isLast, site)))
        case .residPost: return Array(activations.residual[layer + 1].row(try query(row, isLast, site)))
        case .pattern:
            let spans = isLast ? batch.lastSpans(heads: config.heads) : batch.spans(heads: config.heads)
            let span = spans[batch.owner(ofRow: row)]
            let query = try query(row, isLast, site) - span.queries.lowerBound
            // The row may belong to a prompt of another length; nothing is seen behind the position in either.
            let seen = span.matrix(block.pattern.base, head: head!).row(query).prefix(position + 1)
            return seen + Array(repeating: 0, count: batch.prompts[prompt].count - seen.count)
        }
    }

    /// The query that row `row` is; before the last block every row asks.
    private func query(_ row: Int, _ isLast: Bool, _ site: Site) throws -> Int {
        guard isLast else { return row }
        guard let query = forward.batch.queries.firstIndex(of: row) else {
            throw IOIError(
                "site \(site.rawValue) of the last layer was computed only at the last token of each prompt"
            )
        }
        return query
    }
}

extension ForwardPass {
    /// The kept sites of the last run.
    public var cache: ActivationCache { ActivationCache(forward: self) }
}
