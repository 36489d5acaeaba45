import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct ChoiceEvaluationTests {
    static func prompt(right: [Int], wrong: [Int], answer: Int) -> Prompt {
        Prompt(
            id: 0, dataset: "d", template: "t", group: "g", text: "", tokens: [0], counterfactualTokens: nil,
            rightTokens: right, wrongTokens: wrong, answer: "", answerToken: answer
        )
    }

    @Test func probabilitiesThatCanBeCountedByHand() {
        // Probabilities 1, 2, 3 and 4 tenths, far from 0 as GPT-2's logits are.
        let logits = [1.0, 2, 3, 4].map { Float(log($0)) - 100 }
        let measured = logits.withUnsafeBufferPointer {
            ChoiceMeasures(Self.prompt(right: [3, 0], wrong: [1], answer: 3), logits: $0)
        }
        // A logit near 100 has a last bit of 8e-6.
        #expect(abs(measured.probabilityDifference - 0.3) < 2e-5)
        #expect(abs(measured.loss - log(10.0 / 4)) < 2e-5)
    }

    @Test(arguments: ChoiceTask.allCases)
    func measuresAreThoseOfANaiveSoftmax(_ task: ChoiceTask) throws {
        let temporary = try TemporaryModel(knowing: ChoiceFixture.texts)
        let model = try temporary.load()
        var source = PromptSource(count: 90)
        source.dataset = task.rawValue
        let dataset = try source.data(for: model)
        #expect(dataset.ioi == nil)
        let workers = Workers(count: 2)
        let evaluator = Evaluator(model.parameters, workers: workers)
        let measures = try evaluator.measure(dataset.prompts)
        #expect(measures.count == 90)
        for (prompt, measured) in zip(dataset.prompts, measures).prefix(20) {
            // Alone, and by the definition.
            let batch = PackedBatch([prompt.tokens], rows: .last)
            let forward = ForwardPass(model.parameters, capacity: batch.capacity, workers: workers)
            forward.run(batch)
            let logits = forward.logits(of: batch.queries.indices).row(batch.queryOfLabel[0]).map(Double.init)
            let total = logits.reduce(0) { $0 + exp($1) }
            var difference = 0.0
            for (token, logit) in logits.enumerated() {
                if prompt.rightTokens.contains(token) { difference += exp(logit) / total }
                if prompt.wrongTokens.contains(token) { difference -= exp(logit) / total }
            }
            #expect(abs(measured.probabilityDifference - difference) < 1e-5)
            let right = prompt.rightTokens.map { logits[$0] }
            let wrong = prompt.wrongTokens.map { logits[$0] }
            #expect(abs(measured.logitDifference! - (right.mean - wrong.mean)) < 1e-5)
            #expect(abs(measured.logProbability! - log(right.reduce(0) { $0 + exp($1) } / total)) < 1e-5)
            #expect(measured.isTop == right.contains(logits.max()!))
            #expect(abs(measured.loss + log(exp(logits[prompt.answerToken]) / total)) < 1e-5)
        }
        let evaluation = ChoiceEvaluation(measures, seed: 0, perPrompt: true)
        let differences = measures.map(\.probabilityDifference)
        let mean = differences.reduce(0, +) / 90
        #expect(abs(evaluation.all.probabilityDifference.mean - mean) < 1e-12)
        #expect(evaluation.all.probabilityDifference.std == differences.standardDeviation)
        let bounds = evaluation.all.probabilityDifference.bounds
        #expect(bounds[0] < mean && mean < bounds[1])
        #expect(abs(evaluation.all.accuracy.mean - Double(differences.count { $0 > 0 }) / 90) < 1e-12)
        #expect(evaluation.byGroup.values.reduce(0) { $0 + $1.count } == 90)
        #expect(evaluation.byTemplate.values.reduce(0) { $0 + $1.count } == 90)
        #expect(evaluation.perPrompt == measures)
        #expect(try evaluator.evaluate(dataset, seed: 0, perPrompt: true) == .choice(evaluation))
        let written = try JSONEncoder.readable.encode(TaskEvaluation.choice(evaluation))
        #expect(try JSONDecoder().decode(ChoiceEvaluation.self, from: written) == evaluation)
        #expect(try written == JSONEncoder.readable.encode(evaluation))
    }

    @Test func aModelWithoutFiniteLogitsIsNamed() throws {
        let model = try TemporaryModel(knowing: ChoiceFixture.texts).load()
        let dataset = try ChoiceTask.agreement.dataset(count: 2, seed: 0, tokenizer: model.requireTokenizer())
        let parameters = GPT2Parameters(copying: model.parameters, workers: Workers(count: 1))
        parameters.finalGamma[0][0] = .nan
        let error = #expect(throws: IOIError.self) {
            try Evaluator(parameters, workers: Workers(count: 1)).measure(dataset.prompts)
        }
        #expect(error?.description == "prompt 0: the model's logits are not finite numbers")
    }
}
