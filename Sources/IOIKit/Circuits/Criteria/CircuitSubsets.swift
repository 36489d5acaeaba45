/// F(C∖K) and F(M∖K) for sets K of a circuit's heads: the logit differences of the circuit, and of the whole model,
/// without them. Each is run once, however often it is asked for.
final class CircuitSubsets {
    private let circuit: [Head: PositionSelection]
    private let model: GPT2Parameters
    private let prompts: [Prompt]
    private let reference: [Prompt]
    private let ablation: Ablation
    private let settings: RunSettings
    private let measuring: PatchMeasures.Measuring
    private let name: String

    /// F(M), prompt by prompt; empty before anything was run.
    private(set) var original: [Double] = []
    /// F(C∖K), prompt by prompt.
    private var circuits: [Set<Head>: [Double]] = [:]
    /// F(M∖K), prompt by prompt; of the empty set that is ``original``.
    private var models: [Set<Head>: [Double]] = [:]

    /// - Parameters:
    ///   - circuit: its heads, and where each is kept.
    ///   - reference: prompts whose counterfactuals means are taken over.
    ///   - measuring: called for each stage.
    ///   - name: what the stages' names begin with.
    init(
        of circuit: [Head: PositionSelection],
        in model: GPT2Parameters,
        _ prompts: [Prompt],
        reference: [Prompt],
        ablation: Ablation,
        settings: RunSettings,
        name: String = "all",
        measuring: @escaping PatchMeasures.Measuring = { _, body in try body(nil) }
    ) {
        self.circuit = circuit
        self.model = model
        self.prompts = prompts
        self.reference = reference
        self.ablation = ablation
        self.settings = settings
        self.name = name
        self.measuring = measuring
    }

    var count: Int { prompts.count }

    /// Runs the circuit without each of some sets of its heads.
    ///
    /// - Parameters:
    ///   - stage: the same name for the same work, wherever an interrupted run is gone on with.
    ///   - progress: told what share of the work is done.
    /// - Throws: what `ComplementAblation` throws.
    func runCircuit(
        without sets: [Set<Head>],
        stage: String,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws {
        let new = sets.distinct { circuits[$0] == nil }
        guard !new.isEmpty else { return }
        let isolation = ComplementAblation(
            new.map { removed in circuit.filter { !removed.contains($0.key) } }, ablation: ablation
        )
        let measures = try measuring("\(name), \(stage), circuit") {
            try isolation.measure(
                model, prompts, reference: reference, settings: settings, resuming: $0, progress: progress
            )
        }
        original = measures.original
        for (set, differences) in zip(new, measures.patched) { circuits[set] = differences }
    }

    /// Runs the whole model without each of some sets of the circuit's heads, which it loses just where the circuit
    /// has them.
    ///
    /// - Throws: what `Knockout` throws.
    func runModel(
        without sets: [Set<Head>],
        stage: String,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws {
        let new = sets.distinct { models[$0] == nil && !$0.isEmpty }
        guard !new.isEmpty else { return }
        let targets = new.map { removed in
            var target = KnockoutTarget(removed.sorted().map(\.description).joined(separator: ","))
            for head in removed { target.add(head, at: circuit[head]!) }
            return target
        }
        let measures = try measuring("\(name), \(stage), model") {
            try Knockout(targets, ablation: ablation).measure(
                model, prompts, reference: reference, settings: settings, resuming: $0, progress: progress
            )
        }
        original = measures.original
        for (set, differences) in zip(new, measures.patched) { models[set] = differences }
    }

    /// F(C∖K) of a set that was run, prompt by prompt.
    func circuit(without removed: Set<Head>) -> [Double] { circuits[removed]! }

    /// F(M∖K) of a set that was run, prompt by prompt.
    func model(without removed: Set<Head>) -> [Double] { removed.isEmpty ? original : models[removed]! }

    /// |F(C∖K) − F(C∖L)| of the means.
    func change(from some: Set<Head>, to others: Set<Head>) -> Double {
        abs(mean(circuit(without: some)) - mean(circuit(without: others)))
    }

    /// |F(C∖K) − F(M∖K)| of the means.
    func gap(without removed: Set<Head>) -> Double {
        abs(mean(circuit(without: removed)) - mean(model(without: removed)))
    }

    /// Sets that were run, with intervals over prompts.
    ///
    /// - Parameters:
    ///   - circuit: for F(C∖K).
    ///   - model: for F(M∖K).
    ///   - seed: what the intervals are drawn from.
    func figures(circuit: [Set<Head>], model: [Set<Head>], seed: UInt64) -> SubsetFigures {
        let (circuit, model) = (Set(circuit), Set(model))
        return SubsetFigures(
            original: original, circuits: circuits.filter { circuit.contains($0.key) },
            models: models.filter { model.contains($0.key) }, seed: seed, workers: settings.workers
        )
    }
}

/// F(M), F(C∖K) and F(M∖K) as means over prompts with 95 % bootstrap intervals.
struct SubsetFigures {
    private let sums: ResampledSums
    private let circuitColumns: [Set<Head>: Int]
    private let modelColumns: [Set<Head>: Int]
    /// The standard deviation over prompts of the model's logit difference.
    let spread: Double

    init(
        original: [Double],
        circuits: [Set<Head>: [Double]],
        models: [Set<Head>: [Double]],
        seed: UInt64,
        workers: Workers
    ) {
        var columns = [original]
        spread = original.standardDeviation
        func places(_ rows: [Set<Head>: [Double]]) -> [Set<Head>: Int] {
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
    func circuit(without removed: Set<Head>) -> Estimate { mean(circuitColumns[removed]!) }

    /// F(M∖K).
    func model(without removed: Set<Head>) -> Estimate { mean(modelColumns[removed]!) }

    /// |F(C∖K) − F(C∖L)| over |F(M)|.
    func change(from some: Set<Head>, to others: Set<Head>) -> Estimate {
        let (a, b) = (circuitColumns[some]!, circuitColumns[others]!)
        return sums.figure { abs($0[a] - $0[b]) / abs($0[0]) }
    }

    /// |F(C∖K) − F(M∖K)|.
    func gap(without removed: Set<Head>) -> Estimate {
        let (a, b) = (circuitColumns[removed]!, modelColumns[removed]!)
        return sums.figure { abs($0[a] - $0[b]) / sums.count }
    }

    private func mean(_ column: Int) -> Estimate { sums.figure { $0[column] / sums.count } }
}

private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

extension [Set<Head>] {
    /// Those that are `wanted`, each once, in their order.
    fileprivate func distinct(where wanted: (Set<Head>) -> Bool) -> [Set<Head>] {
        var seen: Set<Set<Head>> = []
        return filter { wanted($0) && seen.insert($0).inserted }
    }
}
