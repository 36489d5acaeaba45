/// Circuit discovery by path patching for any task: from the logits back, each step finds the heads and MLPs that affect
/// those found before. It is the walk of Wang et al. (2211.00593, section 3) with MLPs as nodes, as Hanna et al.
/// (2305.00586, section 3) take them for Greater-Than, and with classes that do not depend on a task.
///
/// A path is direct: attention and all MLPs between its ends are frozen. The first step patches the paths from every node
/// to the logits at END. Each later step takes one class found before and patches the paths to what it reads: the input
/// of MLPs at their position, the queries of heads at their position, and their keys and values at each position that
/// the prompts name. Nodes that pass the criterion and are in no class yet form new classes, one of heads and one of
/// MLPs, which are named after where they are and what they send to: `heads@YEAR → MLPs@END → logits`.
///
/// A node belongs to the first class that finds it, and so to one position.
public struct NodeWalk: Codable, Equatable, Sendable {
    /// For the paths to the logits.
    public var logits = PathWalk.Criterion(threshold: 2)
    /// For all other paths.
    public var senders = PathWalk.Criterion(threshold: 1)
    /// The most steps from the logits back.
    public var depth = 6
    /// For bootstrap intervals.
    public var seed: UInt64 = 0

    public init() {}

    /// - Parameters:
    ///   - name: the model's name, recorded in the circuit.
    ///   - metric: what effects are percentages of; not a divergence.
    ///   - measuring: wraps each stage.
    ///   - progress: called with the share of the work done.
    ///   - model: the model to measure.
    ///   - prompts: the prompts to measure.
    ///   - settings: threads, memory and interruption.
    /// - Throws: ``NoCircuit`` if no node affects the logits; `IOIError` if an option is out of range, a prompt has no
    ///   counterfactual, or a result is not finite; ``PatchInterruption``; errors from `measuring`.
    public func find(
        _ model: GPT2Parameters,
        name: String,
        _ prompts: [Prompt],
        metric: Metric = .logitDifference,
        settings: RunSettings,
        measuring: @escaping PatchMeasures.Measuring = { _, _, body in try body(nil) },
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> (circuit: Circuit, steps: [PathWalkStep]) {
        try validate()
        try metric.checkIsRelative()
        var walker = NodeWalker(
            options: self, model: model, prompts: prompts, metric: metric, settings: settings, measuring: measuring,
            progress: progress
        )
        try walker.run()
        progress(1)
        return (try Circuit(model: name, classes: walker.classes, paths: walker.paths), walker.steps)
    }

    /// - Throws: `IOIError` for a negative threshold or a limit below 1.
    public func validate() throws {
        try IOIError.scoped("logits", logits.validate)
        try IOIError.scoped("senders", senders.validate)
        try IOIError.check("depth", depth, in: 1...100)
    }
}

/// The state of a ``NodeWalk`` in progress.
private struct NodeWalker {
    let options: NodeWalk
    let model: GPT2Parameters
    let prompts: [Prompt]
    let metric: Metric
    let settings: RunSettings
    let measuring: PatchMeasures.Measuring
    let progress: (Double) -> Void

    /// In the order in which they were found.
    fileprivate var classes: [HeadClass] = []
    fileprivate var paths: [ClassPath] = []
    fileprivate var steps: [PathWalkStep] = []
    /// The index of each node's class.
    fileprivate var owners: [Node: Int] = [:]

    private static let logits = "logits"

    /// What a class reads at one position.
    private typealias Reading = (
        position: PositionSelection, receivers: [(receiver: Receiver, inputs: [Graph.HeadInput])]
    )

    mutating func run() throws {
        try step(to: Self.logits, [(.one(.end), [(.logits, [])])], options.logits)
        guard !classes.isEmpty else {
            throw NoCircuit(
                "no head or MLP has a direct effect of \(options.logits.threshold) % of the \(metric.noun) with an interval "
                    + "that excludes zero; lower that threshold or use more prompts"
            )
        }
        var (next, depth) = (0, 1)
        while next < classes.count, depth < options.depth {
            // All classes of one depth, before those that they find.
            for index in next..<classes.count {
                try step(to: classes[index].name, readings(of: classes[index]), options.senders)
                next += 1
            }
            depth += 1
        }
    }

