/// What decides the results of `ioi knockout` beside the model.
public struct KnockoutOptions: Codable, Equatable, Sendable {
    public var prompts: PromptSource
    /// `layer.head`, with or without `@position`, or `all`.
    public var heads: [String] = []
    /// Classes of the circuit.
    public var classes: [String] = []
    /// Layers, or `all`.
    public var mlps: [String] = []
    /// `default` or a file; where classes come from.
    public var circuit = "default"
    /// Of heads and MLPs that name none, and in place of the classes' own; nil for everywhere and the classes' own.
    public var position: PositionSelection?
    /// Whether each of them is knocked out alone as well.
    public var each = false
    public var ablation = Ablation()
    /// How many prompts of the same source means are taken over, the measured ones among them; nil for just those.
    public var reference: Int?

    public init(prompts: PromptSource) { self.prompts = prompts }

    enum CodingKeys: String, CodingKey {
        case prompts, heads, classes, mlps, circuit, position, each, ablation
        case reference = "abc_count"
    }
}

/// `ioi knockout`: what is left of the logit difference without some heads, classes of heads or MLPs.
public struct KnockoutJob: Sendable {
    public let options: KnockoutOptions
    /// All at once, then each alone where that is asked for.
    let targets: [KnockoutTarget]

    /// - Throws: `IOIError` of kind `usage` for options that cannot be, or where nothing is to be knocked out;
    ///   `IOIError` for a circuit that cannot be read.
    public init(_ options: KnockoutOptions, model: GPT2) throws {
        self.options = options
        let config = model.config
        let everywhere = options.position ?? .all
        var (together, alone) = (KnockoutTarget("together"), [KnockoutTarget]())
        /// Adds to the target of all, and makes one of its own.
        func add(_ name: String, _ body: (inout KnockoutTarget) throws -> Void) rethrows {
            var target = KnockoutTarget(name)
            try body(&target)
            try body(&together)
            alone.append(target)
        }
        if options.heads == ["all"] {
            for head in config.allHeads { add(head.description) { $0.add(head, at: everywhere) } }
        } else {
            for text in options.heads {
                try add(text) { try $0.add(heads: [text], flag: "--heads", position: everywhere) }
            }
        }
        if !options.classes.isEmpty {
            let circuit = try Circuit.named(options.circuit, for: config, at: model.location)
            for name in options.classes {
                let headClass = try circuit.headClass(named: name, flag: "--class")
                add(name) { target in
                    for head in headClass.heads { target.add(head, at: options.position ?? headClass.position) }
                }
            }
        }
        if options.mlps == ["all"] {
            for layer in 0..<config.layers { add("MLP \(layer)") { $0.add(mlp: layer, at: everywhere) } }
        } else {
            for text in options.mlps {
                let parts = text.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
                guard parts.count <= 2, let layer = Int(parts[0]), layer >= 0,
                    let place = parts.count == 1 ? everywhere : PositionSelection(parts[1])
                else {
                    throw IOIError.usage(
                        "--mlps: found \"\(text)\", expected layers such as 0 or 0@END (\(PositionSelection.choices))"
                    )
                }
                add("MLP \(text)") { $0.add(mlp: layer, at: place) }
            }
        }
        guard !alone.isEmpty else { throw IOIError.usage("expected --heads, --class or --mlps: what to knock out") }
        targets = [together] + (options.each ? alone : [])
        // A circuit's heads were checked as it was read.
        try together.check(config, headSource: "--heads", mlpSource: "--mlps", kind: .usage)
    }

    /// - Throws: `IOIError` where prompts and options do not fit each other; `PatchInterruption`.
    public func run(
        _ model: GPT2,
        _ dataset: Dataset,
        settings: RunSettings,
        partial: PartialResults,
        perPrompt: Bool,
        progress: @escaping (Double) -> Void
    ) throws -> KnockoutResults {
        let reference = try options.prompts.reference(count: options.reference, for: model)
        let measures = try partial.measure("knockout") {
            try Knockout(targets, ablation: options.ablation).measure(
                model.parameters, dataset.prompts, reference: reference, settings: settings, resuming: $0,
                progress: progress
            )
        }
        let effects = PatchEffects(measures, seed: options.prompts.seed, workers: settings.workers)
        return KnockoutResults(
            effects: effects, names: targets.dropFirst().map(\.name), measures: perPrompt ? measures : nil
        )
    }
}

/// What `ioi knockout` measured.
public struct KnockoutResults: Sendable, Encodable {
    public struct Single: Sendable, Encodable {
        public let name: String
        public let cell: PatchEffects.Cell

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .name)
            try container.encode(cell.patched.value, forKey: .knockedOut)
            try container.encode(cell.patched.ci95, forKey: .knockedOutInterval)
            try container.encode(cell.effect.value, forKey: .effect)
            try container.encode(cell.effect.ci95, forKey: .ci95)
        }
    }

    /// The mean logit difference with nothing knocked out.
    public let original: Estimate
    /// With everything knocked out.
    public let together: PatchEffects.Cell
    /// With one thing at a time.
    public let each: [Single]
    private let measures: PatchMeasures?

    init(effects: PatchEffects, names: [String], measures: PatchMeasures?) {
        original = effects.original
        together = effects.cells[0]
        each = zip(names, effects.cells.dropFirst()).map { Single(name: $0, cell: $1) }
        self.measures = measures
    }

    enum CodingKeys: String, CodingKey {
        case name, original
        case originalInterval = "original_ci95"
        case knockedOut = "knocked_out"
        case knockedOutInterval = "knocked_out_ci95"
        case effect, ci95, each
        case perPrompt = "per_prompt"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(original.value, forKey: .original)
        try container.encode(original.ci95, forKey: .originalInterval)
        try container.encode(together.patched.value, forKey: .knockedOut)
        try container.encode(together.patched.ci95, forKey: .knockedOutInterval)
        try container.encode(together.effect.value, forKey: .effect)
        try container.encode(together.effect.ci95, forKey: .ci95)
        if !each.isEmpty { try container.encode(each, forKey: .each) }
        guard let measures else { return }
        var perPrompt = container.nestedContainer(keyedBy: CodingKeys.self, forKey: .perPrompt)
        try perPrompt.encode(measures.original, forKey: .original)
        try perPrompt.encode(measures.patched[0], forKey: .knockedOut)
        if !each.isEmpty { try perPrompt.encode(Array(measures.patched.dropFirst()), forKey: .each) }
    }
}
