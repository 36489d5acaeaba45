import Foundation
import Testing

@testable import GPT2Kit

@Suite struct AdamWTests {
    /// Three updates of a matrix and a vector against the published algorithm in double.
    @Test func updatesAreThePublishedOnes() throws {
        let config = try GPT2Config(vocabularySize: 11, contextLength: 3, width: 5, layers: 1, heads: 1)
        let workers = Workers(count: 2)
        let parameters = GPT2Parameters(random: config, seed: 1, deviation: 0.5, workers: workers)
        let gradients = GPT2Parameters(random: config, seed: 2, deviation: 0.5, workers: workers)
        var settings = AdamW.Settings(learningRate: 0.01)
        settings.weightDecay = 0.3
        var optimizer = AdamW(config)
        let start = parameters.values(of: "wte.weight")!.map(Double.init)
        for _ in 0..<3 {
            optimizer.update(parameters, gradients: gradients, settings: settings, workers: workers)
        }
        let slopes = gradients.values(of: "wte.weight")!.map(Double.init)
        for (i, found) in parameters.values(of: "wte.weight")!.enumerated() {
            var (p, m, v) = (start[i], 0.0, 0.0)
            for step in 1...3 {
                m = 0.9 * m + 0.1 * slopes[i]
                v = 0.999 * v + 0.001 * slopes[i] * slopes[i]
                let (mean, square) = (m / (1 - pow(0.9, Double(step))), v / (1 - pow(0.999, Double(step))))
                p = p * (1 - 0.01 * 0.3) - 0.01 * mean / (square.squareRoot() + 1e-8)
            }
            #expect(abs(Double(found) - p) < 1e-6)
        }
        // A LayerNorm's weights, all 1 with gradients of 1, move by the rate alone: they do not decay.
        for found in parameters.values(of: "h.0.ln_1.weight")! { #expect(abs(found - 0.97) < 1e-6) }
    }

    /// An update leaves the parts that a split of the new weights gives.
    @Test func partsFollowTheWeights() throws {
        let config = try GPT2Config(vocabularySize: 11, contextLength: 3, width: 5, layers: 1, heads: 1)
        let workers = Workers(count: 2, precision: .bf16x3)
        let parameters = GPT2Parameters(random: config, seed: 1, workers: workers).withParts(workers: workers)
        var optimizer = AdamW(config)
        optimizer.update(
            parameters, gradients: GPT2Parameters(random: config, seed: 2, workers: workers),
            settings: AdamW.Settings(learningRate: 0.01), workers: workers
        )
        func bits() -> [[UInt16]] {
            parameters.views.compactMap { view in
                view.parts.map { parts in
                    (0..<3).flatMap { part in (0..<view.rows * view.columns).map { parts[part][$0] } }
                }
            }
        }
        let updated = bits()
        parameters.split(workers: workers)
        #expect(updated == bits() && updated.count == 5)
    }

    /// Gradients longer than the clip go in cut to its length, shorter ones as they are.
    @Test func longGradientsAreCut() throws {
        let config = try GPT2Config(vocabularySize: 11, contextLength: 3, width: 5, layers: 2, heads: 1)
        let workers = Workers(count: 2)
        let gradients = GPT2Parameters(random: config, seed: 2, deviation: 0.5, workers: workers)
        let values = gradients.entries.flatMap { gradients.values(of: $0.name)!.map(Double.init) }
        let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(abs(gradients.norm(workers: workers) - norm) < 1e-6 * norm)
        /// Without decay, and with a second moment that hardly counts beside ε, a step is proportional to the gradient.
        func step(clip: Double?) -> [Float] {
            let parameters = GPT2Parameters(zeros: config)
            var optimizer = AdamW(config)
            let settings = AdamW.Settings(learningRate: 1e6, weightDecay: 0, epsilon: 1e6, clip: clip)
            optimizer.update(parameters, gradients: gradients, settings: settings, workers: workers)
            return parameters.entries.flatMap { parameters.values(of: $0.name)! }
        }
        let whole = step(clip: nil)
        #expect(step(clip: norm * 1.01) == whole)
        for (cut, whole) in zip(step(clip: norm / 4), whole) { #expect(abs(cut - whole / 4) <= 1e-5 * abs(whole)) }
    }

    @Test func whatDecaysIsAChoice() throws {
        let config = try GPT2Config(vocabularySize: 11, contextLength: 3, width: 5, layers: 1, heads: 1)
        let workers = Workers(count: 1)
        func kept(_ decayed: AdamW.Decayed) -> Set<String> {
            let parameters = GPT2Parameters(random: config, seed: 1, workers: workers)
            let before = parameters.entries.map { parameters.values(of: $0.name)! }
            var optimizer = AdamW(config)
            let settings = AdamW.Settings(learningRate: 0.1, weightDecay: 0.5, decayed: decayed)
            optimizer.update(
                parameters, gradients: GPT2Parameters(zeros: config), settings: settings, workers: workers
            )
            let same = zip(parameters.entries, before).filter { parameters.values(of: $0.name)! == $1 }
            return Set(same.map(\.0.name))
        }
        let vectors = GPT2Parameters.entries(of: config).filter { !$0.isMatrix }.map(\.name)
        #expect(kept(.matrices) == Set(vectors))
        #expect(kept(.blocks) == Set(vectors + ["wte.weight", "wpe.weight"]))
    }
}
