import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// That the circuit measures which the tests compare with are what they are named.
@Suite struct NaiveCircuitsTests {
    static let prompts = PatchingFixture.prompts
    /// Heads at one position, at two and everywhere; the last can read what the others write.
    static let circuit: NaiveCircuits.Places = [
        .head(Head(0, 0)): [.one(.io), .one(.s1Next)], .head(Head(0, 1)): [.one(.s2)], .head(Head(1, 0)): [.all],
    ]

    private func circuits(_ fixture: PatchingFixture, _ ablation: NaiveKnockout? = nil) -> NaiveCircuits {
        let model = NaiveModel(fixture.parameters)
        let means = NaiveMeans(model, prompts: Self.prompts, grouping: .template)
        return NaiveCircuits(model: model, prompts: Self.prompts, ablation: ablation ?? .mean(means))
    }

    private func everything(_ config: GPT2Config) -> NaiveCircuits.Places {
        Dictionary(uniqueKeysWithValues: config.allHeads.map { (.head($0), [.all]) })
    }

    @Test(arguments: PatchingFixture.all)
    func everythingIsTheModelAndNothingIsAllKnockedOut(_ fixture: PatchingFixture) {
        let model = NaiveModel(fixture.parameters)
        let kinds: [NaiveKnockout] = [
            .zero, .counterfactual, .mean(NaiveMeans(model, prompts: Self.prompts, grouping: .template)),
            .mean(NaiveMeans(model, prompts: Self.prompts, grouping: .global)),
            .resample([1, 2, 0, 4, 3, 6, 5, 7].map { Self.prompts[$0].abcTokens! }),
        ]
        let everything = everything(fixture.config)
        for kind in kinds {
            let circuits = circuits(fixture, kind)
            let original = Self.prompts.map { model.run($0.tokens).logitDifference(of: $0) }
            #expect(circuits.whole(without: [:]) == original)
            #expect(circuits.isolated(everything) == original)
            #expect(circuits.isolated([:]) == circuits.whole(without: everything))
            #expect(zip(circuits.isolated([:]), original).allSatisfy { abs($0 - $1) > 1e-6 })
        }
    }

    /// Place by place, without the knockout's own lists; one place more makes a difference.
    @Test(arguments: PatchingFixture.all)
    func onlyWhatIsNotKeptIsReplaced(_ fixture: PatchingFixture) {
        let model = NaiveModel(fixture.parameters)
        let isolated = circuits(fixture, .counterfactual).isolated(Self.circuit)
        for (index, prompt) in Self.prompts.enumerated() {
            let corrupt = model.record(prompt.abcTokens!).kept
            let (first, second, last) = (Head(0, 0), Head(0, 1), Head(1, 0))
            var kept: Set<NaivePlace> = [.head(second, .z, position: prompt.positions.s2)]
            for position in [prompt.positions.io, prompt.positions.s1Next] {
                kept.insert(.head(first, .z, position: position))
            }
            for position in prompt.tokens.indices { kept.insert(.head(last, .z, position: position)) }
            let values = corrupt.filter { $0.key.site == .z && !kept.contains($0.key) }
            #expect(values.count == fixture.config.allHeads.count * prompt.tokens.count - kept.count)
            #expect(model.record(prompt.tokens, replacing: values).run.logitDifference(of: prompt) == isolated[index])
            // No later head is kept, so what the last one writes before END is lost.
            for place in kept where place.layer == 0 || place.position == prompt.positions.end {
                let more = values.merging([place: corrupt[place]!]) { $1 }
                let difference = model.record(prompt.tokens, replacing: more).run.logitDifference(of: prompt)
                #expect(abs(difference - isolated[index]) > 1e-9, "\(place)")
            }
        }
    }

    @Test func resamplingTakesTheGivenInputs() {
        let fixture = PatchingFixture.all[1]
        let own = circuits(fixture, .resample(Self.prompts.map(\.tokens)))
        let model = own.whole(without: [:])
        #expect(zip(own.isolated([:]), model).allSatisfy { abs($0 - $1) < 1e-12 })
        let partners = circuits(fixture, .resample(Self.prompts.map { $0.abcTokens! }))
        #expect(partners.isolated(Self.circuit) == circuits(fixture, .counterfactual).isolated(Self.circuit))
        let last = Self.prompts.map { $0.id == 0 ? Self.prompts[2].tokens : $0.tokens }
        let other = circuits(fixture, .resample(last)).isolated([:])
        #expect(abs(other[0] - model[0]) > 1e-6 && abs(other[1] - model[1]) < 1e-12)
    }

