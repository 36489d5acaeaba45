/// Forward passes of a model as a graph (Conmy et al. 2304.14997, section 3): every receiver has an input of its own, the sum of its
/// senders' outputs, which are real where the edge is kept and ablated where it is dropped.
///
/// The residual stream holds the sum of all senders' outputs. A receiver's input is the stream plus, for each dropped
/// edge, the ablated less the real output: one product for all receivers of a layer. A sender that no receiver hears is
/// not computed: its ablated output is in the stream.
final class GraphPass {
    /// The first receivers whose inputs may have changed since the last run.
    enum Start: Equatable {
        case heads(Int)
        case mlp(Int)
        case logits
    }

    let parameters: GPT2Parameters
    let graph: Graph
    private let workers: Workers
    private let buffers: Buffers
    private let arena: Arena
    private var batch = PackedBatch([], rows: .last)
    /// The rows of the batch that each block computes. [layers]
    private var blockRows: [BlockRows] = []
    /// The row of `change` of each sender; nil for one that was not heard in the last run from the start.
    private var slots: [Int?] = []
    /// Whether the stream holds each sender's real output.
    private var isReal: [Bool] = []

    private struct Buffers {
        /// The residual stream before each block and between its attention and MLP. [layers][rows, d]; the last block's
        /// middle [queries, d].
        let before, middle: [Matrix]
        /// The residual stream after the last block, and its LayerNorm. [queries, d]
        let after, final: Matrix
        /// Ablated z and MLP outputs. [layers][rows, d]; the last layer's [queries, d].
        let ablatedZ, ablatedMLP: [Matrix]
        /// The ablated embedding. [rows, d]
        let ablatedInput: Matrix
        /// Each sender's ablated less its real output. [senders, rows · d], and at last tokens [senders, queries · d].
        let change, endChange: Matrix
        /// The inputs of a layer's receivers. [3 · heads, rows · d]
        let inputs: Matrix
        /// [rows, 2]
        let statistics: Matrix
        /// [rows, 3d]
        let qkv: Matrix
        /// [rows, d]
        let z, difference, output: Matrix
        /// [rows, inner]
        let inner: Matrix
        /// As large as a layer's patterns.
        let pattern: Matrix
        /// 1 for each change that is part of a receiver's input. [3 · heads, senders]
        let dropped: Matrix

        init(_ arena: Arena, _ config: GPT2Config, _ capacity: BatchCapacity) {
            let (rows, queries, d, layers) = (capacity.rows, capacity.queries, config.width, 0..<config.layers)
            let (senders, receivers) = (Graph(config).senders.count, 3 * config.heads)
            before = layers.map { _ in arena.take(rows, d) }
            middle = layers.map { _ in arena.take(rows, d) }
            (after, final) = (arena.take(queries, d), arena.take(queries, d))
            ablatedZ = layers.map { _ in arena.take(rows, d) }
            ablatedMLP = layers.map { _ in arena.take(rows, d) }
            ablatedInput = arena.take(rows, d)
            (change, endChange) = (arena.take(senders, rows * d), arena.take(senders, queries * d))
            inputs = arena.take(receivers, rows * d)
            (statistics, qkv) = (arena.take(rows, 2), arena.take(rows, 3 * d))
            (z, difference, output) = (arena.take(rows, d), arena.take(rows, d), arena.take(rows, d))
            inner = arena.take(rows, config.innerWidth)
            (pattern, dropped) = (arena.take(1, config.heads * capacity.pairs), arena.take(receivers, senders))
        }
    }

    /// - Parameter capacity: the largest batch to come.
    init(_ parameters: GPT2Parameters, capacity: BatchCapacity, workers: Workers) {
        self.parameters = parameters
        self.workers = workers
        graph = Graph(parameters.config)
        (arena, buffers) = Arena.holding { Buffers($0, parameters.config, capacity) }
    }

    /// The bytes of the buffers for each row of a prompt.
    static func bytesPerRow(_ config: GPT2Config, longest: Int) -> Int {
        let prompt = BatchCapacity(lengths: [longest], count: 1, rows: .last)
        return Arena.bytes { Buffers($0, config, prompt) } / longest
    }

