/// The projections of everything added to the residual stream at END onto the directions of the answers: of IO and S, or
/// of a task's right and wrong tokens.
///
/// The direction of some tokens is their mean row of W_U minus the vocabulary's mean row, times γ of the final LayerNorm,
/// minus its own mean, which folds in the LayerNorm's mean subtraction. Up to a constant shared by all tokens, a logit is the
/// prompt's LayerNorm scale times the sum of all projections, plus the contribution of β.
struct NameProjections: PromptColumns {
    /// A term of the residual stream.
    enum Component: Hashable {
        /// A head's result, without the bias of W_O.
        case head(Head)
        /// The bias of a block's W_O.
        case attentionBias(Int)
        case mlp(Int)
        case tokenEmbedding, positionEmbedding
    }

    /// The sites that the run must keep.
    static let sites: Set<Site> = [.z, .mlpOut]

    /// All components of a model, starting with the heads in layer-major order.
    static func components(_ config: GPT2Config) -> [Component] {
        config.allHeads.map { .head($0) } + (0..<config.layers).map { .attentionBias($0) }
            + (0..<config.layers).map { .mlp($0) } + [.tokenEmbedding, .positionEmbedding]
    }

    let components: [Component]
    /// Unscaled projections onto the directions of the right tokens (IO) and of the wrong ones (S). [components][prompts]
    private(set) var io, s: [[Double]]
    /// 1/√(variance + ε) in the final LayerNorm at END. [prompts]
    private(set) var scales: [Double] = []
    /// ⟨β, W_U[right] − W_U[wrong]⟩ for the final LayerNorm. [prompts]
    private(set) var biases: [Double] = []
    /// The model's logit difference. [prompts]
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

    var columns: [[Double]] {
        get { io + s + [scales, biases, differences] }
        set {
            io = Array(newValue.prefix(io.count))
            s = Array(newValue.dropFirst(io.count).prefix(s.count))
            let rest = newValue.suffix(3)
            (scales, biases, differences) = (
                rest[rest.startIndex], rest[rest.startIndex + 1], rest[rest.startIndex + 2]
            )
        }
    }

    /// - Throws: `IOIError` naming a prompt whose logit difference is not finite.
    mutating func add(_ batch: PromptBatch, _ forward: ForwardPass) throws {
        let (config, workers) = (model.config, forward.workers)
        let tokens = batch.prompts.map(\.rightTokens) + batch.prompts.map(\.wrongTokens)
        let directions = ValueTable(rows: tokens.count, columns: config.width)
        for (row, tokens) in tokens.enumerated() { setDirection(of: tokens, to: directions.values[row]) }
        let ends = batch.ends.map { batch.packed.rowOfToken[$0] }
        let queries = ends.map { batch.packed.queryOfRow[$0]! }
        let reader = MetricReader(.logitDifference, model, workers: workers)
        reader.prepare(batch.prompts)
        let found = reader.values(
            queries.enumerated().map { ($0.offset, UnsafePointer(forward.activations.final[$0.element])) })
        for ((prompt, difference), query) in zip(zip(batch.prompts, found), queries) {
            guard difference.isFinite else {
                throw IOIError("prompt \(prompt.id): the model's logits are not finite numbers")
            }
            differences.append(difference)
            scales.append(Double(forward.activations.finalStatistics[query][1]))
            let beta = model.finalBeta.row(0)
            func bias(_ tokens: [Int]) -> Double { tokens.map { dot(beta, model.tokenTable.row($0)) }.mean }
            biases.append(bias(prompt.rightTokens) - bias(prompt.wrongTokens))
        }

        /// Appends a component's projections, given a pointer to its value at each prompt's END.
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

    /// A component's contribution to the logit difference. [prompts]
    func attribution(_ component: Int) -> [Double] {
        scales.indices.map { scales[$0] * (io[component][$0] - s[component][$0]) }
    }

    private func setDirection(of tokens: [Int], to direction: UnsafeMutablePointer<Float>) {
        let (rows, gamma) = (tokens.map { model.tokenTable[$0] }, model.finalGamma[0])
        let values = centre.indices.map { i in Double(gamma[i]) * (rows.map { Double($0[i]) }.mean - centre[i]) }
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
