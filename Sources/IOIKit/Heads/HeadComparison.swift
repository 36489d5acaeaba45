/// What is different about the heads of another model of the same shape, such as one that was fine-tuned.
public struct HeadComparison: Codable, Equatable, Sendable {
    /// A head whose class is another in the other model.
    public struct Transition: Codable, Equatable, Sendable {
        public let head: Head
        public let from, to: HeadClassification.Kind
    }

    /// The mean total variation distance of the two models' attention from END.
    public let patternDistance: HeadMap
    public let weights: WeightChange
    /// The mean change of the direct attribution to the logit difference; nil where it was not measured.
    public let attributionChange: HeadMap?
    /// Ascending; none from or to a class that could not be settled in the other model.
    public let transitions: [Transition]
    /// Of each name mover with each negative name mover, of either model; empty where attribution was not measured.
    public let twinning: [Twinning]

    enum CodingKeys: String, CodingKey {
        case patternDistance = "pattern_distance"
        case weights
        case attributionChange = "attribution_change"
        case transitions, twinning
    }

    /// - Parameters:
    ///   - distances: of the patterns. [heads][prompts]
    ///   - attributions: of both models, where they were measured. [heads][prompts]
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
        func either(_ kind: HeadClassification.Kind) -> [Head] {
            Set(classes.model.heads(of: kind) + classes.donor.heads(of: kind)).sorted()
        }
        let (movers, negatives) = (either(.nameMover), either(.negative))
        twinning =
            attributions == nil || movers.isEmpty || negatives.isEmpty
            ? []
            : Twinning.pairs(
                movers, negatives, model: attributions!.model, donor: attributions!.donor, config: config, seed: seed,
                workers: workers
            )
    }
}
