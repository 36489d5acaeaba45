import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// What is recorded of counterfactuals.
@Suite struct CounterfactualHealthTests {
    private func prompt(
        _ tokens: [Int],
        _ counterfactual: [Int]?,
        template: String = "a",
        position: Int = 1
    ) -> Prompt {
        Prompt(
            id: 0, dataset: "d", template: template, group: "g", text: "", tokens: tokens,
            counterfactualTokens: counterfactual, rightTokens: [1], wrongTokens: [2, 3], answer: "", answerToken: 1,
            positions: Positions([PositionName("X")!: position], count: tokens.count)
        )
    }

    private func summary(_ prompts: [Prompt], dropped: Int? = nil) -> CounterfactualHealth? {
        var dataset = TaskDataset(name: "d", seed: nil, prompts: prompts, jsonLines: Data())
        dataset.dropped = dropped
        return CounterfactualHealth(dataset)
    }

    @Test func sharesAreOfTheCounterfactuals() throws {
        #expect(summary([prompt([5, 6], nil)]) == nil)
        let health = try #require(
            summary(
                [
                    prompt([5, 6, 7], [5, 6, 7]), prompt([5, 6, 7], [5, 3, 7]), prompt([5, 6, 7], [5, 8, 7]),
                    prompt([5, 6, 1], [5, 9, 9]), prompt([5, 6], nil),
                ], dropped: 1
            )
        )
        #expect(health.count == 4 && health.equal == 0.25 && health.withAnswers == 0.25)
        #expect(health.unequalLengths == 0.2 && health.lengths == [3, 3])
    }

    /// Two prompts of one template with equal positions and lengths, three of another, and two alone: by the other
    /// position, and by the other length.
    @Test func groupsAreThoseOfMeans() throws {
        let health = try #require(
            summary([
                prompt([5, 6, 7], [5, 10, 7]), prompt([5, 6, 7], [5, 11, 7]),
                prompt([5, 6, 7], [20, 21, 22], template: "b"), prompt([5, 6, 7], [23, 24, 25], template: "b"),
                prompt([5, 6, 7], [23, 24, 22], template: "b"), prompt([5, 6, 7], [5, 6, 7], position: 2),
                prompt([5, 6, 7, 8], [5, 6, 7, 8]),
            ])
        )
        let groups = health.groups
        #expect(groups.count == 4 && groups.least == 1 && groups.most == 3 && groups.single == 2)
        // Of 2 × 3 positions 2 × 1, of 3 × 3 all.
        #expect(groups.differing == 11 / 15.0)
        #expect(health.lengths == [3, 4])
        #expect(try #require(summary([prompt([5], [6])])).groups.differing == nil)
    }

    @Test func theRecordHasIt() throws {
        let dataset = TaskDataset(
            name: "d", seed: 3, prompts: [prompt([5, 6], [5, 7])], jsonLines: Data())
        let json = try JSONEncoder().encode(DatasetRecord(dataset))
        let written = try JSONDecoder().decode([String: JSONValue].self, from: json)
        guard case .object(let counterfactuals)? = written["counterfactuals"] else {
            Issue.record("none in \(written)")
            return
        }
        #expect(
            Set(counterfactuals.keys) == ["count", "equal", "with_answers", "unequal_lengths", "lengths", "groups"])
        // Files without it are read, and are of the same prompts.
        let old = try JSONDecoder().decode(
            DatasetRecord.self,
            from: Data(#"{"name": "d", "count": 1, "seed": 3, "sha256": "\#(Digest.sha256(of: Data()))"}"#.utf8))
        #expect(old.counterfactuals == nil && old == DatasetRecord(dataset))
    }

    /// Sentences of one template differ in their words alone.
    @Test func generatedPromptsAreInOrder() throws {
        let dataset = try TaskDataset(
            TaskFixture.shared.get().generator().dataset(TaskFixture.clean, count: 300, seed: 1))
        let health = try #require(CounterfactualHealth(dataset))
        #expect(health.count == 300 && health.equal == 0 && health.unequalLengths == 0 && health.withAnswers < 0.2)
        #expect(try #require(health.groups.differing) < 0.5)
        let sizes = Dictionary(grouping: dataset.prompts) { "\($0.template) \($0.group) \($0.tokens.count)" }.values
            .map(\.count)
        #expect(health.groups.count == sizes.count && health.groups.least == sizes.min())
    }

    @Test func whatIsUsedFollowsFromTheOptions() {
        #expect(Ablation(.zero).use() == .none && Ablation(.mean).use() == .groups)
        #expect(Ablation(.mean).use(reference: 9) == .values && Ablation(.mean, group: .global).use() == .values)
        #expect(Ablation(.resample).use() == .groups && Ablation(.counterfactual).use() == .values)
        var knockout = KnockoutExperiment(prompts: PromptSource(count: 1))
        knockout.ablation = Ablation(.zero)
        #expect(knockout.counterfactuals == .none)
        knockout.scale = .gap
        #expect(knockout.counterfactuals == .values)
        #expect(ModelDiffExperiment().counterfactuals == .none)
    }
}
