/// A step of training: forward pass, backward pass, and the update of the weights.
///
/// Unless the length of the whole gradient is limited, a block's weights move as soon as their gradient is there: it is
/// still in the processor's cache then, and one block's room is enough for all blocks' gradients. The weights are the same
/// bit for bit.
final class TrainingStep {
    let forward: ForwardPass
    let backward: BackwardPass
    private let settings: AdamW.Settings
    private let workers: Workers

    /// - Parameters:
    ///   - parameters: the weights to train.
    ///   - capacity: the largest batch to come.
    ///   - hasDropout: whether steps may have dropout.
    init(
        _ parameters: GPT2Parameters,
        capacity: BatchCapacity,
        hasDropout: Bool = false,
        settings: AdamW.Settings,
        workers: Workers
    ) {
        self.settings = settings
        self.workers = workers
        forward = ForwardPass(
            parameters.withParts(workers: workers), capacity: capacity, keeping: .forTraining(dropout: hasDropout),
            workers: workers
        )
        backward = BackwardPass(forward, blockByBlock: settings.clip == nil)
    }

    /// The bytes that training takes at most: weights, moments and a step.
    static func bytes(_ config: GPT2Config, _ capacity: BatchCapacity, _ settings: TrainingSettings) -> Int {
        let hasDropout = settings.dropout > 0
        return GPT2Parameters.bytes(config) + GPT2Parameters.partBytes(config, settings.precision)
            + 2 * Moments.bytes(config, settings.moments)
            + Activations.bytes(config, capacity, .forTraining(dropout: hasDropout))
            + BackwardPass.bytes(
                config, capacity, hasDropout: hasDropout, blockByBlock: settings.optimizer.clip == nil
            )
    }

    /// - Parameters:
    ///   - labels: go with `queryOfLabel` of the batch.
    ///   - rate: this step's learning rate.
    /// - Returns: the loss. If it is not finite, weights and optimizer are as before.
    func run(
        _ batch: PackedBatch,
        labels: [Int],
        dropout: Dropout? = nil,
        hint: AttentionHint? = nil,
        rate: Double,
        optimizer: inout AdamW
    ) -> Double {
        forward.run(batch, dropout: dropout)
        guard settings.clip == nil else {
            let loss = backward.run(labels: labels, hint: hint)
            guard loss.isFinite else { return loss }
            optimizer.update(
                forward.parameters, gradients: backward.gradients, settings: settings, rate: rate, workers: workers
            )
            return loss
        }
        let next = optimizer.step + 1
        let loss = backward.run(labels: labels, hint: hint) { entries in
            optimizer.move(
                entries, of: forward.parameters, gradients: backward.gradients, step: next, settings: settings,
                rate: rate, workers: workers
            )
        }
        if loss.isFinite { optimizer.step = next }
        return loss
    }
}