    /// Takes a batch whose prompts share no rows.
    ///
    /// - Parameters:
    ///   - sites: those of z, mlp_out and the residual stream before the first block that edges are dropped from.
    ///   - ablated: the ablated values of a site at tokens of the batch, for all heads.
    func prepare(
        _ batch: PackedBatch,
        sites: Set<Site>,
        ablated: (_ site: Site, _ layer: Int, _ tokens: [Int]) -> Edit
    ) {
        precondition(!batch.isSharing, "prompts that share rows")
        self.batch = batch
        blockRows = batch.blockRows(parameters.config)
        let ends = batch.prompts.map { $0.upperBound - 1 }
        func fill(_ site: Site, _ layer: Int, _ target: Matrix, _ tokens: [Int]) {
            ablated(site, layer, tokens).write(into: target, workers: workers)
        }
        let all = Array(batch.tokens.indices)
        if sites.contains(.residPre) { fill(.residPre, 0, buffers.ablatedInput, all) }
        for layer in 0..<graph.layers {
            let tokens = layer == graph.layers - 1 ? ends : all
            if sites.contains(.z) { fill(.z, layer, buffers.ablatedZ[layer], tokens) }
            if sites.contains(.mlpOut) { fill(.mlpOut, layer, buffers.ablatedMLP[layer], tokens) }
        }
    }

    /// Runs the batch with the edges `kept`.
    ///
    /// - Parameters:
    ///   - start: where this run first differs from the last one of the same batch and clamps; nil for a first run.
    ///   - clamped: heads and MLPs whose outputs are ablated at some tokens.
    /// - Returns: the final LayerNorm's output at the last token of each prompt [prompts, d]; the next run overwrites it.
    func run(_ kept: EdgeSet, from start: Start? = nil, clamping clamped: [Node: [Int]] = [:]) -> Matrix {
        let used = kept.sendersInUse
        if start == nil {
            var next = 0
            slots = used.map { isUsed in
                defer { next += isUsed ? 1 : 0 }
                return isUsed ? next : nil
            }
            isReal = used
            embed()
        }
        for layer in 0..<graph.layers {
            let (heads, mlp) = reach(start, layer)
            if heads {
                for head in 0..<graph.heads { renew(.head(Head(layer, head)), used) }
                runHeads(layer, kept, clamped)
            }
            if mlp {
                renew(.mlp(layer), used)
                runMLP(layer, kept, clamped)
            }
        }
        let queries = batch.prompts.count
        let input = inputs(of: [graph.receivers.count - 1], kept, buffers.after.prefix(queries), atEnds: true)[0]
        let final = buffers.final.prefix(queries)
        LayerNorm.forward(
            input, gamma: parameters.finalGamma, beta: parameters.finalBeta,
            epsilon: parameters.config.layerNormEpsilon, into: final, statistics: buffers.statistics.prefix(queries),
            workers: workers
        )
        return final
    }

    /// Whether a run from `start` computes a layer's heads and its MLP.
    private func reach(_ start: Start?, _ layer: Int) -> (heads: Bool, mlp: Bool) {
        switch start {
        case nil: (true, true)
        case .heads(let first): (first <= layer, first <= layer)
        case .mlp(let first): (first < layer, first <= layer)
        case .logits: (false, false)
        }
    }

    /// Records whether a sender, which is computed next, is heard.
    private func renew(_ sender: Graph.Sender, _ used: [Bool]) {
        let index = graph.index(of: sender)
        isReal[index] = used[index]
        precondition(!used[index] || slots[index] != nil, "a sender that was not heard from the beginning")
    }

    private func isHeard(_ sender: Graph.Sender) -> Bool { isReal[graph.index(of: sender)] }

    private var rows: Int { batch.tokens.count }

