/// How the heads of a donor, such as a fine-tuned model, differ from those of a model of the same shape.
public struct HeadComparison: Codable, Equatable, Sendable {
    /// A head whose class differs between the models.
    public struct Transition: Codable, Equatable, Sendable {
        public let head: Head
        public let from, to: HeadClassification.Kind
    }

    /// The mean total variation distance of the models' attention from END.
    public let patternDistance: HeadMap
    public let weights: WeightChange
    /// The mean change in direct logit attribution; nil if attribution was not measured.
    public let attributionChange: HeadMap?
    /// In ascending order. Classes that were unsettled in either model are excluded.
    public let transitions: [Transition]
    /// For each pair of a name mover and a negative name mover of either model, or of a writer and a negative writer;
    /// empty if attribution was not measured.
    public let twinning: [Twinning]

    enum CodingKeys: String, CodingKey {
        case patternDistance = "pattern_distance"
        case weights
        case attributionChange = "attribution_change"
        case transitions, twinning
    }

    /// - Parameters:
    ///   - distances: of attention patterns. [heads][prompts]
    ///   - attributions: nil if not measured. [heads][prompts]
    init(
        distances: [[Double]],
        weights: WeightChange,
        attributions: (model: [[Double]], donor: [[Double]])?,
        classes: (model: HeadClassification, donor: HeadClassification),
        config: GPT2Config,
        seed: UInt64,
        workers: Workers
    ) {
        patternDistance = HeadMap(means: distances, heads: config.heads, seed: seed, workers: workers)
        self.weights = weights
        attributionChange = attributions.map { attributions in
            HeadMap(
                means: zip(attributions.model, attributions.donor).map { zip($0, $1).map { $1 - $0 } },
                heads: config.heads, seed: seed, workers: workers
            )
        }
        transitions = zip(classes.model.heads, classes.donor.heads).compactMap { old, new in
            let isSettled = !classes.donor.unsettled.contains(old.kind) && !classes.model.unsettled.contains(new.kind)
            return old.kind == new.kind || !isSettled ? nil : Transition(head: old.head, from: old.kind, to: new.kind)
        }
        func either(_ kinds: [HeadClassification.Kind]) -> [Head] {
            Set(kinds.flatMap { classes.model.heads(of: $0) + classes.donor.heads(of: $0) }).sorted()
        }
        let (movers, negatives) = (either([.nameMover, .writer]), either([.negative, .negativeWriter]))
        twinning =
            attributions == nil || movers.isEmpty || negatives.isEmpty
            ? []
            : Twinning.pairs(
                movers, negatives, model: attributions!.model, donor: attributions!.donor, config: config, seed: seed,
                workers: workers
            )
    }
}

/// The total variation distance ½·Σ|p − q| of two models' attention from END: the share of attention that moved.
enum PatternDistance {
    /// - Returns: the distances, with heads in layer-major order. [heads][prompts]
    /// - Throws: a ``PatchInterruption`` without measures.
    static func measure(
        _ model: GPT2Parameters,
        _ donor: GPT2Parameters,
        _ prompts: [Prompt],
        settings: RunSettings,
        progress: (Double) -> Void = { _ in }
    ) throws -> [[Double]] {
        let config = model.config
        let size = min(RunSettings.prompts, prompts.count)
        let other = ForwardPass(
            donor, capacity: BatchCapacity(lengths: prompts.map(\.tokens.count), count: size, rows: .all),
            keeping: [.pattern], workers: settings.workers
        )
        var distances = [[Double]](repeating: [], count: config.layers * config.heads)
        try PromptPass.run(
            model, prompts, keeping: [.pattern], settings: settings, progress: progress
        ) { batch, forward in
            other.run(batch.packed)
            for layer in 0..<config.layers {
                let (own, others) = (forward.patterns(layer: layer), other.patterns(layer: layer))
                for (end, tokens) in zip(batch.ends, batch.packed.prompts) {
                    let row = batch.packed.rowOfToken[end]
                    for head in 0..<config.heads {
                        let (p, q) = (own(row, head), others(row, head))
                        let sum = (0..<tokens.count).reduce(0) { $0 + abs(Double(p[$1]) - Double(q[$1])) }
                        distances[layer * config.heads + head].append(sum / 2)
                    }
                }
            }
        }
        return distances
    }
}

/// How closely a name mover and a negative name mover, or the writers of another task, track each other: Pearson's ρ over prompts of their direct
/// attributions. (This project's measure of the twinning that Chhabra et al. 2503.01896 describe.)
public struct Twinning: Codable, Equatable, Sendable {
    public let nameMover, negativeNameMover: Head
    public let model, donor: Estimate
    /// The correlation of the changes from model to donor.
    public let change: Estimate

    enum CodingKeys: String, CodingKey {
        case nameMover = "name_mover"
        case negativeNameMover = "negative_name_mover"
        case model, donor, change
    }

    /// All pairs.
    ///
    /// - Parameters:
    ///   - model: direct attributions in the model, with heads in layer-major order. [heads][prompts]
    ///   - donor: direct attributions in the donor.
    static func pairs(
        _ movers: [Head],
        _ negatives: [Head],
        model: [[Double]],
        donor: [[Double]],
        config: GPT2Config,
        seed: UInt64,
        workers: Workers
    ) -> [Twinning] {
        let change = zip(model, donor).map { zip($0, $1).map { $1 - $0 } }
        let pairs = movers.flatMap { mover in negatives.map { (mover, $0) } }
        func estimates(_ columns: [[Double]]) -> [Estimate] {
            func column(_ head: Head) -> [Double] { columns[head.layer * config.heads + head.index] }
            return Correlation.estimates(
                pairs.map { [(column($0), column($1))] }, seed: seed, workers: workers
            )
        }
        let (inModel, inDonor, changes) = (estimates(model), estimates(donor), estimates(change))
        return pairs.indices.map { index in
            Twinning(
                nameMover: pairs[index].0, negativeNameMover: pairs[index].1, model: inModel[index],
                donor: inDonor[index], change: changes[index]
            )
        }
    }
}
