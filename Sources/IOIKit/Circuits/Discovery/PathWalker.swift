/// The state of a ``PathWalk`` in progress.
struct PathWalker {
    /// Class names, in order from the logits back.
    private enum Name: String, CaseIterable {
        case nameMover = "name mover"
        case backup = "backup name mover"
        case negative = "negative name mover"
        case inhibition = "S-inhibition"
        case induction
        case duplicateToken = "duplicate token"
        case otherAtS2 = "other (S2)"
        case previousToken = "previous token"
        case otherAtS1Next = "other (S1+1)"
    }

    private struct Found {
        let name: Name
        let position: PositionSelection
    }

    private let options: PathWalk
    private let model: GPT2Parameters
    private let prompts: [Prompt]
    private let metric: Metric
    private let reference: [Prompt]?
    private let settings: RunSettings
    private let measuring: PatchMeasures.Measuring
    private let progress: (Double) -> Void

    private(set) var paths: [ClassPath] = []
    private(set) var steps: [PathWalkStep] = []
    private var found: [Head: Found] = [:]
    /// Strongest first.
    private var classes: [Name: [Head]] = [:]
    /// The whole model's logit differences. [prompts]
    private var original: [Double] = []
    /// Completed sweeps, by stage.
    private var maps: [String: PatchMap] = [:]

    /// The maximum number of sweeps in a walk.
    private static let sweeps = 10

    init(
        options: PathWalk,
        model: GPT2Parameters,
        prompts: [Prompt],
        metric: Metric,
        reference: [Prompt]?,
        settings: RunSettings,
        measuring: @escaping PatchMeasures.Measuring,
        progress: @escaping (Double) -> Void
    ) {
        self.options = options
        self.model = model
        self.prompts = prompts
        self.metric = metric
        self.reference = reference
        self.settings = settings
        self.measuring = measuring
        self.progress = progress
    }

    var circuitClasses: [HeadClass] {
        Name.allCases.compactMap { name in
            classes[name].map { HeadClass(name: name.rawValue, heads: $0, position: found[$0[0]]!.position) }
        }
    }

    mutating func run() throws -> HeadBehaviour {
        // The limit applies after S-inhibition heads are removed from the name movers.
        var unlimited = options.logits
        unlimited.limit = nil
        let direct = try findSenders(nil, at: .end, unlimited, bothSigns: true) { $1 < 0 ? .nameMover : .negative }
        guard !classes[.nameMover, default: []].isEmpty else {
            throw NoCircuit(
                "no head has a direct effect of \(options.logits.threshold) % of the logit difference with an interval "
                    + "that excludes zero; lower that threshold or use more prompts"
            )
        }
        let behaviour = try HeadBehaviour(model, prompts, seed: options.seed, workers: settings.workers)
        let inhibitors = removeInhibitors(behaviour)
        for name in [Name.nameMover, .negative] {
            let weakest = (classes[name] ?? []).dropFirst(options.logits.limit ?? .max)
            classes[name]?.removeAll { weakest.contains($0) }
            for head in weakest { found[head] = nil }
        }
        try findSenders(.nameMover, [.q], at: .end, options.queries) { head, _ in
            direct[head] == nil || inhibitors.contains(head) ? .inhibition : nil
        }
        // Inhibitors with little effect through the name movers' queries.
        for head in inhibitors
        where found[head] == nil && classes[.inhibition, default: []].count < options.queries.limit ?? .max {
            classes[.inhibition, default: []].append(head)
            found[head] = Found(name: .inhibition, position: .one(.end))
        }
        if classes[.inhibition] != nil {
            if !inhibitors.isEmpty { addPath(from: .inhibition, to: nil, []) }
            try findSenders(.negative, [.q], at: .end, options.queries, bothSigns: true) { _, _ in nil }
            let attention = options.attention
            try findSenders(.inhibition, [.k, .v], at: .s2, options.s2) { head, _ in
                switch behaviour.kind(of: head, among: [.duplicateToken, .induction], from: attention) {
                case .duplicateToken: .duplicateToken
                case .induction: .induction
                default: .otherAtS2
                }
            }
            try findSenders(.induction, [.k, .v], at: .s1Next, options.s1Next) { head, _ in
                behaviour.kind(of: head, among: [.previousToken], from: attention) == nil
                    ? .otherAtS1Next : .previousToken
            }
        }
        let movers = classes[.nameMover]!
        try findSenders(nil, at: .end, options.backups, without: movers) { head, _ in
            direct[head] == nil ? .backup : nil
        }
        if classes[.inhibition] != nil {
            try findSenders(.backup, [.q], at: .end, options.queries, bothSigns: true, without: movers) { _, _ in nil }
        }
        let first = steps[0]
        steps[0] = PathWalkStep(
            receiver: first.receiver, knockedOut: [],
            heard: first.heard.filter { $0.head.map { found[$0] != nil } ?? false }, map: first.map
        )
        return behaviour
    }

    /// Removes from the name movers the heads that attend to S2 more than to IO, which suppress S.
    ///
    /// - Returns: the removed heads.
    private mutating func removeInhibitors(_ behaviour: HeadBehaviour) -> [Head] {
        let movers = classes[.nameMover]!
        let inhibitors = movers.filter { behaviour.attendsToS2(head: $0, from: options.attention) }
        guard original.mean > 0, inhibitors.count < movers.count else { return [] }
        classes[.nameMover] = movers.filter { !inhibitors.contains($0) }
        for head in inhibitors { found[head] = nil }
        return inhibitors
    }

