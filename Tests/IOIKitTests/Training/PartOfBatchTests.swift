import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The gradients of the parts of a batch, as ranks compute them, add up to those of the whole batch.
@Suite struct PartOfBatchTests {
    private let parameters = PatchingFixture.all[1].parameters
    private let prompts = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 9, 5], [7, 8, 3, 1, 2, 4, 6], [7, 8, 3, 1], [5, 5, 9]]

    private struct Outcome {
        /// The sum over the labels, before it is divided.
        var losses: [Double] = []
        var loss = 0.0
        var gradients: [Double] = []
    }

    private func labels(_ prompts: ArraySlice<[Int]>, _ rows: PackedBatch.Rows) -> [Int] {
        switch rows {
        case .all: prompts.flatMap { $0.map { ($0 * 7 + 3) % 50 } }
        case .last: prompts.map { ($0.last! * 7 + 3) % 50 }
        }
    }

    /// - Parameter others: the losses of the other parts.
    private func run(
        _ part: Range<Int>, _ rows: PackedBatch.Rows, dropout rate: Double, hint: AttentionHint?, others: [Double] = []
    ) -> Outcome {
        let (before, own) = (prompts[..<part.lowerBound], prompts[part])
        let batch = PackedBatch(Array(own), rows: rows, sharesBeginnings: rate == 0)
        let forward = ForwardPass(
            parameters, capacity: PackedBatch(prompts, rows: rows).capacity, keeping: .forTraining(dropout: rate > 0),
            workers: Workers(count: 2)
        )
        let backward = BackwardPass(forward)
        let first = Dropout.First(rows: before.joined().count, queries: labels(before, rows).count)
        if !part.isEmpty {
            forward.run(batch, dropout: rate > 0 ? Dropout(rate: rate, seed: 3, step: 4, first: first) : nil)
        }
        var (outcome, taken) = (Outcome(), [Range<Int>]())
        outcome.loss = backward.run(
            labels: labels(own, rows), of: labels(prompts[...], rows).count, hint: hint?.part(of: part)
        ) {
            outcome.losses = [$0]
            return others.reduce($0, +)
        } taking: {
            taken.append($0)
        }
        // Every value is complete once, in the same order on all ranks.
        let config = parameters.config
        #expect(taken == GPT2Parameters.groups(config).map { GPT2Parameters.values(of: $0, config) })
        #expect(taken.flatMap { $0 }.sorted() == Array(0..<parameters.count))
        outcome.gradients = parameters.entries.flatMap { backward.gradients.values(of: $0.name)!.map(Double.init) }
        return outcome
    }

    @Test(arguments: [PackedBatch.Rows.all, .last], [(0.0, false), (0.3, false), (0, true), (0.3, true)])
    func partsAddUp(_ rows: PackedBatch.Rows, _ form: (rate: Double, isGuided: Bool)) {
        guard rows == .all || !form.isGuided else { return }
        let hint =
            form.isGuided ? AttentionHint(weight: AttentionHintTests.weight, targets: AttentionHintTests.targets) : nil
        let whole = run(0..<5, rows, dropout: form.rate, hint: hint)
        for cuts in [[0, 2, 5], [0, 1, 1, 3, 5], [0, 4, 5, 5]] {
            let parts = zip(cuts, cuts.dropFirst()).map { $0..<$1 }
            let found = parts.map { run($0, rows, dropout: form.rate, hint: hint) }
            let losses = found.flatMap(\.losses)
            let last = run(parts.last!, rows, dropout: form.rate, hint: hint, others: losses.dropLast())
            #expect(abs(last.loss - whole.loss) < 1e-6 * whole.loss)
            let scale = whole.gradients.map(abs).max()!
            for index in whole.gradients.indices {
                let sum = found.reduce(0) { $0 + $1.gradients[index] }
                guard abs(sum - whole.gradients[index]) > 1e-6 * scale else { continue }
                Issue.record("gradient \(index): found \(sum), expected \(whole.gradients[index])")
                return
            }
        }
    }

    @Test func partsCoverAModel() {
        for count in 1...5 {
            let ranks = (0..<count).map { Ranks(rank: $0, count: count) }
            let parts = ranks.flatMap { rank in rank.pieces(of: parameters.config).flatMap { rank.part(of: $0) } }
            #expect(parts.sorted() == Array(0..<parameters.count))
            let large = ranks[0].pieces(of: 7..<(3 << 21) + 12)
            #expect(large.first!.lowerBound == 7 && large.last!.upperBound == (3 << 21) + 12)
            #expect(zip(large, large.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            #expect(count == 1 ? large.count == 1 : large.allSatisfy { $0.count <= 1 << 21 })
        }
    }

    /// What an empty part of a model's values is, and a copy of some values.
    @Test func someValuesAreCopied() {
        let ranges = [3..<100, 5000..<5001, parameters.count - 5..<parameters.count]
        let workers = Workers(count: 2)
        let copy = GPT2Parameters(copying: ranges, of: parameters, workers: workers)
        func values(_ model: GPT2Parameters) -> [Float] { model.entries.flatMap { model.values(of: $0.name)! } }
        let (found, all) = (values(copy), values(parameters))
        for index in all.indices {
            #expect(found[index] == (ranges.contains { $0.contains(index) } ? all[index] : 0))
        }
        let squares = ranges.reduce(0) { $0 + parameters.sumOfSquares(of: $1, workers: workers) }
        let expected = found.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(squares - expected) < 1e-6 * expected)
        #expect(copy.digest(workers: workers) != parameters.digest(workers: Workers(count: 1)))
        #expect(parameters.digest(workers: workers) == parameters.digest(workers: Workers(count: 1)))
    }
}
