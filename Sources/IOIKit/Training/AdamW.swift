import Foundation

/// AdamW (Loshchilov & Hutter 2019), decay applied to matrices and embeddings only.
public struct AdamW: Sendable {
    /// Constant over a run. Defaults are the paper's; its batch and schedule are not published.
    public struct Settings: Codable, Equatable, Sendable {
        public var learningRate: Double
        public var weightDecay: Double
        public var beta1: Double
        public var beta2: Double
        public var epsilon: Double

        public init(
            learningRate: Double = 1e-5,
            weightDecay: Double = 0.1,
            beta1: Double = 0.9,
            beta2: Double = 0.999,
            epsilon: Double = 1e-8
        ) {
            self.learningRate = learningRate
            self.weightDecay = weightDecay
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
        }

        enum CodingKeys: String, CodingKey {
            case learningRate = "lr"
            case weightDecay = "weight_decay"
            case beta1, beta2, epsilon
        }
    }

    /// First and second moments of the gradients.
    let first, second: GPT2Parameters
    /// How many updates have been made.
    var step = 0

    init(_ config: GPT2Config) {
        first = GPT2Parameters(zeros: config)
        second = GPT2Parameters(zeros: config)
    }

    init(first: GPT2Parameters, second: GPT2Parameters, step: Int) {
        self.first = first
        self.second = second
        self.step = step
    }

    /// Moves `parameters` one step against `gradients`.
    mutating func update(
        _ parameters: GPT2Parameters,
        gradients: GPT2Parameters,
        settings: Settings,
        workers: Workers
    ) {
        step += 1
        for index in parameters.entries.indices {
            let entry = parameters.entries[index]
            Self.move(
                parameters.views[index].base, gradient: gradients.views[index].base, first: first.views[index].base,
                second: second.views[index].base, count: entry.count, step: step, decays: entry.decays,
                settings: settings, workers: workers
            )
        }
    }

    /// Moves `count` parameters `p` one step against their gradient, and their moments with them.
    ///
    /// - Parameter step: which one, from 1.
    static func move(
        _ p: UnsafeMutablePointer<Float>,
        gradient g: UnsafeMutablePointer<Float>,
        first m: UnsafeMutablePointer<Float>,
        second v: UnsafeMutablePointer<Float>,
        count: Int,
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
        workers.share(count, grain: 4096) { range in
            let (p, g) = (p + range.lowerBound, g + range.lowerBound)
            let (m, v) = (m + range.lowerBound, v + range.lowerBound)
            @inline(__always)
            func updated(_ p: Lanes, _ g: Lanes, _ m: inout Lanes, _ v: inout Lanes) -> Lanes {
                m = m * beta1 + g * rest1
                v = v * beta2 + g * g * rest2
                return p * keep - stepSize * m / (v.squareRoot() * secondScale + epsilon)
            }
            forEachLanes(range.count) {
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
        }
    }
}
