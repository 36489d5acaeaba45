/// How much of what a model does a circuit does alone (Wang et al. 2211.00593, section 4): F(M) and
/// F(C), the mean logit differences of the whole model and of the circuit, with 95 % bootstrap intervals over prompts.
public struct Faithfulness: Equatable, Sendable {
    /// F(M).
    public private(set) var model = Estimate()
    /// F(C).
    public private(set) var circuit = Estimate()
    /// |F(M) − F(C)|.
    public private(set) var difference = Estimate()
    /// F(C) / F(M), or the mean over prompts of their ratios.
    public private(set) var ratio = Estimate()
    /// How many prompts it is of.
    public private(set) var count = 0
    /// nil where the ratio means what it says.
    public private(set) var note: RatioNote?

    /// - Parameters:
    ///   - model: of each prompt in the whole model; at least one.
    ///   - circuit: of each prompt in the circuit.
    ///   - seed: what the intervals are drawn from.
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
        self.model = sums.figure { $0[0] / count }
        self.circuit = sums.figure { $0[1] / count }
        difference = sums.figure { abs($0[0] - $0[1]) / count }
        ratio = sums.figure { Self.ratio($0, count: count, aggregation) }
        note = RatioNote(of: ratio.value, whole: self.model, spread: model.standardDeviation)
    }

    /// F(C) / F(M) from the sums over prompts of F(M), F(C) and their ratios.
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

/// A figure among those of random circuits that are like the circuit in size and depth.
public struct NullComparison: Codable, Equatable, Sendable {
    /// Ascending.
    public let ratios: [Double]
    /// The percentage of random circuits whose figure is lower.
    public let percentile: Double

    init(_ ratios: [Double], of value: Double) {
        self.ratios = ratios.sorted()
        percentile = 100 * Double(ratios.count { $0 < value }) / Double(ratios.count)
    }

    /// The middle 90 % of the random circuits.
    public var middle: ClosedRange<Double> { Bootstrap.quantile(ratios, 0.05)...Bootstrap.quantile(ratios, 0.95) }
}

extension Circuit {
    /// Circuits of random heads: in each layer as many, drawn uniformly from all of the layer, and in the places of the
    /// circuit's own, with their positions, paths and edges.
    func matched(count: Int, config: GPT2Config, seed: UInt64) throws -> [Circuit] {
        let own = heads
        let graph = Graph(config)
        return try MatchedHeads.sets(like: own, count: count, config: config, seed: seed).map { drawn in
            let names = Dictionary(uniqueKeysWithValues: zip(own, drawn))
            return try Circuit(
                model: model,
                classes: classes.map { headClass in
                    HeadClass(
                        name: headClass.name, heads: headClass.heads.map { names[$0]! }, position: headClass.position
                    )
                },
                paths: paths,
                edges: edges.compactMap { graph.edge(named: $0) }.map { graph.name(of: graph.renaming($0, names)) }
            )
        }
    }

    /// The share of all (head, position) pairs that the circuit keeps, over some prompts.
    public func sparsity(_ prompts: [Prompt], config: GPT2Config, everywhere: Bool) -> Double {
        let positions = positions(everywhere: everywhere)
        let shares = prompts.map { prompt in
            let tokens = prompt.tokens.count
            let kept = positions.values.reduce(0) { $0 + $1.positions(in: prompt.positions, count: tokens).count }
            return Double(kept) / Double(tokens * config.layers * config.heads)
        }
        return shares.reduce(0, +) / Double(shares.count)
    }
}

extension Graph {
    /// The same edge between other heads of the same layers; heads that have no other name keep theirs.
    func renaming(_ edge: Edge, _ names: [Head: Head]) -> Edge {
        let sender: Sender =
            switch senders[edge.sender] {
            case .head(let head): .head(names[head] ?? head)
            case let other: other
            }
        let receiver: Receiver =
            switch receivers[edge.receiver] {
            case .head(let head, let input): .head(names[head] ?? head, input)
            case let other: other
            }
        return Edge(sender: index(of: sender), receiver: index(of: receiver))
    }
}
