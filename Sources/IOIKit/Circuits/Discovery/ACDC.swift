import Foundation

/// Automatic circuit discovery (ACDC, Conmy et al. 2304.14997, section 3.2): starting from the logits, each edge is
/// permanently dropped if that raises the metric by less than a threshold.
///
/// Receivers are visited from last to first: the logits, then in each layer the MLP and, last head first, each head's
/// v, k and q. The senders of each receiver are visited from last to first. Nodes whose outgoing edges were all dropped
/// lose their incoming edges without a test. Each run starts at the receiver under test, since nothing before it has
/// changed.
public struct ACDC: Sendable {
    /// The progress of a search.
    public struct State: Codable, Equatable, Sendable {
        /// The number of edges considered, in the order of the search.
        var done: Int
        /// The indices of dropped edges.
        var dropped: [Int]

        /// - Parameter edges: the number of edges of the graph.
        /// - Throws: `IOIError` that names the field.
        func check(edges: Int) throws {
            guard 0...edges ~= done else { throw IOIError("done: found \(done), expected 0 to \(edges)") }
            if let edge = dropped.first(where: { !(0..<edges ~= $0) }) ?? dropped.firstRepeated() {
                throw IOIError("dropped: found the edge \(edge), expected each from 0 to \(edges - 1) at most once")
            }
            guard dropped.count <= done else {
                throw IOIError("dropped: found \(dropped.count) edges, expected at most the \(done) that are done")
            }
        }
    }

    /// Thrown when a search is interrupted.
    public struct Interruption: Error {
        public let state: State
        public let total: Int
        public var done: Int { state.done }
    }

    /// In units of the metric.
    public var threshold: Double
    /// Its mean over the prompts decides: the rise of a divergence, or the fall of any other metric below the whole
    /// model's.
    public var metric: Metric
    public var ablation: Ablation

    public init(threshold: Double, metric: Metric = .divergence, ablation: Ablation = Ablation(.counterfactual)) {
        self.threshold = threshold
        self.metric = metric
        self.ablation = ablation
    }

    /// - Parameters:
    ///   - done: the state of an interrupted search.
    ///   - progress: called with the share of the edges considered.
    ///   - prompts: the prompts to measure.
    ///   - model: the model to measure.
    ///   - settings: threads, memory and interruption.
    /// - Returns: the remaining edges, without dangling ones.
    /// - Throws: `IOIError` if the prompts exceed the memory limit or a prompt has no counterfactual;
    ///   ``Interruption``.
    public func find(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        settings: RunSettings,
        resuming done: State? = nil,
        progress: (Double) -> Void = { _ in }
    ) throws -> EdgeSet {
        let search = try Search(self, model, prompts, settings: settings)
        return try search.run(resuming: done, settings: settings, progress: progress)
    }
}

private final class Search {
    private let options: ACDC
    private let pass: GraphPass
    private let graph: Graph
    private let prompts: [Prompt]
    private let reader: MetricReader
    /// The whole model's mean metric.
    private var whole = 0.0

    init(_ options: ACDC, _ model: GPT2Parameters, _ prompts: [Prompt], settings: RunSettings) throws {
        (self.options, self.prompts) = (options, prompts)
        try options.metric.check(prompts)
        reader = MetricReader(options.metric, model, workers: settings.workers)
        graph = Graph(model.config)
        let lengths = prompts.map(\.tokens.count)
        let capacity = BatchCapacity(lengths: lengths, count: prompts.count, rows: .last)
        let vocabulary = model.config.vocabularySize
        let bytes =
            capacity.rows * GraphPass.bytesPerRow(model.config, longest: lengths.max() ?? 1)
            + (options.metric == .logitDifference ? 0 : prompts.count + MetricReader.rows) * vocabulary
            * MemoryLayout<Float>.stride
        guard bytes <= settings.memory else {
            throw IOIError.invalid(
                "prompts.count",
                "found \(prompts.count), which take \(String(format: "%.1f", Double(bytes) / 1e9)) GB at once; "
                    + "expected fewer prompts or a memory limit of \(Int((Double(bytes) / 1e9).rounded(.up))) GB"
            )
        }
        let batch = PromptBatch(
            prompts: prompts[...],
            packed: PackedBatch(prompts.map(\.tokens), rows: .last, sharesBeginnings: false)
        )
        let sites: Set<Site> = [.residPre, .z, .mlpOut]
        let ablator = try Ablator(
            options.ablation, of: model, sites: sites, prompts: prompts, reference: prompts, capacity: capacity,
            settings: settings
        )
        ablator.prepare(batch)
        pass = GraphPass(model, capacity: capacity, workers: settings.workers)
        pass.prepare(batch.packed, sites: sites) { ablator.edit($0, layer: $1, head: nil, tokens: $2, of: batch) }
        reader.prepare(prompts[...])
    }

    /// The edges in the order of the search, by receiver.
    private var order: [(receiver: Int, edges: [Graph.Edge])] {
        var receivers = [graph.receivers.count - 1]
        for layer in (0..<graph.layers).reversed() {
            receivers.append(graph.index(of: Graph.Receiver.mlp(layer)))
            for head in (0..<graph.heads).reversed() {
                receivers += graph.receivers(of: .head(Head(layer, head))).reversed()
            }
        }
        return receivers.map { receiver in
            (receiver, (0..<graph.senderCounts[receiver]).reversed().map { Graph.Edge(sender: $0, receiver: receiver) })
        }
    }

    func run(
        resuming done: ACDC.State?,
        settings: RunSettings,
        progress: (Double) -> Void
    ) throws -> EdgeSet {
        var kept = EdgeSet(all: graph)
        let rows = MetricReader.rows(pass.run(kept))
        reader.takeReference(rows)
        whole = reader.values(rows).mean
        var state = done ?? ACDC.State(done: 0, dropped: [])
        for edge in state.dropped { kept.remove(graph.edges[edge]) }
        var current = measure(pass.run(kept, from: .heads(0)))
        var count = 0
        for (receiver, edges) in order {
            for edge in edges {
                count += 1
                guard count > state.done else { continue }
                // All ranks stop at the same edge.
                if settings.ranks.any(settings.isStopping) {
                    throw ACDC.Interruption(state: state, total: graph.edgeCount)
                }
                kept.remove(edge)
                var isDropped = !isRead(receiver, kept)
                if !isDropped {
                    let value = measure(pass.run(kept, from: start(receiver)))
                    isDropped = value - current < options.threshold
                    if isDropped { current = value } else { kept.insert(edge) }
                }
                if isDropped { state.dropped.append(graph.index(of: edge)) }
                state.done = count
            }
            progress(Double(count) / Double(graph.edgeCount))
        }
        kept.prune()
        return kept
    }

    private func isRead(_ receiver: Int, _ kept: EdgeSet) -> Bool {
        switch graph.receivers[receiver] {
        case .logits: true
        case .head(let head, _): kept.isRead(.head(head))
        case .mlp(let layer): kept.isRead(.mlp(layer))
        }
    }

    private func start(_ receiver: Int) -> GraphPass.Start {
        switch graph.receivers[receiver] {
        case .logits: .logits
        case .head(let head, _): .heads(head.layer)
        case .mlp(let layer): .mlp(layer)
        }
    }

    /// What is lost of the mean metric.
    private func measure(_ final: Matrix) -> Double {
        let mean = reader.values(MetricReader.rows(final)).mean
        return options.metric.sign * (whole - mean)
    }
}
