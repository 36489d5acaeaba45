/// Times one library's matrix products in one precision at the shapes of training, of sweeps and of attention.
struct ProductTimings {
    private let timings: Timings
    private let workers: Workers

    init(_ timings: Timings, _ workers: Workers) {
        self.timings = timings
        self.workers = workers
    }

    private var name: String {
        "\(workers.backend)" + (workers.precision == .fp32 ? "" : " \(workers.precision.rawValue)")
    }

    /// The rows of a sweep over heads that computes last tokens alone.
    private static let sweptRows = 64

    func measure(_ add: (Timing) -> Void) {
        let config = timings.config
        let (rows, d, inner) = (timings.batch * timings.length, config.width, config.innerWidth)
        let vocabulary = config.vocabularySize
        add(time("square", 1536, 1536, 1536))
        add(time("attention in", rows, d, 3 * d))
        add(time("MLP in", rows, d, inner))
        add(time("MLP out", rows, inner, d))
        add(time("gradient of MLP input", rows, inner, d) { ($0, $1.transposed) })
        add(time("gradient of MLP weights", d, rows, inner) { ($0.transposed, $1) })
        add(time("MLP in, END only", Self.sweptRows, d, inner))
        add(time("MLP out, END only", Self.sweptRows, inner, d))
        add(time("unembedding", timings.batch, d, vocabulary) { ($0, $1.transposed) })
        // Those inside attention are in single precision in any case.
        guard workers.precision == .fp32 else { return }
        add(attention("scores", timings.length, config.headWidth, timings.length) { ($0, $1.transposed) })
        add(attention("z", timings.length, timings.length, config.headWidth))
    }

    private func time(_ name: String, _ m: Int, _ k: Int, _ n: Int) -> Timing {
        time(name, m, k, n) { ($0, $1) }
    }

    /// A product [m, k] · [k, n].
    ///
    /// - Parameter factors: makes its factors of two matrices, which have the factors' shapes or those of transposes.
    private func time<A: Factor, B: Factor>(
        _ name: String,
        _ m: Int,
        _ k: Int,
        _ n: Int,
        factors: (Matrix, Matrix) -> (A, B)
    ) -> Timing {
        withProduct(m, k, n, count: 1, factors) { a, b, c in
            Timing.measure(
                .product, "\(self.name), \(name): \(m) × \(k) × \(n)", products: workers,
                flops: 2 * Double(m) * Double(k) * Double(n), leastSeconds: timings.leastSeconds
            ) {
                GEMM.multiply(a, b, into: c, workers: workers)
            }
        }
    }

    private func attention(_ name: String, _ m: Int, _ k: Int, _ n: Int) -> Timing {
        attention(name, m, k, n) { ($0, $1) }
    }

    /// As many small products as a layer of the batch has patterns, each on one thread.
    private func attention<A: Factor, B: Factor>(
        _ name: String,
        _ m: Int,
        _ k: Int,
        _ n: Int,
        factors: (Matrix, Matrix) -> (A, B)
    ) -> Timing {
        let count = timings.batch * timings.config.heads
        return withProduct(m, k, n, count: count, factors) { a, b, c in
            Timing.measure(
                .product, "\(self.name), \(name): \(count) of \(m) × \(k) × \(n)", products: workers,
                flops: 2 * Double(count) * Double(m) * Double(k) * Double(n), leastSeconds: timings.leastSeconds
            ) {
                workers.share(count) { range in
                    for index in range {
                        GEMM.multiply(
                            a, b, into: c.slice(rows: index * m..<(index + 1) * m), workers: workers.alone
                        )
                    }
                }
            }
        }
    }

    /// - Parameter count: how many products of [m, n] there is room for.
    private func withProduct<A: Factor, B: Factor>(
        _ m: Int,
        _ k: Int,
        _ n: Int,
        count: Int,
        _ factors: (Matrix, Matrix) -> (A, B),
        _ body: (A, B, Matrix) -> Timing
    ) -> Timing {
        let isTransposed = (A.self == Transposed.self, B.self == Transposed.self)
        let (arena, views) = Arena.holding { arena in
            (
                isTransposed.0 ? arena.take(k, m) : arena.take(m, k),
                isTransposed.1 ? arena.take(n, k) : arena.take(k, n), arena.take(count * m, n)
            )
        }
        return withExtendedLifetime(arena) {
            views.0.fill(0.5)
            views.1.fill(0.25)
            // The second factor is a weight, whose parts are kept, or a gradient that two products share.
            var timing: Timing?
            views.1.withParts(workers: workers) { second in
                let (a, b) = factors(views.0, second)
                timing = body(a, b, views.2)
            }
            return timing!
        }
    }
}
