/// Optimal ablation constants (Li & Janson 2409.09951): one z for each head outside a circuit, the same at every
/// position, that best preserves the model's predictions.
///
/// As in the paper, they minimise KL(whole model ‖ ablated model), here for the prediction at END. They start at the
/// mean of z over the counterfactuals and are learned with Adam on batches of prompts, with a learning rate decaying to
/// zero.
final class OptimalConstants {
    /// Row l holds z of layer l's heads. [layers, d]
    let table: ValueTable
    /// The gradient of the last batch's loss. [layers, d]
    let gradient: ValueTable

    let parameters: GPT2Parameters
    private let kept: [Node: PositionSelection]
    private let prompts: [Prompt]
    private let workers: Workers
    private let forward: ForwardPass
    private let backward: BackwardPass
    /// The output of the final LayerNorm in the whole model, for each prompt. [prompts, d]
    private let whole: ValueTable
    /// Buffers for a batch. [batch, d], [batch, vocabulary] and [batch, 1]
    private let wholeRows, wholeLogits, losses: ValueTable

    /// Prompts per learning step.
    static let batch = 32

    /// Initialises the constants to the means.
    ///
    /// - Parameters:
    ///   - kept: the circuit's heads and their positions; no MLPs.
    ///   - prompts: the training prompts.
    /// - Throws: `IOIError` if a prompt has no counterfactual.
    init(
        _ parameters: GPT2Parameters,
        keeping kept: [Node: PositionSelection],
        prompts: [Prompt],
        workers: Workers
    ) throws {
        (self.parameters, self.kept, self.prompts, self.workers) = (parameters, kept, prompts, workers)
        let config = parameters.config
        let size = min(Self.batch, prompts.count)
        table = ValueTable(rows: config.layers, columns: config.width)
        gradient = ValueTable(rows: config.layers, columns: config.width)
        whole = ValueTable(rows: prompts.count, columns: config.width)
        wholeRows = ValueTable(rows: size, columns: config.width)
        wholeLogits = ValueTable(rows: size, columns: config.vocabularySize)
        losses = ValueTable(rows: size, columns: 1)
        forward = ForwardPass(
            parameters, capacity: BatchCapacity(lengths: prompts.map(\.tokens.count), count: size, rows: .last),
            keeping: .forBackward, workers: workers
        )
        backward = BackwardPass(forward, ofParameters: false)
        var counts = [Float](repeating: 0, count: config.layers)
        for indices in batches {
            forward.run(PackedBatch(indices.map { prompts[$0].tokens }, rows: .last))
            for (index, query) in zip(indices, forward.batch.queryOfLabel) {
                whole.values[index].update(from: forward.activations.final[query], count: config.width)
            }
            forward.run(
                PackedBatch(try indices.map { try prompts[$0].counterfactual() }, rows: .last, sharesBeginnings: false)
            )
            for layer in 0..<config.layers {
                let (z, mean) = (forward.kept(.z, layer: layer), table.values[layer])
                for row in 0..<z.rows {
                    counts[layer] += 1
                    for i in 0..<config.width { mean[i] += (z[row][i] - mean[i]) / counts[layer] }
                }
            }
        }
    }

    /// The indices of all prompts, in order.
    private var batches: [[Int]] {
        stride(from: 0, to: prompts.count, by: Self.batch).map {
            Array($0..<min($0 + Self.batch, prompts.count))
        }
    }

