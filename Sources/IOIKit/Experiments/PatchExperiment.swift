/// A sweep of patched runs: activation, path or cross-model patching.
public struct PatchExperiment: MetricExperiment, Equatable {
    public static let name = "patch"

    public struct Activation: Codable, Equatable, Sendable {
        public var site: Site
        /// Empty for each position that the prompts name.
        public var positions: [PositionSelection]
        public var denoise: Bool

        public init(site: Site, positions: [PositionSelection], denoise: Bool) {
            self.site = site
            self.positions = positions
            self.denoise = denoise
        }
    }

    public struct Path: Codable, Equatable, Sendable {
        public enum Sender: String, CaseIterable, Codable, Sendable {
            case heads, mlps
        }

        public enum Passage: String, CaseIterable, Codable, Sendable {
            case recompute, freeze
        }

        public var sender: Sender
        public var receivers: [Receiver]
        public var mlps: Passage
        public var layerNorms: Passage
        /// Heads knocked out in every run.
        public var knockout: [PlacedHead]
        public var ablation: Ablation

        public init(
            sender: Sender,
            receivers: [Receiver],
            mlps: Passage,
            layerNorms: Passage,
            knockout: [PlacedHead],
            ablation: Ablation
        ) {
            self.sender = sender
            self.receivers = receivers
            self.mlps = mlps
            self.layerNorms = layerNorms
            self.knockout = knockout
            self.ablation = ablation
        }

        enum CodingKeys: String, CodingKey {
            case sender, receivers
            case mlps = "path_mlp"
            case layerNorms = "path_ln"
            case knockout, ablation
        }
    }

    public struct CrossModel: Codable, Equatable, Sendable {
        public enum Direction: String, CaseIterable, Codable, Sendable {
            case donorToHost = "donor-to-host"
            case hostToDonor = "host-to-donor"
        }

        public var components: [Site]
        public var position: PositionSelection
        public var directions: [Direction]
        /// `default` or a file; nil for none.
        public var circuit: String?
        /// The number of random sets of heads for comparison with the circuit.
        public var randomSets: Int

        public init(
            components: [Site],
            position: PositionSelection,
            directions: [Direction],
            circuit: String?,
            randomSets: Int
        ) {
            self.components = components
            self.position = position
            self.directions = directions
            self.circuit = circuit
            self.randomSets = randomSets
        }

        enum CodingKeys: String, CodingKey {
            case components, position, directions, circuit
            case randomSets = "random_sets"
        }
    }

    /// Effects to first order, estimated from one backward pass instead of measured; not for path patching.
    public struct Estimation: Codable, Equatable, Sendable {
        /// How many cells are measured too: those with the strongest estimates.
        public var exact: Int

        public init(exact: Int) { self.exact = exact }
    }

    public enum Mode: Equatable, Sendable {
        case activation(Activation)
        case path(Path)
        case crossModel(CrossModel)
    }

    public var mode: Mode
    public var prompts: PromptSource
    public var aggregation: EffectAggregation
    public var scale = EffectScale.original
    public var metric: Metric?
    /// nil to measure all effects.
    public var estimate: Estimation?

    public init(mode: Mode, prompts: PromptSource, aggregation: EffectAggregation) {
        self.mode = mode
        self.prompts = prompts
        self.aggregation = aggregation
    }

    enum CodingKeys: String, CodingKey {
        case mode, prompts
        case aggregation = "aggregate"
        case scale, metric, estimate
    }

    enum ModeName: String, Codable {
        case activation, path
        case crossModel = "cross-model"
    }

