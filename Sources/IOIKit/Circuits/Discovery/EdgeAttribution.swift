/// Edge attribution patching: a first-order estimate of what ablating each edge costs in a metric.
///
/// The score of an edge u→v is Σ over positions of (counterfactual − clean output of u) · ∂(−m)/∂(input of v), where m is
/// the metric, or its negative for a divergence. EAP
/// uses the gradient of the clean run (Syed et al. 2310.10348). EAP-IG averages it over runs with embeddings
/// interpolated between the counterfactual and the prompt (Hanna et al. 2403.17806, section 3).
public struct EdgeAttribution: Sendable {
    /// Where EAP-IG takes the gradient: the points of a sum for the integral over [0, 1]. A point is the prompt's share
    /// of the embeddings; the counterfactual has the rest.
    public enum Rule: String, CaseIterable, Codable, Sendable {
        /// 1/m, 2/m, …, 1, as the paper has it.
        case right
        /// 0, 1/m, …, (m − 1)/m, as the authors' code has it since 2025.
        case left
        /// 1/2m, 3/2m, …, 1 − 1/2m, whose error falls with m² instead of m.
        case midpoint

        /// - Parameters:
        ///   - step: from 1.
        ///   - count: the number of points m.
        func share(_ step: Int, of count: Int) -> Float {
            switch self {
            case .right: Float(step) / Float(count)
            case .left: Float(step - 1) / Float(count)
            case .midpoint: (Float(step) - 0.5) / Float(count)
            }
        }
    }

    /// The number of interpolated runs for EAP-IG; nil for EAP.
    public var steps: Int?
    public var metric = Metric.logitDifference
    /// Without effect on EAP.
    public var rule: Rule

    public init(steps: Int? = nil, rule: Rule = .right) { (self.steps, self.rule) = (steps, rule) }

    /// The prompt's share of the embeddings in each run.
    private var shares: [Float] { steps.map { count in (1...count).map { rule.share($0, of: count) } } ?? [1] }

    /// - Parameters:
    ///   - progress: called with the share of the prompts done.
    ///   - prompts: the prompts to measure.
    ///   - settings: threads, memory and interruption.
    ///   - model: the model to measure.
    /// - Throws: `IOIError` if a prompt has no counterfactual or a score is not finite; ``PatchInterruption`` without
    ///   measures.
    public func scores(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        settings: RunSettings,
        progress: (Double) -> Void = { _ in }
    ) throws -> EdgeScores {
        let lengths = prompts.map(\.tokens.count)
        let longest = lengths.max() ?? 1
        let rows = max(longest, min(512, settings.memory / Pass.bytesPerRow(model.config, longest: longest)))
        let size = min(prompts.count, max(1, rows / longest))
        let counterfactuals = try prompts.map { try $0.counterfactual() }
        try metric.check(prompts)
        guard metric.isRelative || steps ?? 1 > 1 else {
            throw IOIError.invalid(
                "metric",
                "found \(metric.rawValue), whose gradient is 0 in the unpatched run; expected another metric, or EAP-IG "
                    + "with two steps or more"
            )
        }
        let pass = Pass(
            model, metric, capacity: BatchCapacity(lengths: lengths, count: size, rows: .last),
            workers: settings.workers
        )
        let started = ContinuousClock.now
        var scores = EdgeScores(pass.graph, prompts: prompts.count)
        var settings = settings
        if !settings.ranks.areTogether { settings.ranks = .alone }
        let ranks = settings.ranks
        try settings.divide {
            let part = ranks.part(of: prompts.count)
            for start in stride(from: part.lowerBound, to: part.upperBound, by: size) {
                try settings.checkInterruption()
                let range = start..<min(start + size, part.upperBound)
                pass.score(
                    prompts[range], counterfactuals: Array(counterfactuals[range]), shares: shares,
                    into: &scores.perPrompt[range])
                progress(Double(range.upperBound - part.lowerBound) / Double(part.count))
            }
        }
        for rank in 0..<ranks.count {
            for prompt in ranks.part(of: prompts.count, rank: rank) {
                scores.perPrompt[prompt].withUnsafeMutableBytes {
                    ranks.broadcast($0.baseAddress!, count: $0.count, from: rank)
                }
            }
        }
        for (prompt, values) in zip(prompts, scores.perPrompt) where !values.allSatisfy(\.isFinite) {
            throw IOIError("prompt \(prompt.id): an edge's score is not a finite number")
        }
        scores.seconds = (ContinuousClock.now - started) / .seconds(1)
        scores.forwardSeconds = pass.forwardSeconds
        return scores
    }
}