    /// Measures each head's effect through inputs of the heads of a class, assigns classes to heads that pass the
    /// criterion, and records the paths found.
    ///
    /// - Parameters:
    ///   - receiverClass: the receiving class; nil for the logits.
    ///   - inputs: the inputs, each measured in a sweep; empty for the logits.
    ///   - bothSigns: whether heads that raise the logit difference pass too.
    ///   - knockedOut: heads knocked out at END.
    ///   - name: the class for an unclassified head with its strongest effect; nil for none.
    /// - Returns: the heads that pass, with their strongest effects.
    @discardableResult
    private mutating func findSenders(
        _ receiverClass: Name?,
        _ inputs: [Graph.HeadInput] = [],
        at position: PositionName,
        _ criterion: PathWalk.Criterion,
        bothSigns: Bool = false,
        without knockedOut: [Head] = [],
        naming name: (Head, _ effect: Double) -> Name?
    ) throws -> [Head: Double] {
        var sweeps: [(receiver: Receiver, inputs: [Graph.HeadInput], map: PatchMap, passing: [(Head, Double)])] = []
        func add(_ receiver: Receiver, _ inputs: [Graph.HeadInput]) throws {
            let map = try sweep(receiver, without: knockedOut)
            // Knocked-out heads send only rounding errors.
            let passing = map.passing(criterion.threshold, bothSigns: bothSigns)
            sweeps.append((receiver, inputs, map, passing.filter { !knockedOut.contains($0.0) }))
        }
        if let receiverClass {
            guard let heads = classes[receiverClass] else { return [:] }
            for input in inputs {
                try add(.heads(input: input.site, heads: heads, position: .one(position)), [input])
            }
        } else {
            try add(.logits, [])
        }
        var strongest: [Head: Double] = [:]
        for (head, effect) in sweeps.flatMap(\.passing) where abs(effect) > abs(strongest[head] ?? 0) {
            strongest[head] = effect
        }
        for (head, effect) in strongest.map({ ($0.key, $0.value) }).sorted(by: PatchMap.isStronger)
        where found[head] == nil {
            guard let name = name(head, effect), classes[name, default: []].count < criterion.limit ?? .max else {
                continue
            }
            classes[name, default: []].append(head)
            found[head] = Found(name: name, position: .one(position))
        }
        for sweep in sweeps {
            let heard = sweep.passing.map(\.0).filter { found[$0]?.position == .one(position) }
            for head in heard { addPath(from: found[head]!.name, to: receiverClass, sweep.inputs) }
            steps.append(
                PathWalkStep(
                    receiver: sweep.receiver, knockedOut: knockedOut, heard: heard.map(Node.head), map: sweep.map)
            )
        }
        return strongest
    }

    /// Records a path between classes, or adds inputs to a recorded one.
    private mutating func addPath(from sender: Name, to receiverClass: Name?, _ inputs: [Graph.HeadInput]) {
        let (from, to) = (sender.rawValue, receiverClass?.rawValue ?? "logits")
        guard let index = paths.firstIndex(where: { $0.from == from && $0.to == to }) else {
            paths.append(ClassPath(from: from, to: to, inputs: inputs))
            return
        }
        let more = inputs.filter { !paths[index].inputs.contains($0) }
        paths[index] = ClassPath(from: from, to: to, inputs: paths[index].inputs + more)
    }

    /// Measures the effects of all heads on a receiver.
    private mutating func sweep(_ receiver: Receiver, without knockedOut: [Head]) throws -> PatchMap {
        var method = try PathPatching(cells: model.config.allHeads.map { [.head($0)] }, receivers: [receiver])
        method.metric = metric
        var stage = receiver.description
        if !knockedOut.isEmpty {
            method.knockout = KnockoutTarget("name movers", knockedOut, at: .one(.end))
            method.ablation = options.ablation
            stage += " without \(knockedOut.map(\.description).joined(separator: ","))"
        }
        if let known = maps[stage] { return known }
        let (progress, done, sweeps) = (progress, Double(maps.count), Double(Self.sweeps))
        let size = PatchMeasures.Size(cells: method.cells.count, prompts: prompts.count)
        var measures = try measuring(stage, size) {
            try method.measure(model, prompts, reference: reference, settings: settings, resuming: $0) {
                progress((done + $0) / sweeps)
            }
        }
        if knockedOut.isEmpty {
            original = measures.original
        } else {
            measures = measures.rebased(on: original)
        }
        let map = PatchMap(
            PatchEffects(measures, metric: metric, seed: options.seed, workers: settings.workers), measures,
            columns: .heads,
            layers: model.config.layers, width: model.config.heads, perPrompt: false
        )
        maps[stage] = map
        return map
    }
}

extension PatchMap {
    /// The heads whose intervals exclude zero and whose effects reach the threshold, strongest first.
    ///
    /// - Parameters:
    ///   - threshold: in percent.
    ///   - bothSigns: whether positive effects count too.
    func passing(_ threshold: Double, bothSigns: Bool) -> [(Head, Double)] {
        var passing: [(Head, Double)] = []
        for (layer, cells) in layers.enumerated() {
            for (index, cell) in cells.enumerated() {
                guard let value = cell.effect.value, let interval = cell.effect.recordedBounds else { continue }
                let isApart = interval[1] < 0 || (bothSigns && interval[0] > 0)
                if isApart, abs(value) >= threshold { passing.append((Head(layer, index), value)) }
            }
        }
        return passing.sorted(by: Self.isStronger)
    }

    /// Orders by absolute effect, with ties in head order.
    static func isStronger(_ a: (Head, Double), _ b: (Head, Double)) -> Bool {
        (-abs(a.1), a.0) < (-abs(b.1), b.0)
    }
}

extension Graph.HeadInput {
    var site: Site {
        switch self {
        case .q: .q
        case .k: .k
        case .v: .v
        }
    }
}