    /// Learns the constants, or restores the means if learning does not lower the loss over all prompts.
    ///
    /// - Parameters:
    ///   - seed: for the order of the prompts.
    ///   - progress: called after each step with the share of the work done.
    /// - Throws: errors from `progress`.
    func learn(_ learning: Ablation.Learning, seed: UInt64, progress: (Double) throws -> Void = { _ in }) throws {
        let (rows, columns) = (table.values.rows, table.values.columns)
        let count = rows * columns
        let (means, first, second) = (
            ValueTable(rows: rows, columns: columns), ValueTable(rows: rows, columns: columns),
            ValueTable(rows: rows, columns: columns)
        )
        means.values.base.update(from: table.values.base, count: count)
        let lossOfMeans = loss()
        var order: [Int] = []
        for step in 1...learning.steps {
            if order.count < min(Self.batch, prompts.count) {
                order = Array(prompts.indices)
                var generator = SeededGenerator(seed, "optimal constants", step)
                generator.shuffle(&order)
            }
            _ = loss(of: Array(order.prefix(Self.batch)), learning: true)
            order.removeFirst(min(Self.batch, order.count))
            var settings = AdamW.Settings(weightDecay: 0)
            settings.learningRate = learning.rate * Double(learning.steps - step + 1) / Double(learning.steps)
            AdamW.move(
                table.values.base, gradient: gradient.values.base, first: first.values.base, second: second.values.base,
                count: count, step: step, decays: false, settings: settings, workers: workers
            )
            try progress(Double(step) / Double(learning.steps))
        }
        if !(loss() < lossOfMeans) { table.values.base.update(from: means.values.base, count: count) }
    }

    /// The mean of KL(whole model ‖ ablated model) over all prompts, in nats.
    func loss() -> Double {
        batches.reduce(0) { $0 + loss(of: $1, learning: false) * Double($1.count) } / Double(prompts.count)
    }

    /// The mean loss over at most a batch of prompts.
    ///
    /// - Parameter learning: whether to compute `gradient`.
    func loss(of indices: [Int], learning: Bool) -> Double {
        let batch = PromptBatch(
            prompts: ArraySlice(indices.map { prompts[$0] }),
            packed: PackedBatch(indices.map { prompts[$0].tokens }, rows: .last, sharesBeginnings: false)
        )
        let replaced = replacedRows(of: batch)
        let width = parameters.config.headWidth
        forward.run(batch.packed) { site, layer, z in
            guard site == .z else { return }
            for (head, rows) in replaced[layer].enumerated() {
                for row in rows {
                    (z[row] + head * width).update(from: table.values[layer] + head * width, count: width)
                }
            }
        }
        for (row, index) in indices.enumerated() {
            wholeRows.values[row].update(from: whole.values[index], count: whole.values.columns)
        }
        let reference = wholeLogits.values.prefix(indices.count)
        GEMM.multiply(
            wholeRows.values.prefix(indices.count), parameters.tokenTable.transposed, into: reference, workers: workers
        )
        let (logits, losses) = (forward.logits(of: 0..<indices.count), losses.values.prefix(indices.count))
        KLDivergence.forwardBackward(
            logits, reference: reference, losses: losses, weight: 1 / Float(indices.count), workers: workers
        )
        if learning {
            gradient.values.fill(0)
            backward.run { final in
                GEMM.multiply(logits, parameters.tokenTable, into: final, workers: workers)
            } showing: { step in
                guard case .z(let layer, let dZ) = step else { return }
                for (head, rows) in replaced[layer].enumerated() {
                    let target = gradient.values[layer] + head * width
                    for row in rows {
                        let source = dZ[row] + head * width
                        for i in 0..<width { target[i] += source[i] }
                        // The head's own output is replaced, so no gradient flows further back.
                        source.update(repeating: 0, count: width)
                    }
                }
            }
        }
        return (0..<indices.count).reduce(0) { $0 + Double(losses[$1][0]) } / Double(indices.count)
    }

    /// The replaced rows of z. [layers][heads][rows]
    private func replacedRows(of batch: PromptBatch) -> [[[Int]]] {
        let config = parameters.config
        let rows = batch.packed.rowOfToken
        let all = Array(rows.indices)
        let outside = Dictionary(
            uniqueKeysWithValues: Set(kept.values).map { selection in
                let inside = Set(batch.tokens([selection]))
                return (selection, all.filter { !inside.contains($0) })
            }
        )
        return (0..<config.layers).map { layer in
            (0..<config.heads).map { head in
                let tokens = kept[.head(Head(layer, head))].map { outside[$0]! } ?? all
                let isLast = layer == config.layers - 1
                return tokens.compactMap { isLast ? batch.packed.queryOfRow[rows[$0]] : rows[$0] }
            }
        }
    }
}
