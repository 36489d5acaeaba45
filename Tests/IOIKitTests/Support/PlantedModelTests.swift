import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// That the planted circuit is the one that does the task, and the only one.
@Suite struct PlantedModelTests {
    static let settings = RunSettings(workers: Workers(count: 2))
    static let prompts = PlantedModel.prompts

    /// The prompts of each template and order.
    static let groups = Dictionary(grouping: prompts) { PromptGroup($0) }.values

    /// The mean logit difference.
    func mean(_ differences: [Double]) -> Double { differences.reduce(0, +) / Double(differences.count) }

    /// The change of the mean logit difference in each cell, in per cent.
    func effects(_ measures: PatchMeasures) -> [Double] {
        let original = mean(measures.original)
        return measures.patched.map { 100 * (mean($0) - original) / original }
    }

    /// The position classes other than the one at which a planted head works.
    func elsewhere(_ selection: PositionSelection) -> [PositionSelection] {
        PositionName.ioi.map { .one($0) }.filter { $0 != selection }
    }

    func target(_ name: String, _ heads: [(Head, [PositionSelection])]) -> KnockoutTarget {
        var target = KnockoutTarget(name)
        for (head, positions) in heads {
            for position in positions { target.add(head, at: position) }
        }
        return target
    }

    @Test func thePromptsAreOfTheTask() {
        #expect(Self.prompts.map(\.id) == Array(0..<48))
        #expect(Self.groups.count == 6)
        #expect(Set(Self.prompts.map(\.tokens.count)) == [10, 12, 16])
        #expect(Set(Self.prompts.map(\.tokens)).count == 48)
        for prompt in Self.prompts {
            let (tokens, positions, abc) = (prompt.tokens, prompt.positions, prompt.abcTokens!)
            let places = [positions.io, positions.s1, positions.s2]
            #expect(places.map { tokens[$0] } == [prompt.ioToken, prompt.sToken, prompt.sToken])
            #expect((positions.io < positions.s1) == (prompt.group == "ABBA"))
            #expect(max(positions.io, positions.s1) < positions.s2 && positions.end == tokens.count - 1)
            #expect(tokens.indices.filter { tokens[$0] < PlantedModel.names.count } == places.sorted())
            // Five names, and nothing else differs.
            #expect(Set(places.map { abc[$0] }).union([prompt.ioToken, prompt.sToken]).count == 5)
            #expect(places.allSatisfy { abc[$0] < PlantedModel.names.count })
            #expect(tokens.indices.filter { tokens[$0] != abc[$0] } == places.sorted())
        }
        for group in Self.groups {
            #expect(group.count == 8)
            for position in group[0].tokens.indices where group[0].tokens[position] < PlantedModel.names.count {
                #expect(Set(group.map(\.tokens[position])).count == 8)
                #expect(Set(group.map { $0.abcTokens![position] }).count == 8)
            }
        }
    }

    @Test(arguments: PlantedModel.all)
    func everyPromptIsSolvedAndNoCounterfactual(_ planted: PlantedModel) throws {
        for group in Self.groups {
            let measures = try ActivationPatching(site: .residPost, positions: [.one(.end)]).measure(
                planted.parameters, group, settings: Self.settings
            )
            #expect(measures.original.allSatisfy { $0 > 1 })
            #expect(mean(measures.original) > 2.5)
            #expect(abs(mean(measures.donor!)) < 0.05)
        }
    }

    @Test(arguments: PlantedModel.all)
    func attentionIsSoftAndWhereItIsPlanted(_ planted: PlantedModel) throws {
        let model = NaiveModel(planted.parameters)
        for group in Self.groups {
            let runs = group.map { model.record($0.tokens).kept }
            let counterfactuals = group.map { model.record($0.abcTokens!).kept }
            /// The mean attention over the group's prompts.
            func pattern(_ runs: [[NaivePlace: [Double]]], _ head: Head, from query: Int, to key: Int) -> Double {
                mean(runs.map { $0[.head(head, .pattern, position: query)]![key] })
            }
            let positions = group[0].positions
            let (duplicate, inhibition, mover) = (planted.duplicateToken, planted.sInhibition, planted.nameMover)
            #expect((0.75...0.9).contains(pattern(runs, duplicate, from: positions.s2, to: positions.s1)))
            #expect(pattern(counterfactuals, duplicate, from: positions.s2, to: positions.s1) < 0.1)
            #expect(pattern(counterfactuals, duplicate, from: positions.s2, to: 0) > 0.4)
            for runs in [runs, counterfactuals] {
                #expect((0.45...0.75).contains(pattern(runs, inhibition, from: positions.end, to: positions.s2)))
            }
            #expect((0.6...0.8).contains(pattern(runs, mover, from: positions.end, to: positions.io)))
            #expect((0.1...0.2).contains(pattern(runs, mover, from: positions.end, to: positions.s1)))
            let io = pattern(counterfactuals, mover, from: positions.end, to: positions.io)
            #expect(abs(io - pattern(counterfactuals, mover, from: positions.end, to: positions.s1)) < 0.05)
        }
    }