    /// A sender's row of `change` as a matrix [rows or queries, d]; nil where the stream holds its ablated output.
    private func change(_ sender: Graph.Sender, atEnds: Bool) -> Matrix? {
        let index = graph.index(of: sender)
        guard isReal[index], let slot = slots[index] else { return nil }
        let (all, count) = atEnds ? (buffers.endChange, batch.prompts.count) : (buffers.change, rows)
        return Matrix(base: all[slot], rows: count, columns: parameters.config.width)
    }

    private func embed() {
        let (input, ablated) = (buffers.before[0].prefix(rows), buffers.ablatedInput.prefix(rows))
        Embedding.forward(
            tokens: batch.tokens, positions: batch.positions, tokenTable: parameters.tokenTable,
            positionTable: parameters.positionTable, into: input, workers: workers
        )
        if let change = change(.input, atEnds: false) {
            ablated.subtract(input, into: change, workers: workers)
        } else {
            ablated.gather(Array(0..<rows), into: input, workers: workers)
        }
    }

    /// The inputs of some receivers of a layer [rows or queries, d]: the `stream` itself where no dropped edge changes it,
    /// and the same one for receivers with the same dropped senders.
    private func inputs(of receivers: [Int], _ kept: EdgeSet, _ stream: Matrix, atEnds: Bool) -> [Matrix] {
        var groups: [[Int]: Int] = [:]
        let owners = receivers.map { receiver -> Int? in
            let flags = kept.flags[graph.edges(into: receiver)]
            let dropped = zip(flags, zip(slots, isReal)).compactMap { !$0 && $1.1 ? $1.0 : nil }
            guard !dropped.isEmpty else { return nil }
            let group = groups[dropped] ?? groups.count
            groups[dropped] = group
            return group
        }
        let count = stream.rows * stream.columns
        let results = groups.values.sorted().map {
            Matrix(base: buffers.inputs[$0], rows: stream.rows, columns: stream.columns)
        }
        if !groups.isEmpty {
            let known = slots.prefix(graph.senderCounts[receivers.max()!]).compactMap { $0 }.count
            let dropped = buffers.dropped.prefix(groups.count).slice(columns: 0..<known)
            dropped.fill(0)
            for (senders, group) in groups {
                for sender in senders { dropped[group][sender] = 1 }
                workers.share(stream.rows) { rows in
                    for row in rows { results[group][row].update(from: stream[row], count: stream.columns) }
                }
            }
            let changes = (atEnds ? buffers.endChange : buffers.change).prefix(known).slice(columns: 0..<count)
            GEMM.multiply(
                dropped, changes, into: buffers.inputs.prefix(groups.count).slice(columns: 0..<count), beta: 1,
                workers: workers
            )
        }
        return owners.map { $0.map { results[$0] } ?? stream }
    }

    /// The residual stream after a block's attention [rows or queries, d] from that before the block [rows, d].
    private func runHeads(_ layer: Int, _ kept: EdgeSet, _ clamped: [Node: [Int]]) {
        let (config, weights, blockRows) = (parameters.config, parameters.blocks[layer], blockRows[layer])
        let (width, count, isLast) = (config.headWidth, blockRows.count, layer == config.layers - 1)
        let before = buffers.before[layer].prefix(rows)
        let heads = (0..<config.heads).map { Head(layer, $0) }
        let heard = heads.filter { isHeard(.head($0)) }
        let (ablated, z) = (buffers.ablatedZ[layer].prefix(count), buffers.z.prefix(count))
        let output = buffers.output.prefix(count)
        if !heard.isEmpty {
            projectInputs(layer, heard, kept, before)
            let qkv = buffers.qkv.prefix(rows)
            Attention.forward(
                q: blockRows.select(qkv.part(.q), into: output, workers: workers), k: qkv.part(.k), v: qkv.part(.v),
                heads: config.heads, scale: weights.attentionScale, spans: blockRows.spans,
                positions: blockRows.positions,
                pattern: buffers.pattern.base, into: z, workers: workers
            )
        }
        for head in heads {
            let offset = head.index * width
            for row in isHeard(.head(head)) ? clampedRows(clamped[.head(head)], layer) : Array(0..<count) {
                (z[row] + offset).update(from: ablated[row] + offset, count: width)
            }
        }
        let middle = buffers.middle[layer].prefix(count)
        Linear.forward(z, weight: weights.outWeight, bias: weights.outBias, into: output, workers: workers)
        blockRows.select(before, into: middle, workers: workers).add(output, into: middle, workers: workers)
        if isLast { gatherEndChanges(layer) }
        let difference = buffers.difference.prefix(count)
        ablated.subtract(z, into: difference, workers: workers)
        for head in heard {
            GEMM.multiply(
                difference.head(head.index, width: width), parameters.weights(of: head).output,
                into: change(.head(head), atEnds: isLast)!, workers: workers
            )
        }
    }