    // The mode's options are inlined at the top level.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        prompts = try container.decode(PromptSource.self, forKey: .prompts)
        aggregation = try container.decode(EffectAggregation.self, forKey: .aggregation)
        scale = try container.decode(EffectScale.self, forKey: .scale)
        metric = try container.decodeIfPresent(Metric.self, forKey: .metric)
        estimate = try container.decodeIfPresent(Estimation.self, forKey: .estimate)
        mode =
            switch try container.decode(ModeName.self, forKey: .mode) {
            case .activation: .activation(try Activation(from: decoder))
            case .path: .path(try Path(from: decoder))
            case .crossModel: .crossModel(try CrossModel(from: decoder))
            }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(prompts, forKey: .prompts)
        try container.encode(aggregation, forKey: .aggregation)
        try container.encode(scale, forKey: .scale)
        try container.encodeIfPresent(metric, forKey: .metric)
        try container.encodeIfPresent(estimate, forKey: .estimate)
        switch mode {
        case .activation(let options):
            try container.encode(ModeName.activation, forKey: .mode)
            try options.encode(to: encoder)
        case .path(let options):
            try container.encode(ModeName.path, forKey: .mode)
            try options.encode(to: encoder)
        case .crossModel(let options):
            try container.encode(ModeName.crossModel, forKey: .mode)
            try options.encode(to: encoder)
        }
    }

    public func validate() throws {
        try IOIError.scoped("prompts", prompts.validate)
        if let estimate {
            try IOIError.check("estimate.exact", estimate.exact, in: 0...1_000_000)
            guard metric?.isRelative ?? true else {
                throw IOIError.invalid(
                    "metric", "found kl, whose gradient is 0 in the unpatched run, so that it cannot be estimated")
            }
        }
        switch mode {
        case .activation: break
        case .path(let options):
            guard estimate == nil else {
                throw IOIError.invalid("estimate", "found path patching, expected activation or cross-model patching")
            }
            try IOIError.scoped("ablation", options.ablation.validate)
            _ = try options.method(cells: [])
        case .crossModel(let options):
            try IOIError.check("random_sets", options.randomSets, in: 0...10_000)
            _ = try CrossModelPatching(components: options.components, position: options.position, sets: [])
            guard !options.directions.isEmpty else { throw IOIError.invalid("directions", "expected one") }
        }
    }

    public var counterfactuals: CounterfactualUse {
        switch mode {
        case .activation: .values
        case .path(let options):
            options.knockout.isEmpty || options.ablation.use() != .groups ? .values : .groups
        case .crossModel: scale == .gap ? .values : .none
        }
    }

    public var circuitName: String? {
        if case .crossModel(let options) = mode { options.circuit } else { nil }
    }

    public func circuit(of model: GPT2) throws -> Circuit? {
        guard let name = circuitName else { return nil }
        return try Circuit.named(name, for: model.config, at: model.location)
    }

    public mutating func complete(for subject: Subject) {
        completeMetric(for: subject)
        guard case .activation(var options) = mode, options.positions.isEmpty else { return }
        options.positions = subject.prompts.sharedPositions.map { .one($0) }
        mode = .activation(options)
    }

    public func reasonAgainstShards(on subject: Subject) -> String? {
        estimate == nil ? nil : "which effects are measured depends on the estimates of all prompts"
    }

    public func run(on subject: Subject, _ work: Work) throws -> PatchResults {
        switch mode {
        case .activation(let options): .map(try run(options, on: subject, work))
        case .path(let options): .map(try run(options, on: subject, work))
        case .crossModel(let options): .directions(try run(options, on: subject, work))
        }
    }

    private func run(_ options: Activation, on subject: Subject, _ work: Work) throws -> PatchMap {
        let (parameters, config) = (subject.model.parameters, subject.model.config)
        var method = ActivationPatching(site: options.site, positions: options.positions)
        method.isDenoising = options.denoise
        method.metric = metric(on: subject)
        let gap = try scale.gap(of: parameters, subject.prompts, method.metric, work.settings)
        let stages = stages(work.progress)
        func measure(_ stage: String, _ progress: @escaping (Double) -> Void) throws -> PatchMeasures {
            let cells = method.cells?.count ?? config.layers * method.columns(config)
            return try work.partial.measure(stage, .init(cells: cells, prompts: subject.prompts.count, hasDonor: true))
            {
                try method.measure(
                    parameters, subject.prompts, settings: work.settings, resuming: $0, progress: progress
                )
            }
        }
        method.isEstimating = estimate != nil
        let measures = try measure("activation", stages.sweep)
        let columns: PatchMap.Columns =
            options.site.isPerHead ? .heads : options.positions.count == 1 ? .single : .positions(options.positions)
        var map = map(
            effects(measures, gap, method.metric, work), measures, columns, config, width: method.columns(config), work)
        map.estimate = try check(map, gap, method.metric, work) { cells in
            (method.isEstimating, method.cells) = (false, cells)
            return try measure("activation, exact", stages.exact)
        }
        return map
    }

    private func run(_ options: Path, on subject: Subject, _ work: Work) throws -> PatchMap {
        let (parameters, config) = (subject.model.parameters, subject.model.config)
        let (senders, width): ([Node], Int) =
            switch options.sender {
            case .heads: (config.allHeads.map { .head($0) }, config.heads)
            case .mlps: ((0..<config.layers).map { .mlp($0) }, 1)
            }
        var method = try options.method(cells: senders.map { [$0] })
        method.metric = metric(on: subject)
        let gap = try scale.gap(of: parameters, subject.prompts, method.metric, work.settings)
        let size = PatchMeasures.Size(cells: senders.count, prompts: subject.prompts.count)
        let measures = try work.partial.measure("path", size) {
            try method.measure(
                parameters, subject.prompts, settings: work.settings, resuming: $0, progress: work.progress
            )
        }
        let columns = options.sender == .heads ? PatchMap.Columns.heads : .single
        return map(effects(measures, gap, method.metric, work), measures, columns, config, width: width, work)
    }

    private func run(
        _ options: CrossModel,
        on subject: Subject,
        _ work: Work
    ) throws -> [String: CrossModelResults] {
        let (model, donor) = (subject.model, try subject.requireDonor())
        let (config, single) = (model.config, model.config.allHeads.map { [$0] })
        let circuit = try subject.circuit ?? circuit(of: model)
        let sets = HeadSets(circuit, randomSets: options.randomSets, config: config, seed: prompts.seed)
        var method = try CrossModelPatching(components: options.components, position: options.position, sets: [])
        method.metric = metric(on: subject)
        var results: [String: CrossModelResults] = [:]
        for (index, direction) in options.directions.enumerated() {
            let (host, donor) = direction == .donorToHost ? (model, donor) : (donor, model)
            let gap = try scale.gap(of: host.parameters, subject.prompts, method.metric, work.settings)
            let stages = stages { work.progress((Double(index) + $0) / Double(options.directions.count)) }
            func measure(_ stage: String, _ progress: @escaping (Double) -> Void) throws -> PatchMeasures {
                let size = PatchMeasures.Size(
                    cells: method.sets.count, prompts: subject.prompts.count, hasDonor: true)
                return try work.partial.measure(stage, size) {
                    try method.measure(
                        host: host.parameters, donor: donor.parameters, subject.prompts, settings: work.settings,
                        resuming: $0, progress: progress
                    )
                }
            }
            (method.isEstimating, method.sets) = (estimate != nil, single + sets.all)
            let measures = try measure(direction.rawValue, stages.sweep)
            let effects = effects(measures, gap, method.metric, work)
            var map = map(effects, measures, .heads, config, width: config.heads, work)
            map.estimate = try check(map, gap, method.metric, work) { cells in
                (method.isEstimating, method.sets) = (false, cells.map { single[$0] })
                return try measure("\(direction.rawValue), exact", stages.exact)
            }
            results[direction.rawValue] = CrossModelResults(
                map, sets, cells: Array(effects.cells.dropFirst(single.count))
            )
        }
        return results
    }

    /// The progress of a sweep and, after an estimate, of the exact cells, each counted as a tenth of the estimate.
    private func stages(
        _ report: @escaping (Double) -> Void
    ) -> (sweep: (Double) -> Void, exact: (Double) -> Void) {
        let exact = Double(estimate?.exact ?? 0) / 10
        let stages = StagedProgress(total: 1 + exact, report: report)
        return (stages.stage(1), stages.stage(exact))
    }

    /// Measures the strongest cells of a map of estimates.
    ///
    /// - Parameter measure: measures these cells.
    /// - Returns: nil if the map was measured.
    private func check(
        _ map: PatchMap,
        _ gap: CounterfactualGap?,
        _ metric: Metric,
        _ work: Work,
        _ measure: ([Int]) throws -> PatchMeasures
    ) rethrows -> EstimateCheck? {
        guard let estimate else { return nil }
        let cells = EstimateCheck.strongest(estimate.exact, of: map)
        let exact = cells.isEmpty ? [] : effects(try measure(cells), gap, metric, work).cells
        return EstimateCheck(map, cells, exact: exact, seed: prompts.seed, workers: work.workers)
    }

    private func effects(
        _ measures: PatchMeasures,
        _ gap: CounterfactualGap?,
        _ metric: Metric,
        _ work: Work
    ) -> PatchEffects {
        PatchEffects(
            measures, aggregation: aggregation, gap: gap, metric: metric, seed: prompts.seed, workers: work.workers
        )
    }

    private func map(
        _ effects: PatchEffects,
        _ measures: PatchMeasures,
        _ columns: PatchMap.Columns,
        _ config: GPT2Config,
        width: Int,
        _ work: Work
    ) -> PatchMap {
        PatchMap(effects, measures, columns: columns, layers: config.layers, width: width, perPrompt: work.perPrompt)
    }
}

