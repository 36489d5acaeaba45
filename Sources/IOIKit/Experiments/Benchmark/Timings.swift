/// Times matrix products, kernels, training, and the commands' work on a whole model.
///
/// Weights and prompts are random, because speed does not depend on their values.
public struct Timings: Sendable {
    let config: GPT2Config
    let batch: Int
    let length: Int
    let workers: Workers
    /// How long each piece of work is repeated.
    var leastSeconds = 0.3

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

    /// Calls `observe` with each timing as it becomes available. Products by each backend and in each precision come first.
    /// Shares are of the fastest product of the same precision.
    public func measure(_ observe: (Timing) -> Void) throws -> [Timing] {
        var timings: [Timing] = []
        var peaks: [Precision: Double] = [:]
        func add(_ timing: Timing, _ precision: Precision) {
            var timing = timing
            if let gigaflops = timing.gigaflops {
                if timing.kind == .product { peaks[precision] = max(peaks[precision] ?? 0, gigaflops) }
                timing.shareOfPeak = gigaflops / peaks[precision]!
            }
            timings.append(timing)
            observe(timing)
        }
        for products in ways { ProductTimings(self, products).measure { add($0, products.precision) } }
        func add(_ timing: Timing) { add(timing, workers.precision) }
        KernelTimings(self).measure(add)
        let parameters = GPT2Parameters(random: config, seed: 0, workers: workers)
        TrainingTimings(self, parameters).measure(add)
        try CommandTimings(self, parameters.withParts(workers: workers)).measure(add)
        return timings
    }

    /// The same number of threads with each available backend and precision. The backend in use comes last, so that its shares are of the
    /// best of all.
    private var ways: [Workers] {
        let others = Backend.allCases.filter { $0.isAvailable && $0 != workers.backend }
        return (others + [workers.backend]).flatMap { backend in
            Precision.allCases.filter { $0.isAvailable(with: backend) }.map {
                Workers(count: workers.count, backend: backend, precision: $0)
            }
        }
    }

    /// Random prompts that share no beginnings. [count][length]
    func prompts(_ count: Int, seed: UInt64 = 0) -> [[Int]] {
        var generator = SeededGenerator(seed, "bench")
        return (0..<count).map { _ in (0..<length).map { _ in generator.below(config.vocabularySize) } }
    }
}
