/// Times a training step and its parts.
struct TrainingTimings {
    private let timings: Timings
    private let parameters: GPT2Parameters

    /// - Parameter parameters: are trained.
    init(_ timings: Timings, _ parameters: GPT2Parameters) {
        self.timings = timings
        self.parameters = parameters
    }

    func measure(_ add: (Timing) -> Void) {
        var optimizer = AdamW(parameters.config)
        for span in LossSpan.allCases { measure(span, &optimizer, add) }
        let gradients = GPT2Parameters(zeros: parameters.config)
        add(
            Timing.measure(.training, "AdamW, \(parameters.count) weights", leastSeconds: timings.leastSeconds) {
                optimizer.update(
                    parameters, gradients: gradients, settings: AdamW.Settings(), workers: timings.workers
                )
            }
        )
    }

    private func measure(_ span: LossSpan, _ optimizer: inout AdamW, _ add: (Timing) -> Void) {
        let rows: PackedBatch.Rows = span == .answer ? .last : .all
        let (prompts, settings) = (timings.prompts(timings.batch), AdamW.Settings())
        let packed = PackedBatch(prompts, rows: rows, sharesBeginnings: false)
        let step = TrainingStep(parameters, capacity: packed.capacity, settings: settings, workers: timings.workers)
        var generator = SeededGenerator(0, "labels")
        let labels = packed.queryOfLabel.map { _ in generator.below(parameters.config.vocabularySize) }
        let arithmetic = Arithmetic(parameters.config)
        let queries = packed.queries.count
        let body = arithmetic.forward(rows: packed.tokens.count, queries: queries)
        let head = arithmetic.unembedding(rows: queries)
        let least = timings.leastSeconds
        let name = "\(prompts.count) prompts of \(timings.length), loss \(span.rawValue)"
        add(
            Timing.measure(.training, "forward, \(name)", flops: body, leastSeconds: least) { step.forward.run(packed) }
        )
        // The backward pass also computes the unembedding and the loss, one block of rows at a time.
        add(
            Timing.measure(.training, "backward, \(name)", flops: 2 * body + 3 * head, leastSeconds: least) {
                _ = step.backward.run(labels: labels)
            }
        )
        add(
            Timing.measure(
                .training, "step, \(name)", flops: 3 * (body + head), prompts: prompts.count, leastSeconds: least
            ) {
                _ = step.run(packed, labels: labels, rate: settings.learningRate, optimizer: &optimizer)
            }
        )
    }
}
