import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// That the planted circuit of pronouns is the one that does the task, and the only one.
@Suite struct PlantedPronounModelTests {
    static let prompts = PlantedPronounModel.prompts

    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    @Test(arguments: PlantedPronounModel.all)
    func theGenderOfTheSubjectIsSaid(_ planted: PlantedPronounModel) {
        let model = NaiveModel(planted.parameters)
        for prompt in Self.prompts {
            let (tokens, other) = (prompt.tokens, prompt.counterfactualTokens!)
            let subject = prompt.positions[PlantedPronounModel.subject]!
            #expect(tokens.indices.filter { tokens[$0] != other[$0] } == [subject])
            func difference(_ tokens: [Int]) -> Double {
                let probabilities = softmax(model.run(tokens).logits)
                return probabilities[prompt.rightTokens[0]] - probabilities[prompt.wrongTokens[0]]
            }
            #expect(difference(tokens) > 0.85 && difference(other) < -0.85, "\(prompt.text)")
        }
    }

    @Test(arguments: PlantedPronounModel.all)
    func onlyThePlantedHeadAndMLPCount(_ planted: PlantedPronounModel) {
        let model = NaiveModel(planted.parameters)
        let prompts = Self.prompts.filter { $0.id % 5 == 0 }
        for prompt in prompts {
            let counterfactual = model.record(prompt.counterfactualTokens!).kept
            let end = prompt.positions[.end]!
            let subject = prompt.positions[PlantedPronounModel.subject]!
            let original = model.run(prompt.tokens).logitDifference(of: prompt)
            func patched(_ places: [NaivePlace]) -> Double {
                let replacing = Dictionary(uniqueKeysWithValues: places.map { ($0, counterfactual[$0]!) })
                return model.record(prompt.tokens, replacing: replacing).run.logitDifference(of: prompt) / original
            }
            let (reading, carrying) = (
                NaivePlace(.mlpOut, layer: planted.readingMLP, position: subject),
                NaivePlace.head(planted.carrier, .z, position: end)
            )
            #expect(patched([reading]) < -0.9 && patched([carrying]) < -0.9)
            let all = prompt.tokens.indices.flatMap { position in
                planted.config.allHeads.map { NaivePlace.head($0, .z, position: position) }
                    + (0..<planted.config.layers).map { NaivePlace(.mlpOut, layer: $0, position: position) }
            }
            #expect(abs(patched(all.filter { $0 != reading && $0 != carrying }) - 1) < 0.05)
        }
    }

    /// From the logits to the carrier's value, one sender is found at each step.
    @Test(arguments: PlantedPronounModel.all)
    func pathPatchingWalksBackThroughThePlantedHeadAndMLP(_ planted: PlantedPronounModel) throws {
        let senders =
            planted.config.allHeads.map { PathPatching.Sender.head($0) }
            + (0..<planted.config.layers).map { .mlp($0) }
        let steps: [(Receiver, PathPatching.Sender)] = [
            (.logits, .head(planted.carrier)),
            (
                .heads(input: .v, heads: [planted.carrier], position: .one(PlantedPronounModel.subject)),
                .mlp(planted.readingMLP)
            ),
        ]
        for (receiver, found) in steps {
            let measures = try PathPatching(cells: senders.map { [$0] }, receivers: [receiver]).measure(
                planted.parameters, Self.prompts, settings: RunSettings(workers: Workers(count: 2))
            )
            let original = mean(measures.original)
            for (sender, values) in zip(senders, measures.patched) {
                let effect = mean(values) / original - 1
                #expect(sender == found ? effect < -1.9 : abs(effect) < 0.02, "\(sender) to \(receiver): \(effect)")
            }
        }
    }
}
