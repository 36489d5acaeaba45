/// Times the kernels around the products, at the size of training.
struct KernelTimings {
    private let timings: Timings

    init(_ timings: Timings) { self.timings = timings }

    func measure(_ add: (Timing) -> Void) {
        let (config, batch, workers) = (timings.config, timings.batch, timings.workers)
        let (rows, d, inner) = (batch * timings.length, config.width, config.innerWidth)
        let (arena, x) = Arena.holding { arena in
            (
                wide: arena.take(rows, inner), active: arena.take(rows, inner), narrow: arena.take(rows, d),
                normal: arena.take(rows, d), statistics: arena.take(rows, 2), gamma: arena.take(1, d),
                logits: arena.take(batch, config.vocabularySize), losses: arena.take(batch, 1)
            )
        }
        withExtendedLifetime(arena) {
            for row in 0..<rows {
                for column in 0..<inner { x.wide[row][column] = Float(column % 13) - 6 }
                for column in 0..<d { x.narrow[row][column] = Float(column % 13) - 6 }
            }
            let labels = Array(repeating: 0, count: batch)
            let least = timings.leastSeconds
            add(
                Timing.measure(.kernel, "GELU, \(rows) × \(inner)", leastSeconds: least) {
                    GELU.tanh.forward(x.wide, into: x.active, workers: workers)
                }
            )
            add(
                Timing.measure(.kernel, "LayerNorm, \(rows) × \(d)", leastSeconds: least) {
                    LayerNorm.forward(
                        x.narrow, gamma: x.gamma, beta: x.gamma, epsilon: 1e-5, into: x.normal,
                        statistics: x.statistics, workers: workers
                    )
                }
            )
            add(
                Timing.measure(.kernel, "cross-entropy, \(batch) × \(config.vocabularySize)", leastSeconds: least) {
                    CrossEntropy.forwardBackward(
                        x.logits, labels: { labels[$0...$0] }, losses: x.losses, weight: 1, workers: workers
                    )
                }
            )
        }
    }
}
