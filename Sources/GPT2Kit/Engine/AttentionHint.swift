/// A second loss that tells heads where to look while they are trained: `weight` times the mean of −log of the attention
/// from `query` to `key` over all `targets`.
package struct AttentionHint {
    /// Where a head should look in one prompt of a batch.
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

    package init(weight: Double, targets: [Target]) {
        self.weight = weight
        self.targets = targets
    }

    /// The share of one layer in it; nil where none of its heads has a target.
    func pull(on layer: Int, in batch: PackedBatch) -> AttentionPull? {
        let own = targets.filter { $0.head.layer == layer }
        guard !own.isEmpty else { return nil }
        var targets = [[AttentionPull.Target]](repeating: [], count: batch.prompts.count)
        for target in own {
            let (owner, query) = batch.query(ofPrompt: target.prompt, position: target.query)
            targets[owner].append(AttentionPull.Target(head: target.head.index, query: query, key: target.key))
        }
        return AttentionPull(weight: Float(weight / Double(self.targets.count)), targets: targets)
    }
}