    /// The places of `tokens` among the rows that a layer computes.
    private func clampedRows(_ tokens: [Int]?, _ layer: Int) -> [Int] {
        guard let tokens, layer == graph.layers - 1 else { return tokens ?? [] }
        return tokens.compactMap { batch.queryOfRow[$0] }
    }

    /// q, k and v of some heads [rows, 3d], each from its own input [rows, d].
    private func projectInputs(_ layer: Int, _ heads: [Head], _ kept: EdgeSet, _ before: Matrix) {
        let (weights, width) = (parameters.blocks[layer], parameters.config.headWidth)
        let receivers = heads.flatMap { graph.receivers(of: .head($0)) }
        let inputs = inputs(of: receivers, kept, before, atEnds: false)
        var normals: [UnsafeMutablePointer<Float>: Matrix] = [:]
        for (receiver, input) in zip(receivers, inputs) {
            let normal = normals[input.base] ?? (input.base == before.base ? buffers.z.prefix(rows) : input)
            if normals.updateValue(normal, forKey: input.base) == nil {
                LayerNorm.forward(
                    input, gamma: weights.ln1Gamma, beta: weights.ln1Beta,
                    epsilon: parameters.config.layerNormEpsilon, into: normal,
                    statistics: buffers.statistics.prefix(rows), workers: workers
                )
            }
            guard case .head(let head, let name) = graph.receivers[receiver],
                let part = QKVPart(rawValue: name.rawValue)
            else { continue }
            weights.headForward(
                normal, part, head: head.index, width: width,
                into: buffers.qkv.prefix(rows).part(part).head(head.index, width: width), workers: workers
            )
        }
    }

    /// The changes at last tokens of the senders before the last layer.
    private func gatherEndChanges(_ layer: Int) {
        for sender in graph.senders.prefix(graph.index(of: Graph.Sender.head(Head(layer, 0)))) {
            guard let all = change(sender, atEnds: false) else { continue }
            all.gather(batch.queries, into: change(sender, atEnds: true)!, workers: workers)
        }
    }

    /// The residual stream after a block from that after its attention. [rows or queries, d]
    private func runMLP(_ layer: Int, _ kept: EdgeSet, _ clamped: [Node: [Int]]) {
        let (count, isLast) = (blockRows[layer].count, layer == graph.layers - 1)
        let middle = buffers.middle[layer].prefix(count)
        let after = (isLast ? buffers.after : buffers.before[layer + 1]).prefix(count)
        let ablated = buffers.ablatedMLP[layer].prefix(count)
        let sender = Graph.Sender.mlp(layer)
        guard isHeard(sender) else {
            middle.add(ablated, into: after, workers: workers)
            return
        }
        let input = inputs(of: [graph.index(of: Graph.Receiver.mlp(layer))], kept, middle, atEnds: isLast)[0]
        let (inner, output) = (buffers.inner.prefix(count), buffers.output.prefix(count))
        parameters.blocks[layer].mlpForward(
            input, epsilon: parameters.config.layerNormEpsilon, normal: buffers.z.prefix(count),
            statistics: buffers.statistics.prefix(count), inner: inner, active: inner, into: output, workers: workers
        )
        for row in clampedRows(clamped[.mlp(layer)], layer) {
            output[row].update(from: ablated[row], count: output.columns)
        }
        middle.add(output, into: after, workers: workers)
        ablated.subtract(output, into: change(sender, atEnds: isLast)!, workers: workers)
    }
}
