/// How often a head's OV circuit predicts the name that it attends to (Wang et al. 2211.00593, section 3.1).
///
/// The residual stream at a name after block 0 passes through the head's LayerNorm, W_V and W_O, as if the head
/// attended only there, then through the final LayerNorm and W_U. The score is the share of names at IO, S1 and S2
/// among the five largest logits. As in the authors' code, the bias of W_V is included and that of W_O, which belongs
/// to no head, is not. Heads of block 0 get the same input, although they do not read that block's output.
public struct CopyingScore: Codable, Equatable, Sendable {
    public let copying: HeadMap
    /// With the head's output negated, for negative name movers.
    public let negative: HeadMap

    enum CodingKeys: String, CodingKey {
        case copying
        case negative = "negative_copying"
    }

    /// The number of largest logits that count as predicted.
    public static let top = 5
    /// Tokens whose logits are computed together. Most heads do not copy, so the first chunks usually suffice.
    private static let chunk = 2048
    /// Names multiplied together.
    private static let block = 1024

    /// The residual stream at the names after block 0.
    struct Names: PromptColumns {
        /// The sites that the run must keep.
        static let sites: Set<Site> = [.residPost]

        fileprivate var states: [Float] = []
        fileprivate var tokens: [Int] = []

        var columns: [[Double]] {
            get { [states.map(Double.init), tokens.map(Double.init)] }
            set { (states, tokens) = (newValue[0].map(Float.init), newValue[1].map { Int($0) }) }
        }

        mutating func add(_ batch: PromptBatch, _ forward: ForwardPass) {
            let residual = forward.kept(.residPost, layer: 0)
            for (prompt, tokens) in zip(batch.prompts, batch.packed.prompts) {
                for position in [prompt.positions.io, prompt.positions.s1, prompt.positions.s2] {
                    let row = batch.packed.rowOfToken[tokens.lowerBound + position]
                    states += residual.row(forward.place(ofRow: row, in: .residPost, layer: 0)!)
                    self.tokens.append(prompt.tokens[position])
                }
            }
        }
    }

    /// - Throws: a ``PatchInterruption`` without measures.
    init(
        _ model: GPT2Parameters,
        _ names: Names,
        seed: UInt64,
        settings: RunSettings,
        progress: (Double) -> Void = { _ in }
    ) throws {
        let config = model.config
        var (copying, negative): ([[Double]], [[Double]]) = ([], [])
        var logits = NameLogits(model, names, workers: settings.workers)
        let part = settings.ranks.part(of: config.layers * config.heads)
        try settings.divide {
            for (place, index) in part.enumerated() {
                let (layer, head) = index.quotientAndRemainder(dividingBy: config.heads)
                if place == 0 || head == 0 { logits.enter(layer) }
                try settings.checkInterruption()
                let better = logits.count(head, upTo: Self.top, tokens: Self.chunk, names: Self.block)
                func shares(_ counts: [Int32]) -> [Double] {
                    counts.map { $0 < Self.top ? 1.0 : 0 }.rows(of: 3).map(\.mean)
                }
                copying.append(shares(better.above))
                negative.append(shares(better.below))
                progress(Double(copying.count) / Double(part.count))
            }
        }
        copying = try settings.gather { copying }.flatMap { $0 }
        negative = try settings.gather { negative }.flatMap { $0 }
        self.copying = HeadMap(means: copying, heads: config.heads, seed: seed, workers: settings.workers)
        self.negative = HeadMap(means: negative, heads: config.heads, seed: seed, workers: settings.workers)
    }
}

/// The logits of each head's OV circuit at names, layer by layer.
struct NameLogits {
    private let model: GPT2Parameters
    private let workers: Workers
    private let tokens: [Int]
    private let states: ValueTable
    /// The layer's normalised input and values. [names, d]
    private let normal, values: ValueTable
    /// β of the final LayerNorm projected onto each row of W_U.
    private let biases: [Float]
    private var layer = 0

    init(_ model: GPT2Parameters, _ names: CopyingScore.Names, workers: Workers) {
        let d = model.config.width
        self.model = model
        self.workers = workers
        tokens = names.tokens
        states = ValueTable(rows: tokens.count, columns: d)
        normal = ValueTable(rows: tokens.count, columns: d)
        values = ValueTable(rows: tokens.count, columns: d)
        let table = ValueTable(rows: 1, columns: model.tokenTable.rows)
        GEMM.multiply(model.finalBeta, model.tokenTable.transposed, into: table.values, workers: workers)
        biases = Array(table.values.row(0))
        names.states.withUnsafeBufferPointer { states.values.base.update(from: $0.baseAddress!, count: $0.count) }
    }

    mutating func enter(_ layer: Int) {
        self.layer = layer
        let (block, d) = (model.blocks[layer], model.config.width)
        let statistics = ValueTable(rows: tokens.count, columns: 2)
        LayerNorm.forward(
            states.values, gamma: block.ln1Gamma, beta: block.ln1Beta, epsilon: model.config.layerNormEpsilon,
            into: normal.values, statistics: statistics.values, workers: workers
        )
        Linear.forward(
            normal.values, weight: block.qkvWeight.slice(columns: 2 * d..<3 * d),
            bias: block.qkvBias.slice(columns: 2 * d..<3 * d), into: values.values, workers: workers
        )
    }

