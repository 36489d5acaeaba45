import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct AttentionHintTests {
    static let weight = 0.7
    /// The second begins as the first does, the fourth is the third's beginning; so they share rows.
    static let prompts = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 9, 5], [7, 8, 3, 1, 2, 4, 6], [7, 8, 3, 1]]
    static let targets = [
        AttentionHint.Target(head: Head(0, 1), prompt: 0, query: 5, key: 2),
        AttentionHint.Target(head: Head(0, 1), prompt: 1, query: 2, key: 0),
        AttentionHint.Target(head: Head(1, 0), prompt: 1, query: 4, key: 3),
        AttentionHint.Target(head: Head(1, 0), prompt: 1, query: 4, key: 1),
        AttentionHint.Target(head: Head(2, 2), prompt: 2, query: 6, key: 6),
        AttentionHint.Target(head: Head(2, 0), prompt: 3, query: 3, key: 1),
    ]

    /// The hint's loss as its definition reads, in double.
    static func loss(_ model: NaiveModel) -> Double {
        var total = 0.0
        for (index, prompt) in prompts.enumerated() {
            _ = model.run(
                prompt,
                hook: { site, layer, head, position, values in
                    guard site == .pattern else { return }
                    for target in targets
                    where target.prompt == index && target.head == Head(layer, head!) && target.query == position {
                        total -= log(values[target.key])
                    }
                }
            )
        }
        return weight * total / Double(targets.count)
    }

    @Test func gradientsAreThoseOfFiniteDifferences() throws {
        let parameters = PatchingFixture.all[1].parameters
        let batch = PackedBatch(Self.prompts, rows: .all)
        #expect(batch.isSharing)
        let forward = ForwardPass(
            parameters, capacity: batch.capacity, keeping: .forBackward, workers: Workers(count: 2)
        )
        let backward = BackwardPass(forward)
        let labels = batch.queryOfLabel.map { $0 % 50 }
        func gradients(_ hint: AttentionHint?) -> (loss: Double, [[Float]]) {
            forward.run(batch)
            let loss = backward.run(labels: labels, hint: hint)
            return (loss, parameters.entries.map { backward.gradients.values(of: $0.name)! })
        }
        let (plainLoss, plain) = gradients(nil)
        let (hintedLoss, hinted) = gradients(AttentionHint(weight: Self.weight, targets: Self.targets))
        #expect(plainLoss == hintedLoss)

        let model = NaiveModel(parameters)
        var generator = SeededGenerator(0, "entries")
        var largest = 0.0
        for (index, entry) in parameters.entries.enumerated() {
            let found = zip(hinted[index], plain[index]).map { Double($0) - Double($1) }
            let scale = found.map(abs).max()!
            for _ in 0..<4 {
                let at = generator.below(entry.count)
                let (row, column) = (at / entry.shape.last!, at % entry.shape.last!)
                func moved(_ change: Double) -> Double {
                    var model = model
                    model.tensors[entry.name]![row][column] += change
                    return Self.loss(model)
                }
                let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5
                #expect(abs(found[at] - expected) < 2e-6 + 1e-4 * scale, "\(entry.name) \(at)")
                largest = max(largest, abs(expected))
            }
        }
        #expect(largest > 0.01)
    }

    @Test func guidanceIsForItsStepsAndForExamplesOfTheTask() throws {
        let guidance = AttentionGuidance(
            [.init(Head(1, 0), from: .end, to: .io), .init(Head(0, 1), from: .s2, to: .s1)], weight: 0.3, steps: 5
        )
        let positions = Positions(io: 1, s1: 2, s1Next: 3, s2: 5, end: 7)
        let batch = [
            TrainingExample(tokens: [1, 2], answer: 3),
            TrainingExample(tokens: Array(1...9), answer: 3, positions: positions),
        ]
        #expect(guidance.hint(at: 6, for: batch) == nil)
        #expect(guidance.hint(at: 1, for: [batch[0]]) == nil)
        let hint = try #require(guidance.hint(at: 5, for: batch))
        #expect(hint.targets.map(\.prompt) == [1, 1])
        #expect(hint.targets.map(\.head) == [Head(1, 0), Head(0, 1)])
        #expect(hint.targets.map(\.query) == [7, 5])
        #expect(hint.targets.map(\.key) == [1, 2])
    }
}
