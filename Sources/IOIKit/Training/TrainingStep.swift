/// A step of training: forward pass, backward pass, and the update of the weights.
///
/// Unless the length of the whole gradient is limited, a block's weights move as soon as their gradient is there: it is
/// still in the processor's cache then, and one block's room is enough for all blocks' gradients. The weights are the same
/// bit for bit. Several ranks each run a part of the batch, and a block moves while the gradients of the next are computed.
final class TrainingStep {
    let forward: ForwardPass
    let backward: BackwardPass
    private let exchange: GradientExchange
    private let ranks: Ranks
    private let settings: AdamW.Settings
    private let workers: Workers

    /// - Parameters:
    ///   - parameters: the weights to train.
    ///   - capacity: the largest batch to come.
    ///   - hasDropout: whether steps may have dropout.
    ///   - ranks: the processes that train together.
    init(
        _ parameters: GPT2Parameters,
        capacity: BatchCapacity,
        hasDropout: Bool = false,
        settings: AdamW.Settings,
        ranks: Ranks = .alone,
        workers: Workers
    ) {
        self.settings = settings
        self.ranks = ranks
        self.workers = workers
        forward = ForwardPass(
            parameters.withParts(workers: workers), capacity: capacity, keeping: .forTraining(dropout: hasDropout),
            workers: workers
        )
        backward = BackwardPass(forward, blockByBlock: settings.clip == nil && ranks.count == 1)
        exchange = GradientExchange(ranks, forward.parameters, gradients: backward.gradients, workers: workers)
    }

    /// The bytes that training takes at most on a machine: weights, moments and a step.
    ///
    /// Each of its ranks has weights and gradients, and its part of the moments; rank 0, which saves them, has all.
    static func bytes(
        _ config: GPT2Config,
        _ capacity: BatchCapacity,
        _ settings: TrainingSettings,
        ranks: Ranks = .alone
    ) -> Int {
        let hasDropout = settings.dropout > 0
        let rank =
            GPT2Parameters.bytes(config) + GPT2Parameters.partBytes(config, settings.precision)
            + Activations.bytes(config, capacity, .forTraining(dropout: hasDropout))
            + BackwardPass.bytes(
                config, capacity, hasDropout: hasDropout,
                blockByBlock: settings.optimizer.clip == nil && ranks.count == 1
            )
        let moments = 2 * Moments.bytes(config, settings.moments)
        let part = moments / ranks.count
        return ranks.onNode * (rank + part) + moments - part
    }

    /// - Parameters:
    ///   - batch: the prompts of this rank; none where a batch has fewer prompts than there are ranks.
    ///   - labels: go with `queryOfLabel` of the batch.
    ///   - total: the number of labels of all ranks, if these are not all.
    ///   - rate: this step's learning rate.
    /// - Returns: the loss of all ranks. If it is not finite, weights and optimizer are as before.
    func run(
        _ batch: PackedBatch,
        labels: [Int],
        of total: Int? = nil,
        dropout: Dropout? = nil,
        hint: AttentionHint? = nil,
        rate: Double,
        optimizer: inout AdamW
    ) -> Double {
        let next = optimizer.step + 1
        func move(_ values: Range<Int>, scale: Float = 1) {
            optimizer.move(
                values, of: forward.parameters, gradients: backward.gradients, scale: scale, step: next,
                settings: settings, rate: rate, workers: workers
            )
        }
        if !labels.isEmpty { forward.run(batch, dropout: dropout) }
        let loss = backward.run(labels: labels, of: total, hint: hint, summing: ranks.sum) { values in
            exchange.add(values)
            if settings.clip == nil { exchange.moveOlder { move($0) } }
        }
        guard loss.isFinite else { return loss }
        let scale = settings.clip.map { Float(min(1, $0 / exchange.norm())) } ?? 1
        exchange.finish { move($0, scale: scale) }
        optimizer.step = next
        return loss
    }
}
