import TestSupport
import Testing

@testable import IOIKit

/// Compares measures of ``AnyTaskFixture``'s prompts in float32 with those of a `NaiveModel`.
///
/// They agree if they differ by less than 1e-4 of the metric's spread: how far its values on the prompts and their
/// counterfactuals are apart, or 1 where they are farther apart than 1.
struct MetricComparison {
    let metric: Metric
    let spread: Double

    init(_ metric: Metric, _ model: NaiveModel) {
        self.metric = metric
        let values = AnyTaskFixture.prompts.flatMap { prompt in
            let run = model.run(prompt.tokens)
            return [run, model.run(prompt.counterfactualTokens!)].map { $0.value(metric, of: prompt, from: run) }
        }
        spread = values.max()! - values.min()!
    }

    private var scale: Double { min(1, spread) }

    func expect(_ found: Double, _ expected: Double, _ what: @autoclosure () -> String) {
        #expect(abs(found - expected) < 1e-4 * scale, "\(metric.rawValue), \(what())")
    }

    func expect(_ found: [Double], _ expected: [Double], _ what: @autoclosure () -> String) {
        #expect(found.count == expected.count)
        for (found, expected) in zip(found, expected) { expect(found, expected, what()) }
    }

    /// Compares some prompts of measures of all, and makes sure that a patched run differs from the unpatched one.
    ///
    /// - Parameters:
    ///   - some: the prompts to compare; all if nil.
    ///   - patched: the value of a cell in a prompt.
    func expect(
        _ measures: PatchMeasures,
        _ what: String,
        of some: [Int]? = nil,
        patched: (_ cell: Int, _ prompt: Prompt) -> Double
    ) {
        let prompts = AnyTaskFixture.prompts
        var change = 0.0
        for index in some ?? Array(prompts.indices) {
            for (cell, row) in measures.patched.enumerated() {
                let expected = patched(cell, prompts[index])
                expect(row[index], expected, "\(what), cell \(cell), prompt \(index)")
                change = max(change, abs(expected - measures.original[index]))
            }
        }
        // A divergence is of second order in a small change.
        let enough = metric == .divergence ? 1e-3 : 1e-2
        #expect(change > enough * scale, "\(what), \(metric.rawValue): nothing to compare")
    }
}
