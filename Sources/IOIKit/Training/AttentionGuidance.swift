/// Training with a hint: for its first steps, the loss has another part that falls as chosen heads look where they should.
///
/// That part is `weight` times the mean of −log of the attention, over the heads and over those examples of a batch whose
/// positions are known.
public struct AttentionGuidance: Codable, Equatable, Sendable {
    /// One head that should look from one position to another.
    public struct Pull: Codable, Equatable, Sendable {
        public let head: Head
        public let from: PositionClass
        public let to: PositionClass

        public init(_ head: Head, from: PositionClass, to: PositionClass) {
            self.head = head
            self.from = from
            self.to = to
        }
    }

    public let pulls: [Pull]
    public let weight: Double
    /// The number of steps that it lasts.
    public let steps: Int

    public init(_ pulls: [Pull], weight: Double, steps: Int) {
        self.pulls = pulls
        self.weight = weight
        self.steps = steps
    }

    /// Its part of a batch's loss at step `step`, from 1; nil where it has none.
    func hint(at step: Int, for batch: [TrainingExample]) -> AttentionHint? {
        guard step <= steps else { return nil }
        let targets = batch.enumerated().flatMap { prompt, example in
            guard let positions = example.positions else { return [AttentionHint.Target]() }
            return pulls.map {
                AttentionHint.Target(
                    head: $0.head, prompt: prompt, query: positions[$0.from], key: positions[$0.to]
                )
            }
        }
        return targets.isEmpty ? nil : AttentionHint(weight: weight, targets: targets)
    }
}
