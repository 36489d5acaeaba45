/// What a forward pass kept of its last run, to be read site by site.
public struct ActivationCache {
    let forward: ForwardPass

    /// The values of a site at one token.
    ///
    /// - Parameters:
    ///   - site: one that the forward pass keeps.
    ///   - layer: from 0.
    ///   - head: from 0 for sites that each head has, nil for the others.
    ///   - prompt: the prompt's index in the batch.
    ///   - position: of the token in its prompt.
    /// - Returns: [d], [head width], or for a pattern [tokens of the prompt].
    /// - Throws: `IOIError` where the site is not kept, the model or the batch has no such place, or the row was not
    ///   computed because only the last token of each prompt was asked for.
    public func values(
        _ site: Site,
        layer: Int,
        head: Int? = nil,
        prompt: Int,
        position: Int
    ) throws -> [Float] {
        let (batch, config) = (forward.batch, forward.parameters.config)
        guard forward.activations.keeping.keeps(site) else {
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
            let pattern = forward.patterns(layer: layer)(row, head!)
            // The row may belong to a prompt of another length; in both, positions behind this one are not seen.
            return (0..<batch.prompts[prompt].count).map { $0 <= position ? pattern[$0] : 0 }
        }
        let values = forward.kept(site, layer: layer)
        guard let head else { return Array(values.row(place)) }
        return Array(values.head(head, width: values.columns / config.heads).row(place))
    }
}

extension ForwardPass {
    /// The kept sites of the last run.
    public var cache: ActivationCache { ActivationCache(forward: self) }

    /// A layer's buffers, as far as the last run filled them.
    package func block(_ layer: Int) -> Activations.Block {
        activations.blocks[layer].prefix(rows: batch.tokens.count, queries: blockRows[layer].count)
    }

    /// A kept site of the last run, other than patterns: [rows or queries, d], and where each head has its own
    /// [rows or queries, heads · width].
    package func kept(_ site: Site, layer: Int) -> Matrix {
        precondition(activations.keeping.keeps(site), "site \(site.rawValue) was not kept")
        let block = block(layer)
        switch site {
        case .residPre: return block.residPre
        case .q: return block.q
        case .k: return block.qkv.part(.k)
        case .v: return block.qkv.part(.v)
        case .z: return block.z
        case .result: return block.result
        case .attnOut: return block.attnOut
        case .residMid: return block.residMid
        case .mlpOut: return block.mlpOut
        case .residPost: return block.residPost
        case .pattern: preconditionFailure("patterns are not rows of one matrix")
        }
    }

    /// The place of row `row` of the batch among the rows of a site; nil where it was not computed, because only the
    /// last row of each prompt continues in the last layer.
    package func place(ofRow row: Int, in site: Site, layer: Int) -> Int? {
        switch site {
        case .residPre, .k, .v: row
        case .q, .pattern, .z, .result, .attnOut, .residMid, .mlpOut, .residPost:
            layer == parameters.config.layers - 1 ? batch.queryOfRow[row] : row
        }
    }

    /// The first token of the batch that needs each row of a layer's z, and so of its MLP's output.
    package func tokensOfZ(layer: Int) -> [Int] {
        let tokens = batch.tokenOfRow
        return blockRows[layer].queries?.map { tokens[$0] } ?? tokens
    }

    /// The kept patterns of a layer: the start of the pattern of a computed row and a head, as long as the prompt that
    /// owns the row.
    package func patterns(layer: Int) -> (_ row: Int, _ head: Int) -> UnsafeMutablePointer<Float> {
        precondition(activations.keeping.keeps(.pattern), "patterns were not kept")
        let (spans, base) = (blockRows[layer].spans, activations.blocks[layer].pattern.base)
        return { [self] row, head in
            let span = spans[batch.ownerOfRow[row]]
            let query = place(ofRow: row, in: .pattern, layer: layer)! - span.queries.lowerBound
            return span.matrix(base, head: head)[query]
        }
    }
}
