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
        guard let place = forward.place(ofRow: row, in: site, layer: layer) else {
            throw IOIError(
                "site \(site.rawValue) of the last layer was computed only at the last token of each prompt"
            )
        }
        if site == .pattern {
            let count = batch.prompts[prompt].count
            let pattern = forward.patterns(layer: layer)(row, head!)
            // The row may belong to a prompt of another length; nothing is seen behind the position in either.
            return (0..<count).map { $0 <= position ? pattern[$0] : 0 }
        }
        let values = forward.kept(site, layer: layer).row(place)
        guard let head else { return Array(values) }
        let width = values.count / config.heads
        return Array(values[head * width..<(head + 1) * width])
    }
}

extension ForwardPass {
    /// The kept sites of the last run.
    public var cache: ActivationCache { ActivationCache(forward: self) }

    /// A kept site, but for patterns, of all rows of the last run that have it: [rows or queries, d], where each head
    /// has its own [rows or queries, heads · width].
    package func kept(_ site: Site, layer: Int) -> Matrix {
        precondition(activations.keeping.keeps(site), "site \(site.rawValue) was not kept")
        let rows = batch.tokens.count
        let queries = layer == parameters.config.layers - 1 ? batch.queries.count : rows
        let block = activations.blocks[layer].views(rows: rows, queries: queries)
        switch site {
        case .residPre: return activations.residual[layer].prefix(rows)
        case .q: return block.q
        case .k: return block.k
        case .v: return block.v
        case .z: return block.z
        case .result: return block.result
        case .attnOut: return block.attnOut
        case .residMid: return block.residMid
        case .mlpOut: return block.mlpOut
        case .residPost: return activations.residual[layer + 1].prefix(queries)
        case .pattern: preconditionFailure("patterns are not rows of one matrix")
        }
    }

    /// Where row `row` of the batch stands among those that have `site`; nil where it was not computed, because the
    /// last layer goes on with the last row of each prompt alone.
    package func place(ofRow row: Int, in site: Site, layer: Int) -> Int? {
        switch site {
        case .residPre, .k, .v: row
        case .q, .pattern, .z, .result, .attnOut, .residMid, .mlpOut, .residPost:
            layer == parameters.config.layers - 1 ? batch.queryOfRow[row] : row
        }
    }

    /// The kept patterns of a layer: where those of a row that was computed and a head begin. They are as long as the
    /// prompt that the row belongs to.
    package func patterns(layer: Int) -> (_ row: Int, _ head: Int) -> UnsafeMutablePointer<Float> {
        precondition(activations.keeping.keeps(.pattern), "patterns were not kept")
        let heads = parameters.config.heads
        let isLast = layer == parameters.config.layers - 1
        let spans = isLast ? batch.lastSpans(heads: heads) : batch.spans(heads: heads)
        let base = activations.blocks[layer].pattern.base
        return { [batch] row, head in
            let span = spans[batch.ownerOfRow[row]]
            let query = (isLast ? batch.queryOfRow[row]! : row) - span.queries.lowerBound
            return span.matrix(base, head: head)[query]
        }
    }
}