    private func readings(of found: HeadClass) -> [Reading] {
        guard found.mlps.isEmpty else {
            return [(found.position, [(.mlps(found.mlps, position: found.position), [])])]
        }
        func heads(_ input: Graph.HeadInput, at position: PositionSelection) -> (Receiver, [Graph.HeadInput]) {
            (.heads(input: input.site, heads: found.heads, position: position), [input])
        }
        return prompts.sharedPositions.map { PositionSelection.one($0) }.map { position in
            (
                position,
                (position == found.position ? [heads(.q, at: position)] : [])
                    + [heads(.k, at: position), heads(.v, at: position)]
            )
        }
    }

    /// Finds the nodes that send to a class, or to the logits.
    private mutating func step(to name: String, _ readings: [Reading], _ criterion: PathWalk.Criterion) throws {
        for reading in readings {
            var strongest: [Node: Double] = [:]
            var passed: [(nodes: [Node], inputs: [Graph.HeadInput])] = []
            let first = steps.count
            for (receiver, inputs) in reading.receivers {
                let effects = try sweep(receiver)
                let passing = effects.passing(criterion.threshold)
                passed.append((passing.map(\.node), inputs))
                for (node, effect) in passing where abs(effect) > abs(strongest[node] ?? 0) {
                    strongest[node] = effect
                }
                steps.append(PathWalkStep(receiver: receiver, heard: [], map: effects.heads, mlps: effects.mlps))
            }
            let order = strongest.sorted { (-abs($0.value), $0.key) < (-abs($1.value), $1.key) }.map(\.key)
            for (kind, isHead) in [("heads", true), ("MLPs", false)] {
                let new = order.filter { owners[$0] == nil && ($0.head != nil) == isHead }.prefix(
                    criterion.limit ?? .max)
                guard !new.isEmpty else { continue }
                for node in new { owners[node] = classes.count }
                classes.append(
                    HeadClass(
                        name: "\(kind)@\(reading.position) → \(name)", nodes: Array(new), position: reading.position)
                )
            }
            for (place, (nodes, inputs)) in passed.enumerated() {
                let heard = nodes.filter { owners[$0].map { classes[$0].position } == reading.position }
                steps[first + place] = steps[first + place].hearing(heard)
                for node in heard { addPath(from: classes[owners[node]!].name, to: name, inputs) }
            }
        }
    }

    /// Records a path between classes, or adds inputs to a recorded one.
    private mutating func addPath(from sender: String, to receiver: String, _ inputs: [Graph.HeadInput]) {
        guard let index = paths.firstIndex(where: { $0.from == sender && $0.to == receiver }) else {
            paths.append(ClassPath(from: sender, to: receiver, inputs: inputs))
            return
        }
        let more = inputs.filter { !paths[index].inputs.contains($0) }
        paths[index] = ClassPath(from: sender, to: receiver, inputs: paths[index].inputs + more)
    }

    /// The effects of all nodes on a receiver.
    private struct Effects {
        let heads, mlps: PatchMap

        /// The nodes whose intervals exclude zero and whose effects reach the threshold, in percent.
        func passing(_ threshold: Double) -> [(node: Node, effect: Double)] {
            heads.passing(threshold, bothSigns: true).map { (.head($0.0), $0.1) }
                + mlps.passing(threshold, bothSigns: true).map { (.mlp($0.0.layer), $0.1) }
        }
    }

    private func sweep(_ receiver: Receiver) throws -> Effects {
        let config = model.config
        let nodes = config.allHeads.map(Node.head) + (0..<config.layers).map(Node.mlp)
        var method = try PathPatching(cells: nodes.map { [$0] }, receivers: [receiver])
        method.freezesMLPs = true
        method.metric = metric
        // The number of steps to come is not known.
        let done = 1 - 1 / Double(steps.count + 1)
        let share = 1 - 1 / Double(steps.count + 2) - done
        let size = PatchMeasures.Size(cells: nodes.count, prompts: prompts.count)
        let measures = try measuring(receiver.description, size) { [progress] in
            try method.measure(model, prompts, settings: settings, resuming: $0) { progress(done + share * $0) }
        }
        func map(_ cells: ArraySlice<[Double]>, _ columns: PatchMap.Columns, width: Int) -> PatchMap {
            let part = PatchMeasures(original: measures.original, patched: Array(cells))
            return PatchMap(
                PatchEffects(part, metric: metric, seed: options.seed, workers: settings.workers), part,
                columns: columns, layers: config.layers, width: width, perPrompt: false
            )
        }
        let count = config.layers * config.heads
        return Effects(
            heads: map(measures.patched[..<count], .heads, width: config.heads),
            mlps: map(measures.patched[count...], .single, width: 1)
        )
    }
}