/// The runs and buffers for batches up to a capacity.
private final class Pass {
    let graph: Graph
    private let workers: Workers
    private let clean, corrupt: ForwardPass
    private let backward: BackwardPass
    private let reader: MetricReader
    private let buffers: Buffers
    private let arena: Arena
    /// The time spent on clean runs.
    private(set) var forwardSeconds = 0.0

    private struct Buffers {
        /// Counterfactual minus clean output of each sender. [senders, rows · d]
        let change: Matrix
        /// The gradients with respect to the inputs of a layer's receivers. [3 · heads, rows · d]
        let gradients: Matrix
        /// [rows, d]
        let narrow, difference: Matrix
        /// Each prompt's scores for the edges into a layer's receivers. [prompts, senders · 3 · heads]
        let products: Matrix
    }

    init(_ parameters: GPT2Parameters, _ metric: Metric, capacity: BatchCapacity, workers: Workers) {
        let config = parameters.config
        let graph = Graph(config)
        reader = MetricReader(metric, parameters, workers: workers)
        self.graph = graph
        self.workers = workers
        var keeping = Activations.Keeping.forBackward
        keeping.sites.insert(.mlpOut)
        clean = ForwardPass(parameters, capacity: capacity, keeping: keeping, workers: workers)
        corrupt = ForwardPass(parameters, capacity: capacity, keeping: [.residPre, .z, .mlpOut], workers: workers)
        backward = BackwardPass(clean, ofParameters: false)
        let (rows, d, receivers) = (capacity.rows, config.width, 3 * config.heads)
        (arena, buffers) = Arena.holding { arena in
            Buffers(
                change: arena.take(graph.senders.count, rows * d), gradients: arena.take(receivers, rows * d),
                narrow: arena.take(rows, d), difference: arena.take(rows, d),
                products: arena.take(capacity.queries, graph.senders.count * receivers)
            )
        }
    }

    /// The bytes per row of all buffers.
    static func bytesPerRow(_ config: GPT2Config, longest: Int) -> Int {
        let ours = Graph(config).senders.count + 3 * config.heads + 2
        let runs = config.layers * (11 * config.width + config.innerWidth + config.heads * longest)
        return (ours * config.width + runs) * MemoryLayout<Float>.stride
    }

    private var rows: Int { clean.batch.tokens.count }
    private var config: GPT2Config { clean.parameters.config }

    func score(
        _ prompts: ArraySlice<Prompt>,
        counterfactuals: [[Int]],
        shares: [Float],
        into scores: inout ArraySlice<[Float]>
    ) {
        let batch = PackedBatch(prompts.map(\.tokens), rows: .last, sharesBeginnings: false)
        corrupt.run(PackedBatch(counterfactuals, rows: .last, sharesBeginnings: false))
        let started = ContinuousClock.now
        clean.run(batch)
        forwardSeconds += (ContinuousClock.now - started) / .seconds(1)
        takeChanges()
        reader.prepare(prompts)
        reader.takeReference(PatchRunner.ends(of: clean))
        for share in shares {
            if share < 1 {
                clean.run(batch) { site, _, input in
                    guard site == .residPre else { return }
                    let change = self.change(0)
                    self.workers.share(input.rows) { rows in
                        for row in rows {
                            for i in 0..<input.columns { input[row][i] += (1 - share) * change[row][i] }
                        }
                    }
                }
            } else if shares.count > 1 {
                clean.run(batch)
            }
            backward.run { final in
                // Of what is lost: a divergence grows, any other metric falls.
                reader.gradient(
                    PatchRunner.ends(of: clean), times: -Float(reader.metric.sign),
                    into: batch.queryOfLabel.map { final[$0] }
                )
            } showing: { step in
                take(step) { addScores(of: $0, weight: 1 / Float(shares.count), to: &scores) }
            }
        }
    }

    /// A sender's change. [rows, d]
    private func change(_ sender: Int) -> Matrix {
        Matrix(base: buffers.change[sender], rows: rows, columns: config.width)
    }

    private func gradient(_ index: Int) -> Matrix {
        Matrix(base: buffers.gradients[index], rows: rows, columns: config.width)
    }

    /// Lets `body` fill the rows that a layer computes, and sets the others to zero.
    private func atQueries(_ layer: Int, of target: Matrix, _ body: (Matrix) -> Void) {
        guard layer == config.layers - 1 else { return body(target) }
        let ends = buffers.narrow.prefix(clean.batch.queries.count)
        body(ends)
        target.fill(0)
        ends.scatter(clean.batch.queries, addingTo: target, workers: workers)
    }

