/// F(C∖K) and F(M∖K) for sets K of a circuit's heads and MLPs: the metric of the circuit and of the whole model
/// without K. Each set is run only once.
final class CircuitSubsets {
    private let circuit: [Node: PositionSelection]
    private let model: GPT2Parameters
    private let prompts: [Prompt]
    private let reference: [Prompt]
    private let ablation: Ablation
    private let metric: Metric
    private let settings: RunSettings
    private let measuring: PatchMeasures.Measuring
    private let name: String

    /// F(M); empty before the first run. [prompts]
    private(set) var original: [Double] = []
    /// F(C∖K). [prompts]
    private var circuits: [Set<Node>: [Double]] = [:]
    /// F(M∖K) for nonempty K. [prompts]
    private var models: [Set<Node>: [Double]] = [:]

    /// - Parameters:
    ///   - circuit: the nodes and where each is kept.
    ///   - reference: prompts whose counterfactuals give means.
    ///   - name: the prefix of stage names.
    ///   - measuring: wraps each stage.
    init(
        of circuit: [Node: PositionSelection],
        in model: GPT2Parameters,
        _ prompts: [Prompt],
        reference: [Prompt],
        ablation: Ablation,
        metric: Metric = .logitDifference,
        settings: RunSettings,
        name: String = "all",
        measuring: @escaping PatchMeasures.Measuring = { _, _, body in try body(nil) }
    ) {
        (self.circuit, self.model, self.prompts, self.reference) = (circuit, model, prompts, reference)
        (self.ablation, self.settings, self.name, self.measuring) = (ablation, settings, name, measuring)
        self.metric = metric
    }

    var count: Int { prompts.count }

    private func size(_ cells: Int) -> PatchMeasures.Size { .init(cells: cells, prompts: count) }

    /// Runs the circuit without each of some sets of its nodes.
    ///
    /// - Parameter stage: identifies the work when an interrupted run resumes.
    /// - Throws: errors from ``ComplementAblation``.
    func runCircuit(
        without sets: [Set<Node>],
        stage: String,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws {
        let new = sets.distinct { circuits[$0] == nil }
        guard !new.isEmpty else { return }
        var ablated = ComplementAblation(
            new.map { removed in circuit.filter { !removed.contains($0.key) } }, ablation: ablation,
            ablatingMLPs: circuit.keys.contains { $0.mlp != nil }
        )
        ablated.metric = metric
        let measures = try measuring("\(name), \(stage), circuit", size(new.count)) {
            try ablated.measure(
                model, prompts, reference: reference, settings: settings, resuming: $0, progress: progress
            )
        }
        original = measures.original
        for (set, differences) in zip(new, measures.patched) { circuits[set] = differences }
    }

    /// Runs the whole model without each of some sets of the circuit's nodes, knocked out where the circuit keeps them.
    ///
    /// - Throws: errors from ``Knockout``.
    func runModel(
        without sets: [Set<Node>],
        stage: String,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws {
        let new = sets.distinct { models[$0] == nil && !$0.isEmpty }
        guard !new.isEmpty else { return }
        let targets = new.map { removed in
            var target = KnockoutTarget(removed.sorted().map(\.description).joined(separator: ","))
            for node in removed { target.add(node, at: circuit[node]!) }
            return target
        }
        var knockout = Knockout(targets, ablation: ablation)
        knockout.metric = metric
        let measures = try measuring("\(name), \(stage), model", size(new.count)) {
            try knockout.measure(
                model, prompts, reference: reference, settings: settings, resuming: $0, progress: progress
            )
        }
        original = measures.original
        for (set, differences) in zip(new, measures.patched) { models[set] = differences }
    }

    /// F(C∖K) for a set that was run. [prompts]
    func circuit(without removed: Set<Node>) -> [Double] { circuits[removed]! }

    /// F(M∖K) for a set that was run. [prompts]
    func model(without removed: Set<Node>) -> [Double] { removed.isEmpty ? original : models[removed]! }

    /// |F(C∖K) − F(C∖L)| of the means.
    func change(from some: Set<Node>, to others: Set<Node>) -> Double {
        abs(circuit(without: some).mean - circuit(without: others).mean)
    }

    /// |F(C∖K) − F(M∖K)| of the means.
    func gap(without removed: Set<Node>) -> Double {
        abs(circuit(without: removed).mean - model(without: removed).mean)
    }

    /// Estimates F(C∖K) and F(M∖K) for sets that were run.
    func estimates(circuit: [Set<Node>], model: [Set<Node>], seed: UInt64) -> SubsetEstimates {
        let (circuit, model) = (Set(circuit), Set(model))
        return SubsetEstimates(
            original: original, circuits: circuits.filter { circuit.contains($0.key) },
            models: models.filter { model.contains($0.key) }, seed: seed, workers: settings.workers
        )
    }
}

/// F(M), F(C∖K) and F(M∖K) as means over prompts, resampled together.
struct SubsetEstimates {
    private let sums: ResampledSums
    private let circuitColumns: [Set<Node>: Int]
    private let modelColumns: [Set<Node>: Int]
    /// The standard deviation over prompts of the model's metric.
    let spread: Double

    init(
        original: [Double],
        circuits: [Set<Node>: [Double]],
        models: [Set<Node>: [Double]],
        seed: UInt64,
        workers: Workers
    ) {
        var columns = [original]
        spread = original.standardDeviation
        func places(_ rows: [Set<Node>: [Double]]) -> [Set<Node>: Int] {
            rows.mapValues { row in
                columns.append(row)
                return columns.count - 1
            }
        }
        circuitColumns = places(circuits)
        modelColumns = places(models).merging([[]: 0]) { $1 }
        sums = ResampledSums(columns, seed: seed, workers: workers)
    }

    /// F(M).
    var original: Estimate { mean(0) }

    /// F(C∖K).
    func circuit(without removed: Set<Node>) -> Estimate { mean(circuitColumns[removed]!) }

    /// F(M∖K).
    func model(without removed: Set<Node>) -> Estimate { mean(modelColumns[removed]!) }

    /// |F(C∖K) − F(C∖L)| over |F(M)|.
    func change(from some: Set<Node>, to others: Set<Node>) -> Estimate {
        let (a, b) = (circuitColumns[some]!, circuitColumns[others]!)
        return sums.estimate { abs($0[a] - $0[b]) / abs($0[0]) }
    }

    /// |F(C∖K) − F(M∖K)|.
    func gap(without removed: Set<Node>) -> Estimate {
        let (a, b) = (circuitColumns[removed]!, modelColumns[removed]!)
        return sums.estimate { abs($0[a] - $0[b]) / sums.count }
    }

    private func mean(_ column: Int) -> Estimate { sums.estimate { $0[column] / sums.count } }
}

extension [Set<Node>] {
    /// The distinct sets that are `wanted`, in their original order.
    fileprivate func distinct(where wanted: (Set<Node>) -> Bool) -> [Set<Node>] {
        var seen: Set<Set<Node>> = []
        return filter { wanted($0) && seen.insert($0).inserted }
    }
}
