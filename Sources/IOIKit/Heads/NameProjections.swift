/// How far everything that is added to the residual stream at END goes towards the logits of the two names, prompt by
/// prompt.
///
/// The direction of a name is its row of W_U, less the mean row of the vocabulary, times γ of the final LayerNorm, less
/// its own mean, which is what the LayerNorm's subtraction of the mean comes to. A logit is then, but for what all tokens
/// share, the scale of that prompt's LayerNorm times the sum of all projections, plus β's own.
struct NameProjections {
    /// What adds to the residual stream.
    enum Component: Hashable {
        /// Its result, without the bias of W_O.
        case head(Head)
        /// The bias of a block's W_O.
        case attentionBias(Int)
        case mlp(Int)
        case tokenEmbedding, positionEmbedding
    }

    /// What the run that they are read from must keep.
    static let sites: Set<Site> = [.z, .mlpOut]

    /// All of a model, its heads first, layer by layer.
    static func components(_ config: GPT2Config) -> [Component] {
        config.allHeads.map { .head($0) } + (0..<config.layers).map { .attentionBias($0) }
            + (0..<config.layers).map { .mlp($0) } + [.tokenEmbedding, .positionEmbedding]
    }

    let components: [Component]
    /// On the direction of IO and of S, not scaled. [components][prompts]
    private(set) var io, s: [[Double]]
    /// 1/√(variance + ε) of the final LayerNorm at END. [prompts]
    private(set) var scales: [Double] = []
    /// ⟨β, W_U[IO] − W_U[S]⟩ of the final LayerNorm. [prompts]
    private(set) var biases: [Double] = []
    /// What the model says: logit(IO) − logit(S). [prompts]
    private(set) var differences: [Double] = []

    private let model: GPT2Parameters
    /// W_U's mean over the vocabulary.
    private let centre: [Double]

    init(_ model: GPT2Parameters) {
        self.model = model
        components = Self.components(model.config)
        io = Array(repeating: [], count: components.count)
        s = io
        centre = model.tokenTable.columnMeans
    }

    /// - Throws: `IOIError` where a logit difference is not finite, naming the prompt.
    mutating func add(_ batch: PromptBatch, _ forward: ForwardPass) throws {
        let (config, workers) = (model.config, forward.workers)
        let tokens = batch.prompts.map(\.ioToken) + batch.prompts.map(\.sToken)
        let directions = ValueTable(rows: tokens.count, columns: config.width)
        for (row, token) in tokens.enumerated() { setDirection(of: token, to: directions.values[row]) }
        let ends = batch.ends.map { batch.packed.rowOfToken[$0] }
        let queries = ends.map { batch.packed.queryOfRow[$0]! }
        for (prompt, query) in zip(batch.prompts, queries) {
            let final = forward.activations.final.row(query)
            let difference = PatchRunner.logitDifference(final, prompt, model)
            guard difference.isFinite else {
                throw IOIError("prompt \(prompt.id): the model's logits are not finite numbers")
            }
            differences.append(difference)
            scales.append(Double(forward.activations.finalStatistics[query][1]))
            let beta = model.finalBeta.row(0)
            biases.append(
                dot(beta, model.tokenTable.row(prompt.ioToken)) - dot(beta, model.tokenTable.row(prompt.sToken)))
        }

        /// Appends the projections of a component, whose values at each prompt's END begin where `values` says.
        func project(_ component: Int, on directions: Matrix, _ values: (_ prompt: Int) -> UnsafePointer<Float>) {
            let count = ends.count
            for prompt in 0..<count {
                let value = UnsafeBufferPointer(start: values(prompt), count: directions.columns)
                io[component].append(dot(value, directions.row(prompt)))
                s[component].append(dot(value, directions.row(count + prompt)))
            }
        }
        let inHeads = ValueTable(rows: tokens.count, columns: config.width)
        for layer in 0..<config.layers {
            let block = model.blocks[layer]
            // ⟨z · W_O, direction⟩ = ⟨z, direction · W_Oᵀ⟩
            GEMM.multiply(directions.values, block.outWeight.transposed, into: inHeads.values, workers: workers)
            let places = ends.map { forward.place(ofRow: $0, in: .z, layer: layer)! }
            let (z, mlpOut) = (forward.kept(.z, layer: layer), forward.kept(.mlpOut, layer: layer))
            let width = config.headWidth
            for head in 0..<config.heads {
                let band = head * width..<(head + 1) * width
                project(layer * config.heads + head, on: inHeads.values.slice(columns: band)) {
                    UnsafePointer(z[places[$0]] + band.lowerBound)
                }
            }
            let heads = config.layers * config.heads
            project(heads + layer, on: directions.values) { _ in UnsafePointer(block.outBias[0]) }
            project(heads + config.layers + layer, on: directions.values) { UnsafePointer(mlpOut[places[$0]]) }
        }
        project(components.count - 2, on: directions.values) {
            UnsafePointer(model.tokenTable[batch.packed.tokens[ends[$0]]])
        }
        project(components.count - 1, on: directions.values) {
            UnsafePointer(model.positionTable[batch.packed.positions[ends[$0]]])
        }
    }

    /// What a component adds to logit(IO) − logit(S). [prompts]
    func attribution(_ component: Int) -> [Double] {
        scales.indices.map { scales[$0] * (io[component][$0] - s[component][$0]) }
    }

    private func setDirection(of token: Int, to direction: UnsafeMutablePointer<Float>) {
        let (row, gamma) = (model.tokenTable[token], model.finalGamma[0])
        let values = centre.indices.map { Double(gamma[$0]) * (Double(row[$0]) - centre[$0]) }
        let mean = values.mean
        for i in values.indices { direction[i] = Float(values[i] - mean) }
    }
}

private func dot(_ a: UnsafeBufferPointer<Float>, _ b: UnsafeBufferPointer<Float>) -> Double {
    var sum = 0.0
    for i in a.indices { sum += Double(a[i]) * Double(b[i]) }
    return sum
}

extension Matrix {
    /// The mean of each column.
    var columnMeans: [Double] {
        var sums = [Double](repeating: 0, count: columns)
        for row in 0..<rows {
            let values = self[row]
            for column in sums.indices { sums[column] += Double(values[column]) }
        }
        return sums.map { $0 / Double(rows) }
    }
}
