/// Heads and MLPs that are knocked out together, with their positions.
public struct KnockoutTarget: Equatable, Sendable {
    public let name: String
    public private(set) var heads: [Head: [PositionSelection]] = [:]
    public private(set) var mlps: [Int: [PositionSelection]] = [:]

    public init(_ name: String) { self.name = name }

    init(_ name: String, _ heads: [Head], at position: PositionSelection) {
        self.name = name
        for head in heads { add(head, at: position) }
    }

    public mutating func add(_ head: Head, at position: PositionSelection) { heads[head, default: []].append(position) }

    public mutating func add(_ node: Node, at position: PositionSelection) {
        switch node {
        case .head(let head): add(head, at: position)
        case .mlp(let layer): add(mlp: layer, at: position)
        }
    }

    public mutating func add(mlp layer: Int, at position: PositionSelection) {
        mlps[layer, default: []].append(position)
    }

    /// Where its components are knocked out.
    var positions: [PositionSelection] { heads.values.flatMap { $0 } + mlps.values.flatMap { $0 } }

    var sites: Set<Site> { Set((heads.isEmpty ? [] : [Site.z]) + (mlps.isEmpty ? [] : [Site.mlpOut])) }

    /// - Parameters:
    ///   - headField: the option that lists the heads, if any.
    ///   - mlpField: the option that lists the MLPs, if any.
    /// - Throws: `IOIError` if a head or MLP does not exist.
    func check(_ config: GPT2Config, headField: String? = nil, mlpField: String? = nil) throws {
        func fail(_ field: String?, _ problem: String) -> IOIError {
            field.map { .invalid($0, problem) } ?? IOIError("\(name): \(problem)")
        }
        for head in heads.keys.sorted() {
            if let problem = config.problem(with: head) { throw fail(headField, problem) }
        }
        for layer in mlps.keys.sorted() where layer >= config.layers {
            throw fail(mlpField, "found MLP \(layer), expected 0 to \(config.layers - 1) in this model")
        }
    }
}

/// A head with an optional position: `9.9@END` or `9.9`.
public struct PlacedHead: Hashable, Sendable, TextCoded {
    public let head: Head
    public let position: PositionSelection?

    public init(_ head: Head, at position: PositionSelection? = nil) {
        self.head = head
        self.position = position
    }

    public init?(_ text: String) {
        guard let (name, position) = PositionSelection.suffix(of: text), let head = Head(name) else { return nil }
        self.init(head, at: position)
    }

    public var description: String { "\(head)" + (position.map { "@\($0)" } ?? "") }

    package static var form: String { "heads such as 9.9 or 9.9@END" }
}

/// An MLP, by layer, with an optional position: `0@END` or `0`; `m0`, as circuits have it, is read too.
public struct PlacedMLP: Hashable, Sendable, TextCoded {
    public let layer: Int
    public let position: PositionSelection?

    public init(_ layer: Int, at position: PositionSelection? = nil) {
        self.layer = layer
        self.position = position
    }

    public init?(_ text: String) {
        guard let (name, position) = PositionSelection.suffix(of: text),
            let layer = Int(name) ?? Node(name)?.mlp, layer >= 0
        else { return nil }
        self.init(layer, at: position)
    }

    public var description: String { "\(layer)" + (position.map { "@\($0)" } ?? "") }

    package static var form: String { "layers such as 0 or 0@END" }
}

/// All items or some of them: in JSON, `["all"]` or a list.
public enum Selection<Item: Codable & Hashable & Sendable>: Hashable, Sendable {
    case all
    case some([Item])

    func items(all: [Item]) -> [Item] {
        switch self {
        case .all: all
        case .some(let items): items
        }
    }
}

extension Selection: Codable {
    public init(from decoder: any Decoder) throws {
        if (try? [String](from: decoder)) == ["all"] {
            self = .all
        } else {
            self = .some(try [Item](from: decoder))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .all: try ["all"].encode(to: encoder)
        case .some(let items): try items.encode(to: encoder)
        }
    }
}

/// Knockout: replaces z of heads or outputs of MLPs by values without the task's information (Wang et al. 2211.00593,
/// section 2.2). Biases, LayerNorms and embeddings are not ablated.
public struct Knockout: Sendable {
    /// Each is knocked out in a separate run.
    public var targets: [KnockoutTarget]
    public var ablation: Ablation
    public var metric = Metric.logitDifference

    public init(_ targets: [KnockoutTarget], ablation: Ablation = Ablation()) {
        self.targets = targets
        self.ablation = ablation
    }

    /// - Parameters:
    ///   - reference: prompts whose counterfactuals give means; nil for `prompts`.
    ///   - done: measures from an interrupted call.
    ///   - progress: called with the share of the work done.
    ///   - model: the model to measure.
    ///   - prompts: the prompts to measure.
    ///   - settings: threads, memory and interruption.
    /// - Returns: measures with one cell for each of `targets`.
    /// - Throws: `IOIError` if a target does not exist, a prompt has no counterfactual, a group of prompts has no
    ///   reference, or a measure is not finite; ``PatchInterruption``.
    public func measure(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        reference: [Prompt]? = nil,
        settings: RunSettings,
        resuming done: PatchMeasures? = nil,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> PatchMeasures {
        for target in targets {
            try target.check(model.config)
            try prompts.check(target.positions, field: "position")
        }
        let sites = targets.reduce(into: Set<Site>()) { $0.formUnion($1.sites) }
        let runner = PatchRunner(
            model, prompts: prompts, metric: metric,
            keeping: PatchedPass.sites(divergingAt: Set(sites.map(\.stage))), donorSites: sites, settings: settings
        )
        let ablator = try Ablator(
            ablation, of: model, sites: sites, prompts: prompts, reference: reference ?? prompts,
            capacity: runner.capacity, settings: settings
        )
        let measures = try runner.measure(cells: targets.count, resuming: done, progress: progress) { batch, progress in
            ablator.prepare(batch)
            let variants = targets.map { PatchedRun(ablator.edits($0, of: batch), of: batch.packed) }
            var measures = PatchMeasures(cells: 0)
            measures.original = runner.takeOriginal()
            measures.patched = try runner.run(variants, of: batch) { try progress(Double($0) / Double(targets.count)) }
            return measures
        }
        settings.shared?.keep(measures.original, unpatched: metric, of: model, prompts)
        return measures
    }
}
