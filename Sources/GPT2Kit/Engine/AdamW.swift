import CKernels
import Foundation

/// AdamW (Loshchilov & Hutter 2019). Biases and LayerNorms never decay.
public struct AdamW: Sendable {
    /// Which weights decay.
    public enum Decayed: String, Codable, CaseIterable, Sendable {
        /// Matrices and embeddings.
        case matrices
        /// Matrices of blocks, without embeddings.
        case blocks
    }

    /// Settings of a whole run. The defaults are the paper's; its batch size and schedule are not published.
    public struct Settings: Codable, Equatable, Sendable {
        /// The peak learning rate of the run's schedule.
        public var learningRate: Double
        public var weightDecay: Double
        public var decayed: Decayed
        public var beta1: Double
        public var beta2: Double
        public var epsilon: Double
        /// The greatest norm of the gradient of all parameters; longer ones are scaled down. nil for no limit.
        public var clip: Double?

        public init(
            learningRate: Double = 1e-5,
            weightDecay: Double = 0.1,
            decayed: Decayed = .matrices,
            beta1: Double = 0.9,
            beta2: Double = 0.999,
            epsilon: Double = 1e-8,
            clip: Double? = nil
        ) {
            self.learningRate = learningRate
            self.weightDecay = weightDecay
            self.decayed = decayed
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.clip = clip
        }

        enum CodingKeys: String, CodingKey {
            case learningRate = "lr"
            case weightDecay = "weight_decay"
            case decayed, beta1, beta2, epsilon, clip
        }

        func decays(_ entry: GPT2Parameters.Entry) -> Bool {
            switch decayed {
            case .matrices: entry.isMatrix
            case .blocks: entry.isBlockMatrix
            }
        }
    }

    /// The first and second moments of the gradients.
    package let first, second: Moments
    /// Of what is drawn to round them.
    private let seed: UInt64
    /// The number of updates made.
    package var step = 0

    /// - Parameters:
    ///   - moments: how they are kept.
    ///   - seed: of what is drawn to round them.
    package init(_ config: GPT2Config, moments: MomentPrecision = .fp32, seed: UInt64 = 0) {
        self.init(first: Moments(config, moments), second: Moments(config, moments), seed: seed, step: 0)
    }

    package init(first: Moments, second: Moments, seed: UInt64, step: Int) {
        (self.first, self.second, self.seed, self.step) = (first, second, seed, step)
    }

    /// Moves `parameters` one step against `gradients`, and makes their parts anew where they have them.
    ///
    /// - Parameter rate: this step's learning rate; nil for that of `settings`.
    package mutating func update(
        _ parameters: GPT2Parameters,
        gradients: GPT2Parameters,
        settings: Settings,
        rate: Double? = nil,
        workers: Workers
    ) {
        step += 1
        let scale = settings.clip.map { Float(min(1, $0 / gradients.norm(workers: workers))) } ?? 1
        move(
            0..<parameters.count, of: parameters, gradients: gradients, scale: scale, step: step, settings: settings,
            rate: rate, workers: workers
        )
    }

    /// Moves some of `parameters` as the update number `step` moves them: an update in parts, for gradients that are not
    /// all there at once. Sets no ``step``.
    ///
    /// - Parameters:
    ///   - values: which, as a range of all values.
    ///   - scale: a factor for the gradients.
    ///   - rate: this step's learning rate; nil for that of `settings`.
    package func move(
        _ values: Range<Int>,
        of parameters: GPT2Parameters,
        gradients: GPT2Parameters,
        scale: Float = 1,
        step: Int,
        settings: Settings,
        rate: Double? = nil,
        workers: Workers
    ) {
        var settings = settings
        if let rate { settings.learningRate = rate }
        for (index, own) in parameters.tensors(in: values) {
            let (entry, view, start) = (parameters.entries[index], parameters.views[index], own.lowerBound)
            let (p, g) = (view.base + start, gradients.views[index].base + start)
            let parts = view.parts?.dropping(rows: 0, columns: start)
            if first.precision == .fp32 {
                Self.move(
                    p, gradient: g, first: first.floats(index) + start, second: second.floats(index) + start,
                    parts: parts, count: own.count, scale: scale, step: step, decays: settings.decays(entry),
                    settings: settings, workers: workers
                )
                continue
            }
            let update = Self.update(scale: scale, step: step, decays: settings.decays(entry), settings)
            let (m, v) = (first.halves(index) + start, second.halves(index) + start)
            var generator = SeededGenerator(seed, "moments \(entry.name)", step)
            let key = generator.next()
            Self.share(p, parts: parts, count: own.count, workers: workers) { offset, count in
                withUnsafePointer(to: update) {
                    kernels_move_halves(
                        p + offset, g + offset, m + offset, v + offset, count, $0,
                        UInt32(truncatingIfNeeded: start + offset), key
                    )
                }
            }
        }
    }

    /// Moves `count` parameters `p` one step against their gradient `g`, and updates their moments `m` and `v`.
    ///
    /// - Parameters:
    ///   - parts: those of the parameters, which are made anew.
    ///   - scale: a factor for the gradient.
    ///   - step: the number of the update, from 1.
    package static func move(
        _ p: UnsafeMutablePointer<Float>,
        gradient g: UnsafeMutablePointer<Float>,
        first m: UnsafeMutablePointer<Float>,
        second v: UnsafeMutablePointer<Float>,
        parts: BFloat16Parts? = nil,
        count: Int,
        scale: Float = 1,
        step: Int,
        decays: Bool,
        settings: Settings,
        workers: Workers
    ) {
        let update = update(scale: scale, step: step, decays: decays, settings)
        share(p, parts: parts, count: count, workers: workers) { start, count in
            withUnsafePointer(to: update) { kernels_move(p + start, g + start, m + start, v + start, count, $0) }
        }
    }

    private static func update(scale: Float, step: Int, decays: Bool, _ settings: Settings) -> kernels_update {
        let correction1 = 1 - Foundation.pow(settings.beta1, Double(step))
        let correction2 = 1 - Foundation.pow(settings.beta2, Double(step))
        return kernels_update(
            scale: scale, beta1: Float(settings.beta1), rest1: Float(1 - settings.beta1), beta2: Float(settings.beta2),
            rest2: Float(1 - settings.beta2), rate: Float(settings.learningRate / correction1),
            second_scale: Float(1 / correction2.squareRoot()), epsilon: Float(settings.epsilon),
            keep: decays ? Float(1 - settings.learningRate * settings.weightDecay) : 1
        )
    }

    /// Calls `move` with the start and the length of pieces of `count` parameters, on all workers, and makes their parts
    /// anew while they are still in the first cache.
    private static func share(
        _ p: UnsafeMutablePointer<Float>,
        parts: BFloat16Parts?,
        count: Int,
        workers: Workers,
        _ move: (_ start: Int, _ count: Int) -> Void
    ) {
        let piece = 4096
        // The memory is the limit: 28 bytes an element, 20 with moments in bfloat16.
        workers.share(count, grain: Lanes.scalarCount, nanoseconds: 1.2) { range in
            for start in stride(from: range.lowerBound, to: range.upperBound, by: piece) {
                let count = min(piece, range.upperBound - start)
                move(start, count)
                parts?.dropping(rows: 0, columns: start).split(p + start, count: count)
            }
        }
    }
}
