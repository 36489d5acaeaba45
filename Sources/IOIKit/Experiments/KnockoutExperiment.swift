/// A metric with heads, classes of a circuit or MLPs knocked out.
public struct KnockoutExperiment: MetricExperiment, Equatable {
    public static let name = "knockout"

    public var prompts: PromptSource
    public var heads = Selection<PlacedHead>.some([])
    /// Classes of the circuit.
    public var classes: [String] = []
    public var mlps = Selection<PlacedMLP>.some([])
    /// The circuit with the classes: `default` or a file.
    public var circuit = "default"
    /// Overrides the classes' positions, and applies to heads and MLPs without their own. If nil, classes keep theirs
    /// and the others are knocked out at all positions.
    public var position: PositionSelection?
    /// Whether to knock out each target separately too.
    public var each = false
    public var ablation = Ablation()
    public var scale = EffectScale.original
    public var metric: Metric?
    /// The number of prompts from the same source that give means, including the measured ones; nil for only those.
    public var reference: Int?

    public init(prompts: PromptSource) { self.prompts = prompts }

    enum CodingKeys: String, CodingKey {
        case prompts, heads, classes, mlps, circuit, position, each, ablation, scale, metric
        case reference = "abc_count"
    }

    public func validate() throws {
        try IOIError.scoped("prompts", prompts.validate)
        try IOIError.scoped("ablation", ablation.validate)
        try ablation.validate(reference: reference, prompts)
        guard ablation.kind != .optimal else { throw Ablation.needsCircuit }
        guard heads != .some([]) || mlps != .some([]) || !classes.isEmpty else {
            throw IOIError.usage("expected heads, classes or mlps to knock out")
        }
    }

    /// Whether each head and MLP, apart from those of ``classes``, comes with a position of its own.
    public var namesAllPositions: Bool {
        heads.items(all: [PlacedHead(Head(0, 0))]).allSatisfy { $0.position != nil }
            && mlps.items(all: [PlacedMLP(0)]).allSatisfy { $0.position != nil }
    }

    public var counterfactuals: CounterfactualUse {
        let use = ablation.use(reference: reference)
        return use == .none && scale == .gap ? .values : use
    }

    public var circuitName: String? { classes.isEmpty ? nil : circuit }

    public func circuit(of model: GPT2) throws -> Circuit? {
        classes.isEmpty ? nil : try Circuit.named(circuit, for: model.config, at: model.location)
    }

    public func reasonAgainstShards(on subject: Subject) -> String? { nil }

    public func run(on subject: Subject, _ work: Work) throws -> KnockoutResults {
        let targets = try targets(in: subject.model)
        let reference = try prompts.reference(count: reference, for: subject.model)
        var knockout = Knockout(targets, ablation: ablation)
        knockout.metric = metric(on: subject)
        let gap = try scale.gap(of: subject.model.parameters, subject.prompts, knockout.metric, work.settings)
        let size = PatchMeasures.Size(cells: targets.count, prompts: subject.prompts.count)
        let measures = try work.partial.measure(Self.name, size) {
            try knockout.measure(
                subject.model.parameters, subject.prompts, reference: reference, settings: work.settings, resuming: $0,
                progress: work.progress
            )
        }
        let effects = PatchEffects(
            measures, gap: gap, metric: knockout.metric, seed: prompts.seed, workers: work.workers
        )
        return KnockoutResults(
            effects, names: targets.dropFirst().map(\.name), measures: work.perPrompt ? measures : nil
        )
    }

    /// All targets together, then each separately if requested.
    private func targets(in model: GPT2) throws -> [KnockoutTarget] {
        let config = model.config
        var (together, alone) = (KnockoutTarget("together"), [KnockoutTarget]())
        /// Adds components to the joint target and as a separate one.
        func add(_ name: String, _ body: (inout KnockoutTarget) -> Void) {
            var target = KnockoutTarget(name)
            body(&target)
            body(&together)
            alone.append(target)
        }
        for head in heads.items(all: config.allHeads.map { PlacedHead($0) }) {
            add(head.description) { $0.add(head.head, at: head.position ?? position ?? .all) }
        }
        if let circuit = try circuit(of: model) {
            for name in classes {
                let headClass = try circuit.headClass(named: name, field: "classes")
                add(name) { target in
                    for node in headClass.nodes { target.add(node, at: position ?? headClass.position) }
                }
            }
        }
        for mlp in mlps.items(all: (0..<config.layers).map { PlacedMLP($0) }) {
            add("MLP \(mlp)") { $0.add(mlp: mlp.layer, at: mlp.position ?? position ?? .all) }
        }
        // The circuit's nodes were already checked.
        try together.check(config, headField: "heads", mlpField: "mlps")
        return [together] + (each ? alone : [])
    }
}

public struct KnockoutResults: Equatable, Sendable {
    /// A target that was knocked out separately.
    public struct Single: Equatable, Sendable {
        public fileprivate(set) var name = ""
        public fileprivate(set) var cell = PatchEffects.Cell()
        /// A caveat on the effect.
        public fileprivate(set) var note: RatioNote?
    }

    /// Logit differences.
    public struct PerPrompt: Equatable, Sendable {
        /// [prompts]
        public fileprivate(set) var original: [Double] = []
        /// [prompts]
        public fileprivate(set) var together: [Double] = []
        /// [targets][prompts]
        public fileprivate(set) var each: [[Double]] = []
    }

    /// The mean metric with nothing knocked out.
    public private(set) var original = Estimate()
    /// What effects are percentages of on the scale of the gap; nil on the original one.
    public private(set) var gap: PatchEffects.Gap?
    /// With all targets knocked out.
    public private(set) var together = PatchEffects.Cell()
    /// With one target knocked out at a time.
    public private(set) var each: [Single] = []
    public private(set) var perPrompt: PerPrompt?

    fileprivate init(_ effects: PatchEffects, names: [String], measures: PatchMeasures?) {
        original = effects.original
        gap = effects.gap
        together = effects.cells[0]
        each = zip(names, effects.cells.dropFirst()).map { Single(name: $0, cell: $1, note: effects.gap?.note) }
        perPrompt = measures.map {
            PerPrompt(original: $0.original, together: $0.patched[0], each: Array($0.patched.dropFirst()))
        }
    }
}

extension KnockoutResults: FieldCoded {
    init() {}

    static var fields: [Field<KnockoutResults>] {
        [
            .estimate("original", \.original), .inline(where: "counterfactual", \.gap),
            .estimate("knocked_out", \.together.patched),
            .estimate("effect", interval: "ci95", \.together.effect), .list("each", \.each),
            .optional("per_prompt", \.perPrompt),
        ]
    }
}

extension KnockoutResults.Single: FieldCoded {
    static var fields: [Field<KnockoutResults.Single>] {
        [
            .value("name", \.name), .estimate("knocked_out", \.cell.patched),
            .estimate("effect", interval: "ci95", \.cell.effect), .optional("effect_note", \.note),
        ]
    }
}

extension KnockoutResults.PerPrompt: FieldCoded {
    static var fields: [Field<KnockoutResults.PerPrompt>] {
        [.value("original", \.original), .value("knocked_out", \.together), .list("each", \.each)]
    }
}
