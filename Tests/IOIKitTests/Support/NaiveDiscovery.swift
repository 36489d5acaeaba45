import Foundation
import TestSupport

@testable import GPT2Kit
@testable import IOIKit

// MARK: - EAP and EAP-IG

extension NaiveGraph {
    /// The scores of edges in one prompt, by central differences: how much is lost of the metric, to first order, when
    /// what the receiver alone gets moves by the sender's corrupt minus its clean output, at all positions at once.
    ///
    /// - Parameters:
    ///   - some: the edges to score; all if nil.
    ///   - corrupt: what senders send in the corrupt run; that on the counterfactual if nil.
    ///   - steps: the derivative is the mean of those of this many runs, on embeddings that go from the corrupt ones
    ///     to the clean ones: EAP-IG. EAP has 1.
    ///   - offset: by how many steps each run lies before the end of its step: with 0 the corrupt embeddings are left
    ///     out, with 1 the clean ones, with 0.5 each run lies in the middle.
    func scores(
        _ prompt: Prompt,
        of some: [NaiveEdge]? = nil,
        corrupt: Values? = nil,
        steps: Int = 1,
        offset: Double = 0,
        epsilon: Double = 1e-4,
        metric: Metric = .logitDifference
    ) -> [NaiveEdge: Double] {
        let unpatched = run(prompt.tokens)
        let clean = unpatched.outputs
        let corrupt = corrupt ?? run(prompt.abcTokens!).outputs
        var scores: [NaiveEdge: Double] = [:]
        for step in 1...steps {
            let embedding = move(corrupt[.input]!, to: clean[.input]!, share: (Double(step) - offset) / Double(steps))
            for edge in some ?? edges {
                func loss(share: Double) -> Double {
                    let zero = clean[edge.sender]!.map { $0.map { _ in 0.0 } }
                    let change = zip(corrupt[edge.sender]!, clean[edge.sender]!).map { zip($0, $1).map { $0 - $1 } }
                    let moves = [edge.receiver: move(zero, to: change, share: share)]
                    let end = run(prompt.tokens, embedding: embedding, adding: moves).end
                    return -metric.naiveSign * end.value(metric, of: prompt, from: unpatched.end)
                }
                let derivative = (loss(share: epsilon) - loss(share: -epsilon)) / (2 * epsilon)
                scores[edge, default: 0] += derivative / Double(steps)
            }
        }
        return scores
    }
}

// MARK: - ACDC

/// An edge that ACDC tried to do without.
struct NaiveACDCTest: Sendable {
    let edge: NaiveEdge
    /// How much of the metric is lost without it, or by how much a divergence rises.
    let change: Double
}

extension NaiveGraph {
    /// Drops edges for good where less than the threshold is lost of the metric.
    ///
    /// Receivers come in the reverse of the order in which they read: logits; then layer by layer from the last the MLP
    /// and the heads from last to first, of each v, k, q. Of each receiver its senders come from last to first. Where
    /// nothing that a receiver's node sends is left, its edges go without a test.
    ///
    /// - Parameter corrupt: what senders send along dropped edges, for each prompt; that on the ABC partner if nil.
    /// - Returns: the edges left, and the tests in their order.
    func acdc(
        _ prompts: [Prompt],
        threshold: Double,
        corrupt: [Values]? = nil,
        metric: Metric = .divergence
    ) -> (kept: Set<NaiveEdge>, tests: [NaiveACDCTest]) {
        let corrupt = corrupt ?? prompts.map { run($0.abcTokens!).outputs }
        func loss(_ kept: Set<NaiveEdge>) -> Double {
            -metric.naiveSign * mean(metric, prompts, keeping: kept, corrupt: corrupt)
        }
        var kept = Set(edges)
        var current = loss(kept)
        var tests: [NaiveACDCTest] = []
        for receiver in model.config.naiveReceivers.reversed() {
            let incoming = edges.reversed().filter { $0.receiver == receiver }
            let isRead = receiver == .logits || kept.contains { $0.sender == receiver.node }
            guard isRead else {
                kept.subtract(incoming)
                continue
            }
            for edge in incoming {
                let without = loss(kept.subtracting([edge]))
                tests.append(NaiveACDCTest(edge: edge, change: without - current))
                guard without - current < threshold else { continue }
                kept.remove(edge)
                current = without
            }
        }
        return (kept, tests)
    }

    /// The mean over prompts of the metric of a run with some edges, a divergence being that from the clean run.
    func mean(_ metric: Metric, _ prompts: [Prompt], keeping kept: Set<NaiveEdge>, corrupt: [Values]) -> Double {
        let values = zip(prompts, corrupt).map { prompt, corrupt in
            run(prompt.tokens, ablated: corrupt, keeping: kept).end
                .value(metric, of: prompt, from: run(prompt.tokens).end)
        }
        return values.reduce(0, +) / Double(prompts.count)
    }
}

extension NaiveNode {
    /// The head that an input of a head belongs to; an MLP or logits itself.
    fileprivate var node: NaiveNode {
        if case .headInput(let head, _) = self { .head(head) } else { self }
    }
}

/// The point at a share of the way from `a` to `b`.
private func move(_ a: [[Double]], to b: [[Double]], share: Double) -> [[Double]] {
    zip(a, b).map { zip($0, $1).map { $0 + share * ($1 - $0) } }
}
