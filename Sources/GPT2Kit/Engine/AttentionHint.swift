/// A second loss that tells heads where to attend while they are trained: `weight` times the mean over `targets` of
/// −log(attention from query to key).
package struct AttentionHint {
    /// Where a head should attend in one prompt of a batch.
    package struct Target {
        let head: Head
        let prompt: Int
        /// Positions in the prompt.
        let query, key: Int

        package init(head: Head, prompt: Int, query: Int, key: Int) {
            self.head = head
            self.prompt = prompt
            self.query = query
            self.key = key
        }
    }

    let weight: Double
    let targets: [Target]
    /// The number of targets that the mean is over.
    private let count: Int

    package init(weight: Double, targets: [Target]) { self.init(weight: weight, targets: targets, of: targets.count) }

    private init(weight: Double, targets: [Target], of count: Int) {
        self.weight = weight
        self.targets = targets
        self.count = count
    }

    /// What some prompts of the batch add to the loss of the whole batch, for a batch of these alone.
    package func part(of prompts: Range<Int>) -> AttentionHint {
        let own = targets.filter { prompts.contains($0.prompt) }.map {
            Target(head: $0.head, prompt: $0.prompt - prompts.lowerBound, query: $0.query, key: $0.key)
        }
        return AttentionHint(weight: weight, targets: own, of: count)
    }

    /// One layer's part of the loss; nil where none of its heads has a target.
    func pull(on layer: Int, in batch: PackedBatch) -> Attention.Pull? {
        let own = targets.filter { $0.head.layer == layer }
        guard !own.isEmpty else { return nil }
        var targets = [[Attention.Pull.Target]](repeating: [], count: batch.prompts.count)
        for target in own {
            let (owner, query) = batch.query(ofPrompt: target.prompt, position: target.query)
            targets[owner].append(Attention.Pull.Target(head: target.head.index, query: query, key: target.key))
        }
        return Attention.Pull(weight: Float(weight / Double(count)), targets: targets)
    }
}