extension PatchExperiment.Path {
    fileprivate func method(cells: [[Node]]) throws -> PathPatching {
        var method = try PathPatching(cells: cells, receivers: receivers)
        method.freezesMLPs = mlps == .freeze
        method.freezesLayerNorms = layerNorms == .freeze
        method.ablation = ablation
        if !knockout.isEmpty {
            var target = KnockoutTarget("knockout")
            for head in knockout { target.add(head.head, at: head.position ?? .all) }
            method.knockout = target
        }
        return method
    }
}

public enum PatchResults: Codable, Equatable, Sendable {
    case map(PatchMap)
    /// By the name of the direction, for a cross-model sweep.
    case directions([String: CrossModelResults])

    public init(from decoder: any Decoder) throws {
        let names = try decoder.container(keyedBy: FieldName.self).allKeys.map(\.stringValue)
        let isDirected =
            !names.isEmpty && names.allSatisfy { PatchExperiment.CrossModel.Direction(rawValue: $0) != nil }
        self =
            isDirected
            ? .directions(try [String: CrossModelResults](from: decoder)) : .map(try PatchMap(from: decoder))
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .map(let map): try map.encode(to: encoder)
        case .directions(let directions): try directions.encode(to: encoder)
        }
    }
}

/// The sets of heads that a cross-model sweep patches together.
private struct HeadSets {
    /// The circuit, its classes and its complement; empty without a circuit.
    let named: [(name: String, heads: [Head])]
    /// Matched to the circuit's number of heads in each layer.
    let random: [[Head]]

