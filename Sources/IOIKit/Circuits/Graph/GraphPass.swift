/// Forward passes of a model as a graph: every receiver has an input of its own, to which a sender gives what it puts
/// out in this pass where the edge between them is kept, and an ablated output where it is not (Conmy et al. 2304.14997, section 3).
///
/// The residual stream holds every sender's output of the pass; a receiver's input is the stream and, for each sender
/// whose edge is dropped, the ablated less the real output. These sums are one product for all receivers of a layer.
/// Only senders that some receiver hears are computed at all: the others put out their ablated outputs.
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
    /// Where in `change` each sender stands; nil for one that was not heard when a run last began at the beginning.
    private var slots: [Int?] = []
    /// For each sender whether the stream holds its real output.
    private var isReal: [Bool] = []

    private struct Buffers {
        /// Before each block, after its attention. [layers][rows, d]; of the last block's middle [queries, d].
        let before, middle: [Matrix]
        /// After the last block, and its LayerNorm. [queries, d]
        let after, final: Matrix
        /// The ablated z and MLP outputs; of the last layer [queries, d].
        let ablatedZ, ablatedMLP: [Matrix]
        /// The ablated embedding.
        let ablatedInput: Matrix
        /// A sender's ablated less its real output. [senders, rows · d]; in `endChange` at last tokens.
        let change, endChange: Matrix
        /// The inputs of a layer's receivers. [3 · heads, rows · d]
        let inputs: Matrix
        /// [3 · heads · rows, 2]
        let statistics: Matrix
        /// [rows, 3d], [rows, d], [rows, inner].
        let qkv, z, difference, output, inner: Matrix
        /// As long as a layer's patterns.
        let pattern: Matrix
        /// [3 · heads, senders]: which changes a receiver's input gets.
        let dropped: Matrix
    }

    /// - Parameter capacity: the largest batch to come.
    init(_ parameters: GPT2Parameters, capacity: BatchCapacity, workers: Workers) {
        self.parameters = parameters
        self.workers = workers
        let config = parameters.config
        graph = Graph(config)
        let (rows, queries, d) = (capacity.rows, capacity.queries, config.width)
        let (layers, senders, receivers) = (0..<config.layers, graph.senders.count, 3 * config.heads)
        (arena, buffers) = Arena.holding { arena in
            Buffers(
                before: layers.map { _ in arena.take(rows, d) }, middle: layers.map { _ in arena.take(rows, d) },
                after: arena.take(queries, d), final: arena.take(queries, d),
                ablatedZ: layers.map { _ in arena.take(rows, d) },
                ablatedMLP: layers.map { _ in arena.take(rows, d) }, ablatedInput: arena.take(rows, d),
                change: arena.take(senders, rows * d), endChange: arena.take(senders, queries * d),
                inputs: arena.take(receivers, rows * d), statistics: arena.take(receivers * rows, 2),
                qkv: arena.take(rows, 3 * d), z: arena.take(rows, d), difference: arena.take(rows, d),
                output: arena.take(rows, d), inner: arena.take(rows, config.innerWidth),
                pattern: arena.take(1, config.heads * capacity.pairs), dropped: arena.take(receivers, senders)
            )
        }
    }

    /// The bytes of the buffers for a row.
    static func bytesPerRow(_ config: GPT2Config, longest: Int) -> Int {
        let graph = Graph(config)
        let wide = graph.senders.count + 3 * config.heads + 4 * config.layers + 8
        return (wide * config.width + config.innerWidth + config.heads * longest) * MemoryLayout<Float>.stride
    }

    /// Takes a batch in which every prompt has rows of its own.
    ///
    /// - Parameters:
    ///   - sites: of z, mlp_out and the residual stream before the first block, those that edges will be dropped from.
    ///   - ablated: the ablated values of a site at tokens of the batch, of all heads.
    func prepare(
        _ batch: PackedBatch,
        sites: Set<Site>,
        ablated: (_ site: Site, _ layer: Int, _ tokens: [Int]) -> Edit
    ) {
        precondition(!batch.isSharing, "prompts that share rows")
        self.batch = batch
        let ends = batch.prompts.map { $0.upperBound - 1 }
        func fill(_ site: Site, _ layer: Int, _ target: Matrix, _ tokens: [Int]) {
            let edit = ablated(site, layer, tokens)
            let donated = edit.donor?.kept(site, layer: layer)
            for index in tokens.indices {
                edit.write(index, of: donated, into: target[index], offset: 0, count: target.columns)
            }
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
    ///   - start: where this run first differs from the last one, of the same batch and clamps; nil for a first run.
    ///   - clamped: for each layer the heads that put out their ablated z at some tokens.
    /// - Returns: the final LayerNorm's output at the last token of each prompt [prompts, d]; the next run overwrites it.
    func run(_ kept: EdgeSet, from start: Start? = nil, clamping clamped: [Head: [Int]] = [:]) -> Matrix {
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
                runMLP(layer, kept)
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

    /// Whether a run from `start` on computes a layer's heads and its MLP.
    private func reach(_ start: Start?, _ layer: Int) -> (heads: Bool, mlp: Bool) {
        switch start {
        case nil: (true, true)
        case .heads(let first): (first <= layer, first <= layer)
        case .mlp(let first): (first < layer, first <= layer)
        case .logits: (false, false)
        }
    }

    /// Notes for a sender that is about to be computed whether it is heard.
    private func renew(_ sender: Graph.Sender, _ used: [Bool]) {
        let index = graph.index(of: sender)
        isReal[index] = used[index]
        precondition(!used[index] || slots[index] != nil, "a sender that was not heard from the beginning")
    }

    private func isHeard(_ sender: Graph.Sender) -> Bool { isReal[graph.index(of: sender)] }

    private var rows: Int { batch.tokens.count }

    /// A sender's row of the changes as a matrix; nil where the stream holds its ablated output.
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

    /// The inputs of some receivers of a layer, [rows, d] each: the `stream` itself where no dropped edge changes it.
    ///
    /// Receivers that lack the same senders share one.
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

    /// From the residual stream before a block to that at its middle.
    private func runHeads(_ layer: Int, _ kept: EdgeSet, _ clamped: [Head: [Int]]) {
        let (config, weights) = (parameters.config, parameters.blocks[layer])
        let (d, width) = (config.width, config.headWidth)
        let isLast = layer == config.layers - 1
        let count = isLast ? batch.prompts.count : rows
        let before = buffers.before[layer].prefix(rows)
        let heads = (0..<config.heads).map { Head(layer, $0) }
        let heard = heads.filter { isHeard(.head($0)) }
        let (ablated, z) = (buffers.ablatedZ[layer].prefix(count), buffers.z.prefix(count))
        if !heard.isEmpty {
            projectInputs(layer, heard, kept, before)
            let (qkv, ends) = (buffers.qkv.prefix(rows), batch.queries)
            var q = qkv.slice(columns: 0..<d)
            if isLast {
                q.gather(ends, into: buffers.output.prefix(count), workers: workers)
                q = buffers.output.prefix(count)
            }
            Attention.forward(
                q: q, k: qkv.slice(columns: d..<2 * d), v: qkv.slice(columns: 2 * d..<3 * d), heads: config.heads,
                spans: isLast ? batch.lastSpans(heads: config.heads) : batch.spans(heads: config.heads),
                positions: isLast ? ends.map { batch.positions[$0] } : batch.positions,
                pattern: buffers.pattern.base, into: z, workers: workers
            )
        }
        let places = isLast ? batch.queryOfRow : Array(0..<rows)
        for head in heads {
            let offset = head.index * width
            for row in isHeard(.head(head)) ? (clamped[head] ?? []).compactMap({ places[$0] }) : Array(0..<count) {
                (z[row] + offset).update(from: ablated[row] + offset, count: width)
            }
        }
        let middle = buffers.middle[layer].prefix(count)
        Linear.forward(
            z, weight: weights.outWeight, bias: weights.outBias, into: buffers.output.prefix(count), workers: workers
        )
        if isLast {
            before.gather(batch.queries, into: middle, workers: workers)
            middle.add(buffers.output.prefix(count), into: middle, workers: workers)
            gatherEndChanges(layer)
        } else {
            before.add(buffers.output.prefix(count), into: middle, workers: workers)
        }
        let difference = buffers.difference.prefix(count)
        ablated.subtract(z, into: difference, workers: workers)
        for head in heard {
            let band = head.index * width..<(head.index + 1) * width
            GEMM.multiply(
                difference.slice(columns: band), weights.outWeight.slice(rows: band),
                into: change(.head(head), atEnds: isLast)!, workers: workers
            )
        }
    }

    /// q, k and v of some heads, each from its own input.
    private func projectInputs(_ layer: Int, _ heads: [Head], _ kept: EdgeSet, _ before: Matrix) {
        let (config, weights) = (parameters.config, parameters.blocks[layer])
        let width = config.headWidth
        let receivers = heads.flatMap { graph.receivers(of: .head($0)) }
        let inputs = inputs(of: receivers, kept, before, atEnds: false)
        var normals: [UnsafeMutablePointer<Float>: Matrix] = [:]
        for (receiver, input) in zip(receivers, inputs) {
            let normal =
                normals[input.base]
                ?? normalise(
                    input, weights.ln1Gamma, weights.ln1Beta, into: input.base == before.base ? buffers.z : input)
            normals[input.base] = normal
            guard case .head(let head, let part) = graph.receivers[receiver] else { continue }
            let first = Graph.HeadInput.allCases.firstIndex(of: part)! * config.width + head.index * width
            let columns = first..<first + width
            Linear.forward(
                normal, weight: weights.qkvWeight.slice(columns: columns),
                bias: weights.qkvBias.slice(columns: columns), into: buffers.qkv.prefix(rows).slice(columns: columns),
                workers: workers
            )
        }
    }

    private func normalise(_ input: Matrix, _ gamma: Matrix, _ beta: Matrix, into target: Matrix) -> Matrix {
        let normal = target.prefix(input.rows)
        LayerNorm.forward(
            input, gamma: gamma, beta: beta, epsilon: parameters.config.layerNormEpsilon, into: normal,
            statistics: buffers.statistics.prefix(input.rows), workers: workers
        )
        return normal
    }

    /// What the receivers at last tokens need of the senders before the last layer.
    private func gatherEndChanges(_ layer: Int) {
        for sender in graph.senders.prefix(graph.index(of: Graph.Sender.head(Head(layer, 0)))) {
            guard let all = change(sender, atEnds: false) else { continue }
            all.gather(batch.queries, into: change(sender, atEnds: true)!, workers: workers)
        }
    }

    /// From the residual stream at a block's middle to that after it.
    private func runMLP(_ layer: Int, _ kept: EdgeSet) {
        let weights = parameters.blocks[layer]
        let isLast = layer == graph.layers - 1
        let count = isLast ? batch.prompts.count : rows
        let middle = buffers.middle[layer].prefix(count)
        let after = (isLast ? buffers.after : buffers.before[layer + 1]).prefix(count)
        let ablated = buffers.ablatedMLP[layer].prefix(count)
        let sender = Graph.Sender.mlp(layer)
        guard isHeard(sender) else {
            middle.add(ablated, into: after, workers: workers)
            return
        }
        let input = inputs(of: [graph.index(of: Graph.Receiver.mlp(layer))], kept, middle, atEnds: isLast)[0]
        let normal = normalise(input, weights.ln2Gamma, weights.ln2Beta, into: buffers.z)
        let (inner, output) = (buffers.inner.prefix(count), buffers.output.prefix(count))
        Linear.forward(normal, weight: weights.innerWeight, bias: weights.innerBias, into: inner, workers: workers)
        GELU.forward(inner, into: inner, workers: workers)
        Linear.forward(inner, weight: weights.outerWeight, bias: weights.outerBias, into: output, workers: workers)
        middle.add(output, into: after, workers: workers)
        ablated.subtract(output, into: change(sender, atEnds: isLast)!, workers: workers)
    }
}