    /// Counts the tokens whose logits exceed the name's, with the head's output as it is and negated.
    ///
    /// - Parameters:
    ///   - limit: counting stops for a name once both counts reach this, so larger counts may be too small.
    ///   - chunk: the number of tokens processed together.
    ///   - block: the number of names processed together.
    func count(_ head: Int, upTo limit: Int, tokens chunk: Int, names block: Int) -> (above: [Int32], below: [Int32]) {
        let (config, limit) = (model.config, Int32(limit))
        let width = config.headWidth
        let value = values.values.slice(columns: head * width..<(head + 1) * width)
        // W_O with the final LayerNorm's mean subtraction, then its γ, folded in.
        let output = ValueTable(rows: width, columns: config.width)
        let scaled = ValueTable(rows: width, columns: config.width)
        output.values.copy(model.weights(of: Head(layer, head)).output)
        output.values.subtractRowMeans()
        scaled.values.copy(output.values)
        scaled.values.scaleColumns(by: model.finalGamma)

        let own = scale(value, output.values, blocks: block)
        var above = [Int32](repeating: 0, count: tokens.count)
        var below = above
        var active = Array(tokens.indices)
        let (directions, gathered) = (
            ValueTable(rows: width, columns: chunk), ValueTable(rows: block, columns: width)
        )
        let logits = ValueTable(rows: block, columns: chunk)
        for first in stride(from: 0, to: config.vocabularySize, by: chunk) where !active.isEmpty {
            let range = first..<min(first + chunk, config.vocabularySize)
            let directions = directions.values.slice(columns: 0..<range.count)
            GEMM.multiply(
                scaled.values, model.tokenTable.slice(rows: range).transposed, into: directions, workers: workers
            )
            for start in stride(from: 0, to: active.count, by: block) {
                let names = Array(active[start..<min(start + block, active.count)])
                let rows = gathered.values.prefix(names.count)
                let logits = logits.values.prefix(names.count).slice(columns: 0..<range.count)
                value.gather(names, into: rows, workers: workers)
                GEMM.multiply(rows, directions, into: logits, workers: workers)
                above.withUnsafeMutableBufferPointer { above in
                    below.withUnsafeMutableBufferPointer { below in
                        nonisolated(unsafe) let (above, below) = (above, below)
                        workers.share(names.count) { shares in
                            for row in shares {
                                let name = names[row]
                                let counts = larger(
                                    logits[row], range, than: own[name], of: tokens[name]
                                )
                                above[name] += counts.above
                                below[name] += counts.below
                            }
                        }
                    }
                }
            }
            active.removeAll { above[$0] >= limit && below[$0] >= limit }
        }
        return (above, below)
    }

    /// Scales values as the final LayerNorm scales the head's output.
    ///
    /// - Returns: the contribution of each value to its own name's logit.
    private func scale(_ value: Matrix, _ output: Matrix, blocks block: Int) -> [Float] {
        let d = model.config.width
        let gamma = model.finalGamma[0]
        let written = ValueTable(rows: block, columns: d)
        var own = [Float](repeating: 0, count: tokens.count)
        for start in stride(from: 0, to: tokens.count, by: block) {
            let range = start..<min(start + block, tokens.count)
            GEMM.multiply(value.slice(rows: range), output, into: written.values.prefix(range.count), workers: workers)
            for name in range {
                let (row, direction) = (written.values[name - start], model.tokenTable[tokens[name]])
                var (squares, projection) = (0.0, 0.0)
                for i in 0..<d {
                    squares += Double(row[i]) * Double(row[i])
                    projection += Double(row[i]) * Double(gamma[i]) * Double(direction[i])
                }
                let scale = 1 / (squares / Double(d) + Double(model.config.layerNormEpsilon)).squareRoot()
                own[name] = Float(scale * projection)
                for i in 0..<value.columns { value[name][i] *= Float(scale) }
            }
        }
        return own
    }

    /// Counts the other tokens in a range whose logits exceed a name's.
    private func larger(
        _ logits: UnsafePointer<Float>,
        _ range: Range<Int>,
        than own: Float,
        of name: Int
    ) -> (above: Int32, below: Int32) {
        let (positive, negative) = (biases[name] + own, biases[name] - own)
        func isLarger(_ index: Int, _ bias: Float) -> (above: Int32, below: Int32) {
            (bias + logits[index] > positive ? 1 : 0, bias - logits[index] > negative ? 1 : 0)
        }
        var (above, below): (Int32, Int32) = (0, 0)
        biases.withUnsafeBufferPointer { biases in
            let biases = biases.baseAddress! + range.lowerBound
            for index in 0..<range.count {
                let larger = isLarger(index, biases[index])
                above += larger.above
                below += larger.below
            }
            if range.contains(name) {
                let itself = isLarger(name - range.lowerBound, biases[name - range.lowerBound])
                above -= itself.above
                below -= itself.below
            }
        }
        return (above, below)
    }
}
