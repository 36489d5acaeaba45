import Foundation
import TestSupport

@testable import IOIKit

extension NaiveRun {
    /// What a metric makes of the logits at END, as it is defined.
    ///
    /// - Parameter unpatched: the run that a divergence is from.
    func value(_ metric: Metric, of prompt: Prompt, from unpatched: @autoclosure () -> NaiveRun) -> Double {
        func mean(_ tokens: [Int]) -> Double { tokens.reduce(0) { $0 + logits[$1] } / Double(tokens.count) }
        func probability(_ tokens: [Int]) -> Double {
            let probabilities = softmax(logits)
            return tokens.reduce(0) { $0 + probabilities[$1] }
        }
        return switch metric {
        case .logitDifference: mean(prompt.rightTokens) - mean(prompt.wrongTokens)
        case .probabilityDifference: probability(prompt.rightTokens) - probability(prompt.wrongTokens)
        case .logProbability: log(probability(prompt.rightTokens))
        case .divergence: naiveDivergence(unpatched().logits, logits)
        }
    }

    func logitDifference(of prompt: Prompt) -> Double { value(.logitDifference, of: prompt, from: self) }
}

/// KL(p ‖ q), in nats, of the distributions that logits give.
func naiveDivergence(_ p: [Double], _ q: [Double]) -> Double {
    zip(softmax(p), softmax(q)).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
}

extension Metric {
    /// 1 where a run is better the larger the metric is, −1 where it is better the smaller it is.
    var naiveSign: Double { self == .divergence ? -1 : 1 }
}