    private func takeChanges() {
        corrupt.kept(.residPre, layer: 0).subtract(clean.kept(.residPre, layer: 0), into: change(0), workers: workers)
        for layer in 0..<config.layers {
            let (from, to) = (clean.kept(.z, layer: layer), corrupt.kept(.z, layer: layer))
            let difference = buffers.difference.prefix(from.rows)
            to.subtract(from, into: difference, workers: workers)
            for head in 0..<config.heads {
                let band = head * config.headWidth..<(head + 1) * config.headWidth
                atQueries(layer, of: change(graph.index(of: Graph.Sender.head(Head(layer, head))))) { target in
                    GEMM.multiply(
                        difference.slice(columns: band), clean.parameters.blocks[layer].outWeight.slice(rows: band),
                        into: target, workers: workers
                    )
                }
            }
            atQueries(layer, of: change(graph.index(of: Graph.Sender.mlp(layer)))) { target in
                corrupt.kept(.mlpOut, layer: layer).subtract(
                    clean.kept(.mlpOut, layer: layer), into: target, workers: workers
                )
            }
        }
    }

    /// Converts a gradient from the backward pass into the gradients of some receivers' inputs.
    private func take(_ step: BackwardPass.Step, _ body: (Range<Int>) -> Void) {
        switch step {
        case .residual(.residPost, config.layers - 1, let gradient):
            let target = self.gradient(0)
            target.fill(0)
            gradient.scatter(clean.batch.queries, addingTo: target, workers: workers)
            body(graph.receivers.count - 1..<graph.receivers.count)
        case .residual, .z, .block: return
        case .mlpInput(let layer, let gradient):
            let weights = clean.parameters.blocks[layer]
            let block = clean.block(layer)
            atQueries(layer, of: self.gradient(0)) { target in
                target.fill(0)
                LayerNorm.backward(
                    gradient, x: block.residMid, gamma: weights.ln2Gamma, statistics: block.ln2Statistics,
                    addingTo: target, dGamma: nil, dBeta: nil, workers: workers
                )
            }
            let receiver = graph.index(of: Graph.Receiver.mlp(layer))
            body(receiver..<receiver + 1)
        case .heads(let layer, let q, let k, let v):
            let weights = clean.parameters.blocks[layer]
            let block = clean.block(layer)
            let d = config.width
            for head in 0..<config.heads {
                let band = head * config.headWidth..<(head + 1) * config.headWidth
                for (part, values) in [q, k, v].enumerated() {
                    let normal = buffers.difference.prefix(rows)
                    let weight = weights.qkvWeight.slice(columns: part * d..<(part + 1) * d).slice(columns: band)
                    func project(into target: Matrix) {
                        GEMM.multiply(values.slice(columns: band), weight.transposed, into: target, workers: workers)
                    }
                    if part == 0 { atQueries(layer, of: normal, project) } else { project(into: normal) }
                    let target = gradient(3 * head + part)
                    target.fill(0)
                    LayerNorm.backward(
                        normal, x: block.residPre, gamma: weights.ln1Gamma,
                        statistics: block.ln1Statistics, addingTo: target, dGamma: nil, dBeta: nil, workers: workers
                    )
                }
            }
            let first = graph.index(of: Graph.Receiver.head(Head(layer, 0), .q))
            body(first..<first + 3 * config.heads)
        }
    }

    /// Adds the scores of all edges into receivers whose gradients are in the buffers.
    private func addScores(of receivers: Range<Int>, weight: Float, to scores: inout ArraySlice<[Float]>) {
        let (d, senders) = (config.width, graph.senderCounts[receivers.lowerBound])
        let batch = clean.batch
        workers.share(batch.prompts.count) { prompts in
            for prompt in prompts {
                let columns = batch.prompts[prompt].lowerBound * d..<batch.prompts[prompt].upperBound * d
                GEMM.multiply(
                    buffers.change.prefix(senders).slice(columns: columns),
                    buffers.gradients.prefix(receivers.count).slice(columns: columns).transposed,
                    into: Matrix(base: buffers.products[prompt], rows: senders, columns: receivers.count),
                    alpha: weight, workers: workers.alone
                )
            }
        }
        for (prompt, index) in scores.indices.enumerated() {
            let products = buffers.products[prompt]
            for (place, receiver) in receivers.enumerated() {
                let first = graph.edges(into: receiver).lowerBound
                for sender in 0..<senders {
                    scores[index][first + sender] += products[sender * receivers.count + place]
                }
            }
        }
    }
}