    @Test(arguments: PlantedModel.all)
    func onlyThePlantedHeadsCount(_ planted: PlantedModel) throws {
        let rest = planted.noiseHeads.map { ($0, [PositionSelection.all]) }
        let kept = planted.circuit.classes.flatMap { headClass in headClass.heads.map { ($0, headClass.position) } }
        let outside = rest + kept.map { ($0, elsewhere($1)) }
        let targets =
            [target("noise", rest), target("outside", outside)]
            + planted.noiseHeads.map { target("one", [($0, [.all])]) }
            + kept.map { target("planted", [($0, [$1])]) }
            + kept.map { target("circuit less one", outside + [($0, [$1])]) }
        let measures = try Knockout(targets).measure(planted.parameters, Self.prompts, settings: Self.settings)
        let effects = effects(measures)
        for effect in effects[..<2] { #expect(abs(effect) < 1) }
        let single = 2..<2 + planted.noiseHeads.count
        for index in single {
            #expect(abs(effects[index]) < 0.3)
            #expect(zip(measures.patched[index], measures.original).contains { abs($0 - $1) > 1e-5 })
        }
        for effect in effects[single.upperBound...] { #expect(effect < -90) }
    }

    /// The whole complement, tokens of no class included.
    @Test(arguments: PlantedModel.all)
    func thePlantedPairsAloneDoTheTask(_ planted: PlantedModel) {
        let model = NaiveModel(planted.parameters)
        let means = NaiveMeans(model, prompts: Self.prompts, grouping: .template)
        let positions = Dictionary(
            uniqueKeysWithValues: planted.circuit.classes.flatMap { headClass in
                headClass.heads.map { ($0, headClass.position) }
            }
        )
        var (whole, circuit) = (0.0, 0.0)
        for (index, prompt) in Self.prompts.enumerated() {
            let heads = planted.config.allHeads.map { head in
                let kept = positions[head]?.positions(in: prompt.positions, count: prompt.tokens.count) ?? []
                return (head, positions: prompt.tokens.indices.filter { !kept.contains($0) })
            }
            whole += model.run(prompt.tokens).logitDifference(of: prompt)
            circuit += naiveKnockout(model, prompts: Self.prompts, index: index, heads: heads, kind: .mean(means))
        }
        #expect(abs(circuit / whole - 1) < 0.01)
    }

    /// From the logits to the name mover's query to the S-inhibition head's value, one head is found at each step.
    @Test(arguments: PlantedModel.all)
    func pathPatchingWalksBackThroughThePlantedHeads(_ planted: PlantedModel) throws {
        let senders =
            planted.config.allHeads.map { PathPatching.Sender.head($0) }
            + (0..<planted.config.layers).map { .mlp($0) }
        let steps: [(Receiver, Head)] = [
            (.logits, planted.nameMover),
            (.heads(input: .q, heads: [planted.nameMover], position: .one(.end)), planted.sInhibition),
            (.heads(input: .v, heads: [planted.sInhibition], position: .one(.s2)), planted.duplicateToken),
        ]
        for (receiver, found) in steps {
            let measures = try PathPatching(cells: senders.map { [$0] }, receivers: [receiver]).measure(
                planted.parameters, Self.prompts, settings: Self.settings
            )
            for (sender, effect) in zip(senders, effects(measures)) {
                #expect(
                    sender == .head(found) ? effect < -90 : abs(effect) < 1, "\(sender) to \(receiver): \(effect) %")
            }
        }
    }

    @Test func withoutNoiseNothingElseHappens() throws {
        let planted = PlantedModel(noise: 0)
        var target = target("rest", planted.noiseHeads.map { ($0, [.all]) })
        for layer in 0..<planted.config.layers { target.add(mlp: layer, at: .all) }
        let measures = try Knockout([target]).measure(planted.parameters, Self.prompts, settings: Self.settings)
        #expect(zip(measures.patched[0], measures.original).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(mean(measures.original) > 2.5)
    }
}
