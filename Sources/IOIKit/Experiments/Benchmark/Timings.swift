/// The program's own timings: products, kernels, and a training step of a whole model.
///
/// Weights are random; speed does not depend on their values.
public struct Timings {
    let config: GPT2Config
    let batch: Int
    let length: Int
    let workers: Workers

    /// - Parameters:
    ///   - batch: prompts a step.
    ///   - length: tokens of each.
    public init(config: GPT2Config, batch: Int, length: Int, workers: Workers) {
        self.config = config
        self.batch = batch
        self.length = length
        self.workers = workers
    }

    /// All timings, each told to `observe` as soon as it is there; the products come first and set the peak.
    public func measure(_ observe: (Timing) -> Void) -> [Timing] {
        var timings: [Timing] = []
        var peak = 0.0
        func add(_ timing: Timing) {
            var timing = timing
            if let gigaflops = timing.gigaflops {
                peak = max(peak, gigaflops)
                timing.shareOfPeak = gigaflops / peak
            }
            timings.append(timing)
            observe(timing)
        }
        add(product("product 1536 × 1536 × 1536", 1536, 1536, 1536))
        let (rows, d, inner) = (batch * length, config.width, config.innerWidth)
        add(product("attention in: \(rows) × \(d) × \(3 * d)", rows, d, 3 * d))
        add(product("MLP in: \(rows) × \(d) × \(inner)", rows, d, inner))
        add(product("MLP out: \(rows) × \(inner) × \(d)", rows, inner, d))
        for timing in kernels() { add(timing) }
        for timing in training(.answer) + training(.all) { add(timing) }
        return timings
    }

    private func product(_ name: String, _ m: Int, _ k: Int, _ n: Int) -> Timing {
        let (arena, views) = Arena.holding { ($0.take(m, k), $0.take(k, n), $0.take(m, n)) }
        return withExtendedLifetime(arena) {
            views.0.fill(0.5)
            views.1.fill(0.25)
            return Timing.measure(name, flops: 2 * Double(m) * Double(k) * Double(n)) {
                GEMM.multiply(views.0, views.1, into: views.2, workers: workers)
            }
        }
    }

    private func kernels() -> [Timing] {
        let (rows, d, inner) = (batch * length, config.width, config.innerWidth)
        let (arena, x) = Arena.holding { arena in
            (
                wide: arena.take(rows, inner), active: arena.take(rows, inner), narrow: arena.take(rows, d),
                normal: arena.take(rows, d), statistics: arena.take(rows, 2), gamma: arena.take(1, d),
                logits: arena.take(batch, config.vocabularySize), losses: arena.take(batch, 1)
            )
        }
        return withExtendedLifetime(arena) {
            for row in 0..<rows {
                for column in 0..<inner { x.wide[row][column] = Float(column % 13) - 6 }
                for column in 0..<d { x.narrow[row][column] = Float(column % 13) - 6 }
            }
            let labels = Array(repeating: 0, count: batch)
            return [
                Timing.measure("GELU, \(rows) × \(inner)") {
                    GELU.forward(x.wide, into: x.active, workers: workers)
                },
                Timing.measure("LayerNorm, \(rows) × \(d)") {
                    LayerNorm.forward(
                        x.narrow, gamma: x.gamma, beta: x.gamma, epsilon: 1e-5, into: x.normal,
                        statistics: x.statistics, workers: workers
                    )
                },
                Timing.measure("cross-entropy, \(batch) × \(config.vocabularySize)") {
                    CrossEntropy.forwardBackward(
                        x.logits, labels: { labels[$0...$0] }, losses: x.losses, weight: 1, workers: workers
                    )
                },
            ]
        }
    }

    private func training(_ span: LossSpan) -> [Timing] {
        let rows: PackedBatch.Rows = span == .answer ? .last : .all
        let parameters = GPT2Parameters(random: config, seed: 0, workers: workers)
        var generator = SeededGenerator(0, "bench")
        let prompts = (0..<batch).map { _ in (0..<length).map { _ in generator.below(config.vocabularySize) } }
        let packed = PackedBatch(prompts, rows: rows, sharesBeginnings: false)
        let forward = ForwardPass(
            parameters,
            capacity: BatchCapacity(lengths: prompts.map(\.count), count: batch, rows: rows),
            keeping: .forBackward, workers: workers
        )
        let backward = BackwardPass(forward)
        var optimizer = AdamW(config)
        let labels = packed.queryOfLabel.map { _ in generator.below(config.vocabularySize) }
        let (body, head) = flops(queries: packed.queries.count)
        let name = "\(batch) prompts of \(length), loss \(span.rawValue)"
        return [
            // The unembedding and the loss belong to the backward pass, which computes them row block by row block.
            Timing.measure("forward, \(name)", flops: body) { forward.run(packed) },
            Timing.measure("backward, \(name)", flops: 2 * body + 3 * head) {
                _ = backward.run(labels: labels)
            },
            Timing.measure("AdamW, \(parameters.count) weights") {
                optimizer.update(
                    parameters, gradients: backward.gradients, settings: AdamW.Settings(), workers: workers
                )
            },
        ]
    }

    /// The operations of the dense layers' products, forward, in the blocks and in the unembedding. Attention's own
    /// are under one in a hundred at the lengths of the task, and are left out.
    private func flops(queries: Int) -> (blocks: Double, unembedding: Double) {
        let (rows, queries) = (Double(batch * length), Double(queries))
        let (d, inner) = (Double(config.width), Double(config.innerWidth))
        let whole = 2 * d * (4 * d + 2 * inner)
        let keysAndValues = 2 * d * 2 * d
        let last = rows * keysAndValues + queries * (whole - keysAndValues)
        return (
            rows * whole * Double(config.layers - 1) + last, 2 * queries * d * Double(config.vocabularySize)
        )
    }
}
