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

    /// Calls `observe` with each timing as it becomes available. Products by each backend come first; the fastest sets the
    /// peak.
    public func measure(_ observe: (Timing) -> Void) throws -> [Timing] {
        var timings: [Timing] = []
        var peak = 0.0
        func add(_ timing: Timing) {
            var timing = timing
            if let gigaflops = timing.gigaflops {
                if timing.kind == .product { peak = max(peak, gigaflops) }
                timing.shareOfPeak = gigaflops / peak
            }
            timings.append(timing)
            observe(timing)
        }
        // The backend in use comes last, so that its share is one of the best of all.
        let current = Backend.current
        for backend in Backend.allCases.filter({ $0.isAvailable && $0 != current }) + [current] {
            ProductTimings(self, backend).measure(add)
        }
        KernelTimings(self).measure(add)
        let parameters = GPT2Parameters(random: config, seed: 0, workers: workers)
        TrainingTimings(self, parameters).measure(add)
        try CommandTimings(self, parameters).measure(add)
        return timings
    }

    /// Random prompts that share no beginnings. [count][length]
    func prompts(_ count: Int, seed: UInt64 = 0) -> [[Int]] {
        var generator = SeededGenerator(seed, "bench")
        return (0..<count).map { _ in (0..<length).map { _ in generator.below(config.vocabularySize) } }
    }
}
