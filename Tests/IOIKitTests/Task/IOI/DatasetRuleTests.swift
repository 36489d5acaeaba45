import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct DatasetRuleTests {
    private static let count = 300

    private func prompts(_ fixture: TaskFixture, _ rule: DatasetRule) throws -> [IOIPrompt] {
        try fixture.generator().dataset(rule, count: Self.count, seed: 3).prompts
    }

    @Test func namesAreThoseOfTheContract() throws {
        #expect(
            DatasetRule.all.map(\.name) == ["clean", "name-moving", "subject-duplication", "duplication"]
        )
        #expect(try DatasetRule.named("name-moving") == TaskFixture.nameMoving)
        expectError(
            containing: "dataset",
            "found \"dirty\"",
            "clean, name-moving, subject-duplication, duplication"
        ) {
            try DatasetRule.named("dirty")
        }
    }

    @Test func promptsDifferOnlyAsTheRulesSay() throws {
        let fixture = try TaskFixture.shared.get()
        let clean = try prompts(fixture, TaskFixture.clean)
        let nameMoving = try prompts(fixture, TaskFixture.nameMoving)
        let subject = try prompts(fixture, TaskFixture.subjectDuplication)
        let duplication = try prompts(fixture, TaskFixture.duplication)
        for index in 0..<Self.count {
            let base = clean[index]
            #expect(base.answer == base.io && base.answerToken == base.ioToken)
            #expect(base.tokens[base.positions.s2] == base.sToken)

            var expected = base
            expected.dataset = "name-moving"
            expected.answer = nameMoving[index].answer
            expected.answerToken = nameMoving[index].answerToken
            #expect(nameMoving[index] == expected)
            #expect(![base.io, base.s].contains(expected.answer))
            #expect(fixture.tokenizer.token(for: expected.answer) == expected.answerToken)

            expected = base
            expected.dataset = "subject-duplication"
            expected.answer = base.s
            expected.answerToken = base.sToken
            #expect(subject[index] == expected)

            let third = duplication[index].tokens[base.positions.s2]
            expected = base
            expected.dataset = "duplication"
            expected.tokens[base.positions.s2] = third
            expected.text = fixture.tokenizer.decode(expected.tokens)
            #expect(duplication[index] == expected)
            #expect(![base.ioToken, base.sToken].contains(third))
            #expect(fixture.names.names.contains { fixture.tokenizer.token(for: " " + $0) == third })
        }
    }
}
