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

    package init(weight: Double, targets: [Target]) {
        self.weight = weight
        self.targets = targets
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
        return Attention.Pull(weight: Float(weight / Double(self.targets.count)), targets: targets)
    }
}
