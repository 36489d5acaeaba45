/// Times matrix products, kernels and a training step of a whole model.
///
/// Weights are random, because speed does not depend on their values.
public struct Timings {
    let config: GPT2Config
    let batch: Int
    let length: Int
    let workers: Workers

    /// - Parameters:
    ///   - batch: the number of prompts per step.
    ///   - length: the number of tokens per prompt.
    ///   - config: the shape of the model.
    ///   - workers: the threads that compute.
    public init(config: GPT2Config, batch: Int, length: Int, workers: Workers) {
        self.config = config
        self.batch = batch
        self.length = length
        self.workers = workers
    }

    /// Calls `observe` with each timing as it becomes available. Products by each backend come first and set the peak.
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
        let (rows, d, inner) = (batch * length, config.width, config.innerWidth)
        // The backend in use comes last, so that its share is one of the best of all.
        let current = Backend.current
        for backend in Backend.allCases.filter({ $0.isAvailable && $0 != current }) + [current] {
            add(product("square", 1536, 1536, 1536, backend))
            add(product("attention in", rows, d, 3 * d, backend))
            add(product("MLP in", rows, d, inner, backend))
            add(product("MLP out", rows, inner, d, backend))
        }
        for timing in kernels() { add(timing) }
        for timing in training(.answer) + training(.all) { add(timing) }
        return timings
    }

    private func product(_ name: String, _ m: Int, _ k: Int, _ n: Int, _ backend: Backend) -> Timing {
        let (arena, views) = Arena.holding { ($0.take(m, k), $0.take(k, n), $0.take(m, n)) }
        return withExtendedLifetime(arena) {
            views.0.fill(0.5)
            views.1.fill(0.25)
            return Timing.measure(
                "\(backend), \(name): \(m) × \(k) × \(n)", flops: 2 * Double(m) * Double(k) * Double(n)
            ) {
                GEMM.multiply(views.0, views.1, into: views.2, workers: Workers(count: workers.count, backend: backend))
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
            // The backward pass also computes the unembedding and the loss, one block of rows at a time.
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

    /// The floating-point operations of the dense layers in a forward pass, in the blocks and in the unembedding. Those of
    /// attention are left out: under 1 % at the task's prompt lengths.
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

/// The speed of one piece of work on this machine.
public struct Timing: Codable, Equatable, Sendable {
    public let name: String
    /// The median over the repetitions.
    public let seconds: Double
    /// 10⁹ floating-point operations per second in its matrix products; nil if it has none.
    public let gigaflops: Double?
    /// `gigaflops` as a share of the highest so far in the same run.
    public var shareOfPeak: Double?

    enum CodingKeys: String, CodingKey {
        case name, seconds, gigaflops
        case shareOfPeak = "share_of_peak"
    }

    /// Runs `body` once to warm up, then times it at least three times and for at least `leastSeconds`.
    static func measure(
        _ name: String,
        flops: Double? = nil,
        leastSeconds: Double = 0.3,
        _ body: () throws -> Void
    ) rethrows -> Timing {
        try body()
        var times: [Double] = []
        while times.count < 3 || times.reduce(0, +) < leastSeconds {
            let started = ContinuousClock.now
            try body()
            times.append((ContinuousClock.now - started) / .seconds(1))
        }
        let median = times.sorted()[times.count / 2]
        return Timing(name: name, seconds: median, gigaflops: flops.map { $0 / median / 1e9 }, shareOfPeak: nil)
    }
}