    var all: [[Head]] { named.map(\.heads) + random }

    init(_ circuit: Circuit?, randomSets: Int, config: GPT2Config, seed: UInt64) {
        guard let circuit else {
            (named, random) = ([], [])
            return
        }
        let inside = Set(circuit.heads)
        named =
            [("circuit", circuit.heads)]
            + circuit.classes.filter { !$0.heads.isEmpty }.map { ($0.name, $0.heads.sorted()) }
            + [("outside", config.allHeads.filter { !inside.contains($0) })]
        random = MatchedHeads.sets(like: circuit.heads, count: randomSets, config: config, seed: seed)
    }
}

/// The results of a cross-model sweep in one direction, for single heads and for sets of heads.
public struct CrossModelResults: Equatable, Sendable {
    public struct SetEffect: Equatable, Sendable {
        public fileprivate(set) var name = ""
        public fileprivate(set) var heads: [Head] = []
        public fileprivate(set) var cell = PatchEffects.Cell()
        /// A caveat on the effect.
        public fileprivate(set) var note: RatioNote?
    }

    /// The effects of random sets, for comparison with the circuit's.
    public struct Null: Codable, Equatable, Sendable {
        public let count: Int
        /// In percent, in ascending order.
        public let effects: [Double]
        public let mean: Double
        /// The share of random sets whose effect is closer to zero than the circuit's.
        public let share: Double

        enum CodingKeys: String, CodingKey {
            case count, effects, mean
            case share = "nearer_to_zero"
        }
    }

    public private(set) var map = PatchMap()
    public private(set) var sets: [SetEffect] = []
    /// nil without random sets.
    public private(set) var random: Null?

    /// - Parameter cells: the effects of all sets.
    fileprivate init(_ map: PatchMap, _ sets: HeadSets, cells: [PatchEffects.Cell]) {
        self.map = map
        self.sets = zip(sets.named, cells).map {
            SetEffect(name: $0.name, heads: $0.heads, cell: $1, note: map.gap?.note)
        }
        let effects = cells.dropFirst(sets.named.count).compactMap(\.effect.value).sorted()
        guard !effects.isEmpty, let circuit = cells.first?.effect.value else { return }
        random = Null(
            count: effects.count, effects: effects, mean: effects.mean,
            share: Double(effects.count { abs($0) < abs(circuit) }) / Double(effects.count)
        )
    }
}

extension CrossModelResults: FieldCoded {
    init() {}

    static var fields: [Field<CrossModelResults>] {
        [.inline(\.map), .value("sets", \.sets), .optional("random_sets", \.random)]
    }
}

extension CrossModelResults.SetEffect: FieldCoded {
    static var fields: [Field<CrossModelResults.SetEffect>] {
        [
            .value("name", \.name), .value("heads", \.heads), .estimate("patched", \.cell.patched),
            .estimate("effect", interval: "ci95", \.cell.effect), .optional("effect_note", \.note),
            .nullableEstimate("recovered", \.cell.recovered),
        ]
    }
}
