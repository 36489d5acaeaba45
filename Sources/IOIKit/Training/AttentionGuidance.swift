/// An auxiliary loss for the first steps of training that rewards chosen heads for attending where they should.
///
/// It is `weight` times the mean of −log attention over the heads and over the examples of a batch with known positions.
public struct AttentionGuidance: Codable, Equatable, Sendable {
    /// A head, and the positions it should attend from and to.
    public struct Pull: Codable, Equatable, Sendable {
        public let head: Head
        public let from: PositionName
        public let to: PositionName

        public init(_ head: Head, from: PositionName, to: PositionName) {
            self.head = head
            self.from = from
            self.to = to
        }
    }

    public let pulls: [Pull]
    public let weight: Double
    /// The number of steps it lasts.
    public let steps: Int

    public init(_ pulls: [Pull], weight: Double, steps: Int) {
        self.pulls = pulls
        self.weight = weight
        self.steps = steps
    }

    /// The auxiliary loss of a batch at `step`, from 1; nil if there is none.
    func hint(at step: Int, for batch: [TrainingExample]) -> AttentionHint? {
        guard step <= steps else { return nil }
        let targets = batch.enumerated().flatMap { prompt, example in
            guard let positions = example.positions else { return [AttentionHint.Target]() }
            return pulls.compactMap { pull in
                guard let query = positions[pull.from], let key = positions[pull.to] else { return nil }
                return AttentionHint.Target(head: pull.head, prompt: prompt, query: query, key: key)
            }
        }
        return targets.isEmpty ? nil : AttentionHint(weight: weight, targets: targets)
    }
}
