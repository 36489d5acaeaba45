/// The floating-point operations that work on a model needs: those of its dense layers. Attention is left out: under 1 %
/// at the task's prompt lengths.
struct Arithmetic {
    /// Of one row of q, or of W_O.
    let square: Double
    /// Of one row of an MLP.
    let mlp: Double
    private let config: GPT2Config

    init(_ config: GPT2Config) {
        self.config = config
        square = 2 * Double(config.width) * Double(config.width)
        mlp = 4 * Double(config.width) * Double(config.innerWidth)
    }

    /// Of one row of a whole block.
    private var block: Double { 4 * square + mlp }
    private var layers: Int { config.layers }
    private var heads: Double { Double(config.heads) }

    /// Of a forward pass up to the final residual stream.
    ///
    /// - Parameters:
    ///   - rows: of the batch.
    ///   - queries: the rows that continue after the last block's keys and values.
    func forward(rows: Int, queries: Int) -> Double {
        Double(rows) * (block * Double(layers - 1) + 2 * square) + Double(queries) * (block - 2 * square)
    }

    func unembedding(rows: Int) -> Double { 2 * Double(rows) * Double(config.width) * Double(config.vocabularySize) }

    /// Of one prompt's paths from every head to the logits: the MLPs above each head, at END.
    var pathsToLogits: Double {
        (0..<layers).reduce(0) { $0 + heads * (square + Double(layers - $1) * mlp) }
    }

    /// Of one prompt's patches of every head's z at END.
    var zAtEnd: Double {
        (0..<layers).reduce(0) { $0 + heads * (square + mlp + Double(layers - 1 - $1) * block) }
    }

    /// Of one prompt's patches of the pattern of one head in each layer, at every position. The pattern of the first token
    /// cannot change.
    func patterns(length: Int) -> Double {
        let changed = Double(length - 1)
        return (0..<layers).reduce(0) { sum, layer in
            guard layer < layers - 1, length > 1 else { return sum + (length > 1 ? square + mlp : 0) }
            let between = Double(layers - 2 - layer)
            return sum + changed * (square + mlp + between * block + 2 * square) + block - 2 * square
        }
    }

    /// Of edge attribution on prompts without a common beginning.
    func edgeAttribution(prompts: Int, length: Int) -> Double {
        let rows = prompts * length
        let runs = 3 * forward(rows: rows, queries: prompts)
        // Each head's output, and the gradients of each head's inputs.
        let heads = Double(rows) * Double(layers - 1) * 4 * square + Double(rows) * 2 * square
        return runs + heads + 2 * Double(rows) * Double(config.width) * Double(Graph(config).edgeCount)
    }
}
