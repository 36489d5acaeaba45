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
    /// nil in older results.
    public let twinningMean: TwinningMean?

    enum CodingKeys: String, CodingKey {
        case patternDistance = "pattern_distance"
        case weights
        case attributionChange = "attribution_change"
        case transitions, twinning
        case twinningMean = "twinning_mean"
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
        transitions = Self.transitions(from: classes.model, to: classes.donor)
        func heads(_ kinds: [HeadClassification.Kind], of classes: HeadClassification) -> [Head] {
            kinds.flatMap(classes.heads)
        }
        func either(_ kinds: [HeadClassification.Kind]) -> [Head] {
            Set(heads(kinds, of: classes.model) + heads(kinds, of: classes.donor)).sorted()
        }
        let (positive, negative): ([HeadClassification.Kind], [HeadClassification.Kind]) = (
            [.nameMover, .writer], [.negative, .negativeWriter]
        )
        let measures = attributions.map {
            TwinningMeasures(model: $0.model, donor: $0.donor, width: config.heads, seed: seed, workers: workers)
        }
        twinning = measures?.pairs(either(positive), either(negative)) ?? []
        twinningMean = measures?.mean(heads(positive, of: classes.model), heads(negative, of: classes.model))
    }

    /// The heads whose class changes, but for classes that are unsettled in either model.
    static func transitions(from model: HeadClassification, to donor: HeadClassification) -> [Transition] {
        zip(model.heads, donor.heads).compactMap { old, new in
            let isSettled = !donor.unsettled.contains(old.kind) && !model.unsettled.contains(new.kind)
            return old.kind == new.kind || !isSettled ? nil : Transition(head: old.head, from: old.kind, to: new.kind)
        }
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
                        distances[layer * config.heads + head].append(of(p, q, count: tokens.count))
                    }
                }
            }
        }
        return distances
    }

    /// Of two patterns over `count` tokens.
    static func of(_ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, count: Int) -> Double {
        (0..<count).reduce(0) { $0 + abs(Double(p[$1]) - Double(q[$1])) } / 2
    }
}

/// A model's attention from END on each prompt, kept to be compared with that of models that are loaded later.
struct EndPatterns {
    /// [heads][prompts][tokens]
    private var patterns: [[[Float]]]

    /// - Throws: a ``PatchInterruption`` without measures.
    init(
        _ model: GPT2Parameters,
        _ prompts: [Prompt],
        settings: RunSettings,
        progress: (Double) -> Void = { _ in }
    ) throws {
        let config = model.config
        var patterns = [[[Float]]](repeating: [], count: config.layers * config.heads)
        try PromptPass.run(
            model, prompts, keeping: [.pattern], settings: settings, progress: progress
        ) { batch, forward in
            for layer in 0..<config.layers {
                let own = forward.patterns(layer: layer)
                for (end, tokens) in zip(batch.ends, batch.packed.prompts) {
                    let row = batch.packed.rowOfToken[end]
                    for head in 0..<config.heads {
                        let pattern = UnsafeBufferPointer(start: own(row, head), count: tokens.count)
                        patterns[layer * config.heads + head].append(Array(pattern))
                    }
                }
            }
        }
        self.patterns = patterns
    }

    /// The total variation distances from another model's patterns. [heads][prompts]
    func distances(from other: EndPatterns) -> [[Double]] {
        zip(patterns, other.patterns).map { own, others in
            zip(own, others).map { PatternDistance.of($0, $1, count: $0.count) }
        }
    }
}
