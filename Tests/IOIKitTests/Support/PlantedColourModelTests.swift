import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// That the planted circuit of copying from a list is the one that does the task, and the only one, by the naive model.
@Suite struct PlantedColourModelTests {
    static let prompts = PlantedColourModel.prompts

    @Test func thePromptsAreOfTheTask() {
        #expect(Self.prompts.map(\.id) == Array(0..<18) && Set(Self.prompts.map(\.tokens)).count == 18)
        #expect(Set(Self.prompts.map(\.tokens.count)) == [12, 14])
        for prompt in Self.prompts {
            let (tokens, other) = (prompt.tokens, prompt.counterfactualTokens!)
            func place(_ name: String) -> Int { prompt.positions[PositionName(name)!]! }
            let (answer, object, asked) = (place("ANSWER"), place("OBJECT"), place("ASKED"))
            #expect(object == answer + 1 && asked == place("END") - 1)
            #expect(tokens[object] == tokens[asked] && prompt.rightTokens == [tokens[answer]])
            #expect(prompt.wrongTokens == [tokens[place("OTHER1")], tokens[place("OTHER2")]])
            // The counterfactual asks for another object of the list.
            #expect(tokens.indices.filter { tokens[$0] != other[$0] } == [asked])
            #expect([place("OTHER1"), place("OTHER2")].contains { tokens[$0 + 1] == other[asked] })
            #expect(tokens.map { PlantedColourModel.vocabulary[$0] }.joined(separator: " ") == prompt.text)
        }
    }

    @Test(arguments: PlantedColourModel.all)
    func theColourOfTheObjectThatIsAskedForIsSaid(_ planted: PlantedColourModel) {
        let model = NaiveModel(planted.parameters)
        for prompt in Self.prompts {
            let probabilities = softmax(model.run(prompt.tokens).logits)
            #expect(probabilities[prompt.rightTokens[0]] > 0.85, "\(prompt.text)")
            let place = prompt.positions[PlantedColourModel.asked]!
            let beside = prompt.tokens.firstIndex(of: prompt.counterfactualTokens![place])! - 1
            let others = softmax(model.run(prompt.counterfactualTokens!).logits)
            #expect(others[prompt.tokens[beside]] > 0.85, "\(prompt.text)")
        }
    }

    @Test(arguments: PlantedColourModel.all) func onlyThePlantedHeadsCount(_ planted: PlantedColourModel) {
        let model = NaiveModel(planted.parameters)
        for prompt in Self.prompts.filter({ $0.id % 4 == 0 }) {
            let counterfactual = model.record(prompt.counterfactualTokens!).kept
            /// The right colour's logit less the mean of the two others'.
            func difference(_ run: NaiveRun) -> Double {
                run.logits[prompt.rightTokens[0]] - prompt.wrongTokens.map { run.logits[$0] }.mean
            }
            let original = difference(model.run(prompt.tokens))
            /// The share of the logit difference that is left with some places as in the counterfactual, or zero.
            func patched(zero: Bool = false, _ places: [NaivePlace]) -> Double {
                let values = places.map { ($0, counterfactual[$0]!.map { zero ? 0 : $0 }) }
                let replacing = Dictionary(uniqueKeysWithValues: values)
                return difference(model.record(prompt.tokens, replacing: replacing).run) / original
            }
            let positions = prompt.tokens.indices
            let colours = 0..<PlantedColourModel.colours.count
            let objects = positions.filter { colours.contains(prompt.tokens[$0]) }.map { $0 + 1 }
            #expect(objects.count == 3)
            let end = prompt.positions[.end]!
            let binding = objects.map { NaivePlace.head(planted.binding, .z, position: $0) }
            let asking = NaivePlace.head(planted.asking, .z, position: end)
            let mover = NaivePlace.head(planted.mover, .z, position: end)
            // Another colour is said, or none.
            for place in [asking, mover] {
                let (other, zero) = (patched([place]), patched(zero: true, [place]))
                #expect(other < -0.35 && abs(zero) < 0.1, "\(place): \(other), zero \(zero)")
            }
            // What stands beside an object is the same in both prompts.
            #expect(abs(patched(binding) - 1) < 0.001 && abs(patched(zero: true, binding)) < 0.1)

            let idle = positions.flatMap { position in
                planted.noiseHeads.map { NaivePlace.head($0, .z, position: position) }
                    + (0..<planted.config.layers).map { NaivePlace(.mlpOut, layer: $0, position: position) }
            }
            #expect(abs(patched(idle) - 1) < 0.02 && abs(patched(zero: true, idle) - 1) < 0.1)
            let elsewhere = positions.flatMap { position in
                [planted.binding, planted.asking, planted.mover].map { NaivePlace.head($0, .z, position: position) }
            }.filter { !(binding + [asking, mover]).contains($0) }
            #expect(abs(patched(zero: true, elsewhere) - 1) < 0.1)
        }
    }
}
