import Foundation
import Testing

@testable import IOIKit

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
}