    @Test func faithfulnessIsOfMeansOrOfPrompts() {
        let measure = NaiveFaithfulness(model: [1, 4], circuit: [2, 2])
        #expect(measure.difference == 0.5 && measure.ratio == 0.8 && measure.meanOfRatios == 1.25)
        let circuits = circuits(PatchingFixture.all[0])
        let found = circuits.faithfulness(of: Self.circuit)
        #expect(found.model == circuits.whole(without: [:]) && found.circuit == circuits.isolated(Self.circuit))
    }

    @Test func sparsityCountsKeptPairs() {
        // Of 4 heads in prompts of 11, 7 and 15 tokens; IO is the token after S1 in those of 7.
        let expected = [11, 11, 11, 11, 11, 7, 7, 15].map { (length: Double) in
            (1 + length + (length == 7 ? 1 : 2)) / (4 * length)
        }
        #expect(circuits(PatchingFixture.all[0]).sparsity(of: Self.circuit) == expected)
        let circuits = circuits(PatchingFixture.all[1])
        #expect(circuits.sparsity(of: everything(circuits.model.config)).allSatisfy { $0 == 1 })
        #expect(circuits.sparsity(of: [:]).allSatisfy { $0 == 0 })
    }

    @Test func aHeadThatWritesNothingIsNotNeeded() {
        let fixture = PatchingFixture.all[0]
        let parameters = GPT2Parameters(copying: fixture.parameters, workers: Workers(count: 1))
        parameters.silence(Head(0, 1))
        let silenced = NaiveCircuits(
            model: NaiveModel(parameters), prompts: Self.prompts, ablation: circuits(fixture).ablation
        )
        for others: [Node] in [[], [.head(Head(0, 0))]] {
            #expect(silenced.minimality(of: .head(Head(0, 1)), in: Self.circuit, without: others) == 0)
            #expect(abs(circuits(fixture).minimality(of: .head(Head(0, 1)), in: Self.circuit, without: others)) > 1e-4)
            for head in [Node.head(Head(0, 0)), .head(Head(1, 0))] where !others.contains(head) {
                #expect(abs(silenced.minimality(of: head, in: Self.circuit, without: others)) > 1e-4)
            }
        }
    }

    @Test func minimalityIsTheShareThatAHeadAdds() {
        let circuits = circuits(PatchingFixture.all[0])
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let with: NaiveCircuits.Places = [.head(Head(0, 0)): [.one(.io), .one(.s1Next)], .head(Head(1, 0)): [.all]]
        let without: NaiveCircuits.Places = [.head(Head(0, 0)): [.one(.io), .one(.s1Next)]]
        let added = mean(circuits.isolated(with)) - mean(circuits.isolated(without))
        let score = circuits.minimality(of: .head(Head(1, 0)), in: Self.circuit, without: [.head(Head(0, 1))])
        #expect(abs(score - abs(added) / mean(circuits.whole(without: [:]))) < 1e-12)
        #expect(abs(score - circuits.minimality(of: .head(Head(1, 0)), in: Self.circuit, without: [])) > 1e-6)
    }

    @Test func completenessComparesCircuitAndModel() {
        let circuits = circuits(PatchingFixture.all[2])
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let everything = everything(circuits.model.config)
        for heads: [Node] in [[], [.head(Head(1, 1))], [.head(Head(0, 3)), .head(Head(2, 2)), .head(Head(3, 0))]] {
            #expect(circuits.completeness(of: everything, without: heads).score == 0)
        }
        let none = circuits.completeness(of: Self.circuit, without: [])
        #expect(abs(none.score - circuits.faithfulness(of: Self.circuit).difference) < 1e-12)
        #expect(none.score > 1e-3)

        // The model loses the heads where the circuit has them and nowhere else.
        let pair = circuits.completeness(of: Self.circuit, without: [.head(Head(0, 1)), .head(Head(0, 0))])
        #expect(pair.circuit == mean(circuits.isolated([.head(Head(1, 0)): [.all]])))
        let removed: NaiveCircuits.Places = [
            .head(Head(0, 1)): [.one(.s2)], .head(Head(0, 0)): [.one(.io), .one(.s1Next)],
        ]
        #expect(pair.model == mean(circuits.whole(without: removed)))
        #expect(pair.score == abs(pair.circuit - pair.model))
        let everywhere: NaiveCircuits.Places = [.head(Head(0, 1)): [.all], .head(Head(0, 0)): [.all]]
        #expect(abs(pair.model - mean(circuits.whole(without: everywhere))) > 1e-6)
    }
}

extension GPT2Parameters {
    /// Leaves a head nothing to write: its band of W_O becomes zero.
    func silence(_ head: Head) {
        let weight = blocks[head.layer].outWeight
        for row in head.index * config.headWidth..<(head.index + 1) * config.headWidth {
            for column in 0..<weight.columns { weight[row][column] = 0 }
        }
    }
}
