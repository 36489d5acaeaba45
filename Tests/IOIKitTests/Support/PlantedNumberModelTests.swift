import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// That the planted circuit of numbers is the one that does the task, and the only one, by the naive model.
@Suite struct PlantedNumberModelTests {
    /// Of each number one, with every template.
    static let prompts = PlantedNumberModel.prompts.filter { $0.id % 5 == $0.id / 5 || $0.id % 5 == 4 - $0.id / 5 }

    /// Σ P(right) − Σ P(wrong).
    func difference(_ run: NaiveRun, _ prompt: Prompt) -> Double {
        let probabilities = softmax(run.logits)
        func total(_ tokens: [Int]) -> Double { tokens.reduce(0) { $0 + probabilities[$1] } }
        return total(prompt.rightTokens) - total(prompt.wrongTokens)
    }

    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    /// Where a sender's output stands.
    func place(_ sender: PathPatching.Sender, _ position: Int) -> NaivePlace {
        switch sender {
        case .head(let head): .head(head, .z, position: position)
        case .mlp(let layer): NaivePlace(.mlpOut, layer: layer, position: position)
        }
    }

    @Test func thePromptsAreOfTheTask() {
        let all = PlantedNumberModel.prompts
        #expect(all.map(\.id) == Array(0..<15) && Set(all.map(\.tokens)).count == 15)
        #expect(Set(all.map(\.tokens.count)) == [9, 13, 14])
        #expect(Set(Self.prompts.map(\.group)).count == 5 && Set(Self.prompts.map(\.template)).count == 3)
        for prompt in all {
            let (tokens, other) = (prompt.tokens, prompt.counterfactualTokens!)
            let year = prompt.positions[PlantedNumberModel.year]!
            #expect(tokens.indices.filter { tokens[$0] < PlantedNumberModel.numbers } == [year])
            #expect(tokens.indices.filter { tokens[$0] != other[$0] } == [year] && other[year] == 1)
            #expect(prompt.wrongTokens + prompt.rightTokens == Array(0..<PlantedNumberModel.numbers))
            #expect(prompt.wrongTokens.last == tokens[year] && prompt.rightTokens.contains(prompt.answerToken))
            func word(_ name: PositionName) -> String { PlantedNumberModel.vocabulary[tokens[prompt.positions[name]!]] }
            #expect(word(PlantedNumberModel.and) == "and" && word(.end) == "to")
            #expect(prompt.text.contains(" \(word(PlantedNumberModel.noun)) "))
            #expect(tokens.map { PlantedNumberModel.vocabulary[$0] }.joined(separator: " ") == prompt.text)
        }
    }

    @Test(arguments: PlantedNumberModel.all)
    func largerNumbersAreSaidAndNoOthers(_ planted: PlantedNumberModel) {
        let model = NaiveModel(planted.parameters)
        var counterfactuals: [Double] = []
        for prompt in PlantedNumberModel.prompts {
            let run = model.run(prompt.tokens)
            let value = difference(run, prompt)
            #expect(value > 0.9, "\(prompt.text): \(value)")
            // Alike, and far above all else.
            let right = prompt.rightTokens.map { run.logits[$0] }
            let others = run.logits.indices.filter { !prompt.rightTokens.contains($0) }.map { run.logits[$0] }
            #expect(right.max()! - right.min()! < 1.5 && right.min()! - others.max()! > 4)
            counterfactuals.append(difference(model.run(prompt.counterfactualTokens!), prompt))
        }
        // After 01 the numbers from 02 on are likely, of which as many are wrong as right in these prompts.
        #expect(abs(mean(counterfactuals)) < 0.1)
    }

    @Test(arguments: PlantedNumberModel.all)
    func onlyThePlantedHeadsAndMLPsCount(_ planted: PlantedNumberModel) {
        let model = NaiveModel(planted.parameters)
        let clean = Self.prompts.map { model.record($0.tokens) }
        let counterfactuals = Self.prompts.map { model.record($0.counterfactualTokens!) }
        let original = mean(zip(clean, Self.prompts).map { difference($0.run, $1) })
        /// The mean difference with the outputs at some places replaced by those of the counterfactual, or by zero.
        func patched(zero: Bool = false, _ places: (Prompt) -> [NaivePlace]) -> Double {
            mean(
                Self.prompts.indices.map { index in
                    let values = places(Self.prompts[index]).map { place in
                        let value = counterfactuals[index].kept[place]!
                        return (place, zero ? value.map { _ in 0 } : value)
                    }
                    let replacing = Dictionary(uniqueKeysWithValues: values)
                    let run = model.record(Self.prompts[index].tokens, replacing: replacing).run
                    return difference(run, Self.prompts[index])
                })
        }
        func circuit(_ prompt: Prompt) -> [NaivePlace] {
            planted.senders.map { place($0.sender, prompt.positions[$0.position]!) }
        }
        for (sender, position) in planted.senders {
            for zero in [false, true] {
                let value = patched(zero: zero) { [place(sender, $0.positions[position]!)] }
                #expect(abs(value) < 0.1 * original, "\(sender) at \(position), zero \(zero): \(value)")
            }
        }
        let idle = planted.noiseHeads.map { PathPatching.Sender.head($0) } + planted.noiseMLPs.map { .mlp($0) }
        for sender in idle {
            let value = patched { prompt in prompt.tokens.indices.map { place(sender, $0) } }
            #expect(abs(value - original) < 0.01 * original, "\(sender): \(value)")
        }
        let everything = idle + planted.senders.map(\.sender)
        let outside = patched { prompt in
            let kept = circuit(prompt)
            return everything.flatMap { sender in prompt.tokens.indices.map { place(sender, $0) } }.filter {
                !kept.contains($0)
            }
        }
        #expect(abs(outside - original) < 0.02 * original, "\(outside)")
    }
}
