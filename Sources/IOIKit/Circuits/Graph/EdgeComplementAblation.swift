/// Edges of a model's graph, with the positions where its nodes are kept.
public struct EdgeCircuit: Equatable, Sendable {
    public var edges: EdgeSet
    /// Nodes that are ablated outside some positions. All others are kept at all positions.
    public var positions: [Node: PositionSelection]

    public init(_ edges: EdgeSet, positions: [Node: PositionSelection] = [:]) {
        self.edges = edges
        self.positions = positions
    }
}

/// Complement ablation by edge: receivers get the ablated outputs of senders along every edge except the kept ones
/// (Conmy et al. 2304.14997, section 3; Miller et al. 2407.08734, section 3).
public struct EdgeComplementAblation: Sendable {
    /// The circuit kept in each run.
    public var kept: [EdgeCircuit]
    public var ablation: Ablation
    public var metric = Metric.logitDifference

    public init(_ kept: [EdgeCircuit], ablation: Ablation = Ablation(.counterfactual)) {
        self.kept = kept
        self.ablation = ablation
    }

    /// Measures the model with only the edges of each of `kept`.
    ///
    /// - Parameters:
    ///   - reference: prompts whose counterfactuals give means; nil for `prompts`.
    ///   - done: measures from an interrupted call.
    ///   - progress: called with the share of the work done.
    ///   - model: the model to measure.
    ///   - prompts: the prompts to measure.
    ///   - settings: threads, memory and interruption.
    /// - Returns: measures with one cell for each of `kept`; `original` is the whole model.
    /// - Throws: `IOIError` if a prompt has no counterfactual, a group of prompts has no reference, or a logit
    ///   difference is not finite; ``PatchInterruption``.
    public func measure(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        reference: [Prompt]? = nil,
        settings: RunSettings,
        resuming done: PatchMeasures? = nil,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> PatchMeasures {
        let longest = prompts.map(\.tokens.count).max() ?? 1
        let rows = settings.memory / GraphPass.bytesPerRow(model.config, longest: longest)
        let runner = PatchRunner(
            model, prompts: prompts, metric: metric, keeping: [], batchTokens: min(Self.batchTokens, rows),
            stackedRows: 0, settings: settings
        )
        let ablator = try Ablator(
            ablation, of: model, sites: sites, prompts: prompts, reference: reference ?? prompts,
            capacity: runner.capacity, settings: settings
        )
        let pass = GraphPass(model, capacity: runner.capacity, workers: settings.workers)
        let measures = try runner.measure(
            cells: kept.count, runningBase: false, sharingBeginnings: false, resuming: done, progress: progress
        ) { batch, progress in
            ablator.prepare(batch)
            pass.prepare(batch.packed, sites: sites) {
                ablator.edit($0, layer: $1, head: nil, tokens: $2, of: batch)
            }
            var measures = PatchMeasures(cells: 0)
            measures.original = runner.original(of: batch)
            for circuit in kept {
                let final = pass.run(circuit.edges, clamping: circuit.clamps(batch))
                measures.patched.append(runner.values(MetricReader.rows(final)))
                try progress(Double(measures.patched.count) / Double(kept.count))
            }
            return measures
        }
        settings.shared?.keep(measures.original, unpatched: metric, of: model, prompts)
        return measures
    }

    /// The maximum number of tokens in a batch: enough for matrix products to run at full speed.
    private static let batchTokens = 512

    /// The sites whose ablated values are needed.
    private var sites: Set<Site> {
        var sites: Set<Site> = [.z]
        for circuit in kept {
            sites.formUnion(circuit.positions.keys.map(\.site))
            for (edge, isKept) in zip(circuit.edges.graph.edges, circuit.edges.flags) where !isKept {
                switch circuit.edges.graph.senders[edge.sender] {
                case .input: sites.insert(.residPre)
                case .mlp: sites.insert(.mlpOut)
                case .head: break
                }
            }
        }
        return sites
    }
}

extension EdgeCircuit {
    /// The tokens at which nodes are ablated.
    fileprivate func clamps(_ batch: PromptBatch) -> [Node: [Int]] {
        positions.mapValues { selection in
            let live = Set(batch.tokens([selection]))
            return batch.packed.promptOfToken.indices.filter { !live.contains($0) }
        }
    }
}
