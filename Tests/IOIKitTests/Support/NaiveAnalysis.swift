import TestSupport

@testable import GPT2Kit
@testable import IOIKit

/// What analyses of heads measure, as it is defined: in Double, prompt by prompt, from whole runs and whole matrices.
struct NaiveAnalysis {
    let model: NaiveModel
    var config: GPT2Config { model.config }

    init(_ parameters: GPT2Parameters) { model = NaiveModel(parameters) }

    func tensor(_ name: String) -> [[Double]] { model.tensors[name]! }

    // MARK: Attribution

    /// The LayerNorm's part that is linear with mean and scale held, of one thing that was added to the residual stream,
    /// on a row of W_U.
    private func readOut(_ vector: [Double], _ token: Int, scale: Double) -> Double {
        let (gamma, mean) = (tensor("ln_f.weight")[0], vector.mean)
        return dot(vector.indices.map { (vector[$0] - mean) * scale * gamma[$0] }, tensor("wte.weight")[token])
    }

    /// 1/√(variance + ε) of the final LayerNorm at END.
    private func finalScale(_ record: NaiveRecord, _ prompt: Prompt) -> Double {
        record.scales[NaiveScale(name: .final, position: prompt.tokens.count - 1)]!
    }

    /// What each component adds to logit(IO) − logit(S), and last β of the final LayerNorm.
    func attributions(_ prompt: Prompt) -> [Double] {
        let end = prompt.tokens.count - 1
        let record = model.record(prompt.tokens)
        let scale = finalScale(record, prompt)
        func difference(_ vector: [Double]) -> Double {
            readOut(vector, prompt.ioToken, scale: scale) - readOut(vector, prompt.sToken, scale: scale)
        }
        let heads = config.allHeads.map { difference(record.kept[.head($0, .result, position: end)]!) }
        let biases = (0..<config.layers).map { difference(tensor("h.\($0).attn.c_proj.bias")[0]) }
        let mlps = (0..<config.layers).map {
            difference(record.kept[NaivePlace(.mlpOut, layer: $0, position: end)]!)
        }
        let unembedding = tensor("wte.weight")
        let beta = tensor("ln_f.bias")[0]
        return heads + biases + mlps
            + [difference(unembedding[prompt.tokens[end]]), difference(tensor("wpe.weight")[end])]
            + [dot(beta, unembedding[prompt.ioToken]) - dot(beta, unembedding[prompt.sToken])]
    }

    /// Attention from END to a name's places, and what the head writes along the name's direction: W_U with γ folded in,
    /// centred over the vocabulary, against the result less its mean.
    func point(_ prompt: Prompt, _ head: Head, token: Int, positions: [Int]) -> (attention: Double, projection: Double)
    {
        let end = prompt.tokens.count - 1
        let record = model.record(prompt.tokens)
        let pattern = record.kept[.head(head, .pattern, position: end)]!
        let result = record.kept[.head(head, .result, position: end)]!
        let own = readOut(result, token, scale: 1)
        let all = (0..<config.vocabularySize).map { readOut(result, $0, scale: 1) }
        return (positions.reduce(0) { $0 + pattern[$1] }, own - all.mean)
    }

    // MARK: Copying

    /// How many tokens are predicted above the name at a position where a head attends to it alone, from its residual
    /// stream after block 0.
    func rank(_ prompt: Prompt, _ head: Head, position: Int, sign: Double) -> Int {
        let record = model.record(prompt.tokens)
        let state = record.kept[NaivePlace(.residPost, layer: 0, position: position)]!
        let block = "h.\(head.layer)"
        let read = model.layerNorm([state], "\(block).ln_1", .ln1(head.layer))
        let (d, width) = (config.width, config.headWidth)
        let first = 2 * d + head.index * width
        let value = Array(model.linear(read, "\(block).attn.c_attn")[0][first..<first + width])
        let output = Array(tensor("\(block).attn.c_proj.weight")[head.index * width..<(head.index + 1) * width])
        let logits = model.logits([product([value], output)[0].map { sign * $0 }])
        let own = logits[prompt.tokens[position]]
        return logits.count { $0 > own }
    }

    // MARK: OV

    /// W_V and W_O of a head.
    func values(_ head: Head) -> [[Double]] {
        let first = 2 * config.width + head.index * config.headWidth
        return tensor("h.\(head.layer).attn.c_attn.weight").map { Array($0[first..<first + config.headWidth]) }
    }

    func outputs(_ head: Head) -> [[Double]] {
        let width = config.headWidth
        return Array(tensor("h.\(head.layer).attn.c_proj.weight")[head.index * width..<(head.index + 1) * width])
    }

    /// A head's whole OV circuit from tokens to logits, [vocabulary][vocabulary], LayerNorms without their scales, logits
    /// centred.
    func circuit(_ head: Head) -> [[Double]] {
        let (read, written) = (tensor("h.\(head.layer).ln_1.weight")[0], tensor("ln_f.weight")[0])
        func normalised(_ rows: [[Double]], _ gamma: [Double]) -> [[Double]] {
            rows.map { row in
                let mean = row.mean
                return row.indices.map { (row[$0] - mean) * gamma[$0] }
            }
        }
        let embedded = normalised(tensor("wte.weight"), read)
        let moved = normalised(product(product(embedded, values(head)), outputs(head)), written)
        return moved.map { row in
            let logits = tensor("wte.weight").map { dot(row, $0) }
            let mean = logits.mean
            return logits.map { $0 - mean }
        }
    }
}

/// Pearson's ρ as it is defined.
func pearson(_ x: [Double], _ y: [Double]) -> Double {
    let (dx, dy) = (x.map { $0 - x.mean }, y.map { $0 - y.mean })
    return dot(dx, dy) / (dot(dx, dx) * dot(dy, dy)).squareRoot()
}
