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
    package let first, second: GPT2Parameters
    /// The number of updates made.
    package var step = 0

    package init(_ config: GPT2Config) {
        first = GPT2Parameters(zeros: config)
        second = GPT2Parameters(zeros: config)
    }

    package init(first: GPT2Parameters, second: GPT2Parameters, step: Int) {
        self.first = first
        self.second = second
        self.step = step
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
            let (view, start) = (parameters.views[index], own.lowerBound)
            Self.move(
                view.base + start, gradient: gradients.views[index].base + start,
                first: first.views[index].base + start, second: second.views[index].base + start,
                parts: view.parts?.dropping(rows: 0, columns: start), count: own.count, scale: scale, step: step,
                decays: settings.decays(parameters.entries[index]), settings: settings, workers: workers
            )
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
        let correction1 = 1 - Foundation.pow(settings.beta1, Double(step))
        let correction2 = 1 - Foundation.pow(settings.beta2, Double(step))
        let (beta1, beta2) = (Float(settings.beta1), Float(settings.beta2))
        let rest1 = Float(1 - settings.beta1)
        let rest2 = Float(1 - settings.beta2)
        let stepSize = Float(settings.learningRate / correction1)
        let secondScale = Float(1 / correction2.squareRoot())
        let epsilon = Float(settings.epsilon)
        let keep = decays ? Float(1 - settings.learningRate * settings.weightDecay) : 1
        @inline(__always)
        func updated(_ p: Lanes, _ g: Lanes, _ m: inout Lanes, _ v: inout Lanes) -> Lanes {
            let g = g * scale
            m = m * beta1 + g * rest1
            v = v * beta2 + g * g * rest2
            return p * keep - stepSize * m / (v.squareRoot() * secondScale + epsilon)
        }
        // New weights are still in the first cache when their parts are made.
        let chunk = 4096
        // The memory is the limit: 28 bytes an element.
        workers.share(count, grain: Lanes.scalarCount, nanoseconds: 1.2) { range in
            for start in stride(from: range.lowerBound, to: range.upperBound, by: chunk) {
                let (p, g, m, v) = (p + start, g + start, m + start, v + start)
                let count = min(chunk, range.upperBound - start)
                forEachLanes(count) {
                    var (first, second) = (m.lanes($0), v.lanes($0))
                    p.setLanes($0, updated(p.lanes($0), g.lanes($0), &first, &second))
                    m.setLanes($0, first)
                    v.setLanes($0, second)
                } tail: {
                    let at = $0.lowerBound
                    var first = Lanes(prefix: $0.count, of: m + at)
                    var second = Lanes(prefix: $0.count, of: v + at)
                    let moved = updated(
                        Lanes(prefix: $0.count, of: p + at), Lanes(prefix: $0.count, of: g + at), &first, &second
                    )
                    for i in $0 { (p[i], m[i], v[i]) = (moved[i - at], first[i - at], second[i - at]) }
                }
                parts?.dropping(rows: 0, columns: start).split(p, count: count)
            }
        }
    }
}
