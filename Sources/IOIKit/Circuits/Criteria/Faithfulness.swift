/// How much of a model's performance its circuit preserves (Wang et al. 2211.00593, section 4): F(M) and F(C), the mean
/// metric of the whole model and of the circuit.
public struct Faithfulness: Equatable, Sendable {
    /// F(M).
    public private(set) var model = Estimate()
    /// F(C).
    public private(set) var circuit = Estimate()
    /// |F(M) − F(C)|.
    public private(set) var difference = Estimate()
    /// F(C) / F(M), or the mean over prompts of the ratio.
    public private(set) var ratio = Estimate()
    /// The number of prompts.
    public private(set) var count = 0
    /// A caveat on the ratio.
    public private(set) var note: RatioNote?

    /// - Parameters:
    ///   - model: the whole model's metric, of at least one prompt. [prompts]
    ///   - circuit: the circuit's metric. [prompts]
    ///   - seed: for the bootstrap intervals.
    ///   - aggregation: how prompts are averaged.
    ///   - workers: the threads that compute.
    public init(
        model: [Double],
        circuit: [Double],
        aggregation: EffectAggregation = .ratioOfMeans,
        seed: UInt64,
        workers: Workers
    ) {
        let sums = ResampledSums([model, circuit, zip(circuit, model).map { $0 / $1 }], seed: seed, workers: workers)
        let count = sums.count
        self.count = model.count
        self.model = sums.estimate { $0[0] / count }
        self.circuit = sums.estimate { $0[1] / count }
        difference = sums.estimate { abs($0[0] - $0[1]) / count }
        ratio = sums.estimate { Self.ratio($0, count: count, aggregation) }
        note = RatioNote(of: ratio.value, whole: self.model, spread: model.standardDeviation)
    }

    /// F(C) / F(M) from the sums of F(M), F(C) and their ratios over prompts.
    private static func ratio(_ sums: [Double], count: Double, _ aggregation: EffectAggregation) -> Double {
        switch aggregation {
        case .ratioOfMeans: sums[1] / sums[0]
        case .meanOfRatios: sums[2] / count
        }
    }

    /// F(C) / F(M) without an interval.
    static func ratio(model: [Double], circuit: [Double], _ aggregation: EffectAggregation) -> Double {
        let ratios = zip(circuit, model).map { $0 / $1 }
        return ratio([model, circuit, ratios].map { $0.reduce(0, +) }, count: Double(model.count), aggregation)
    }
}

extension Faithfulness: FieldCoded {
    init() {}

    static var fields: [Field<Faithfulness>] {
        [
            .estimate("model", \.model), .estimate("circuit", \.circuit), .estimate("difference", \.difference),
            .estimate("ratio", interval: "ci95", \.ratio), .nullable("ratio_note", \.note), .value("count", \.count),
        ]
    }
}

extension Circuit {
    /// The share of all (head, position) pairs that the circuit keeps, averaged over prompts; of all (node, position)
    /// pairs if it names MLPs.
    public func sparsity(_ prompts: [Prompt], config: GPT2Config, everywhere: Bool) -> Double {
        let positions = positions(everywhere: everywhere)
        let nodes = config.layers * (config.heads + (namesMLPs ? 1 : 0))
        let shares = prompts.map { prompt in
            let tokens = prompt.tokens.count
            let kept = positions.values.reduce(0) { $0 + $1.positions(in: prompt.positions, count: tokens).count }
            return Double(kept) / Double(tokens * nodes)
        }
        return shares.mean
    }
}
