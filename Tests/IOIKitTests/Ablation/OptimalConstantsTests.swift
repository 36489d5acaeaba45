import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct OptimalConstantsTests {
    static let settings = RunSettings(workers: Workers(count: 2))

    /// One head everywhere, one at END and, where there is a third layer, one at S2.
    func kept(_ config: GPT2Config) -> [Node: PositionSelection] {
        var kept: [Node: PositionSelection] = [.head(Head(0, 0)): .all, .head(Head(1, 1)): .one(.end)]
        if config.layers > 2 { kept[.head(Head(1, 0))] = .one(.s2) }
        return kept
    }

    func constants(
        _ fixture: PatchingFixture,
        keeping kept: [Node: PositionSelection]? = nil
    ) throws -> OptimalConstants {
        try OptimalConstants(
            fixture.parameters, keeping: kept ?? self.kept(fixture.config), prompts: PatchingFixture.prompts,
            workers: Self.settings.workers
        )
    }

    /// The run in which all heads outside `kept` put out their constants.
    func naiveRun(
        _ model: NaiveModel,
        _ prompt: Prompt,
        keeping kept: [Node: PositionSelection],
        _ constants: OptimalConstants
    ) -> NaiveRun {
        let width = model.config.headWidth
        return model.run(
            prompt.tokens,
            hook: { site, layer, head, position, values in
                guard site == .z, let head else { return }
                let live =
                    kept[.head(Head(layer, head))]?.positions(in: prompt.positions, count: prompt.tokens.count) ?? []
                guard !live.contains(position) else { return }
                values = (0..<width).map { Double(constants.table.values[layer][head * width + $0]) }
            })
    }

    @Test(arguments: PatchingFixture.all)
    func theyStartFromTheMeans(_ fixture: PatchingFixture) throws {
        let (model, constants, config) = (NaiveModel(fixture.parameters), try constants(fixture), fixture.config)
        let runs = PatchingFixture.prompts.map { model.record($0.abcTokens!).kept }
        for layer in 0..<config.layers {
            for head in 0..<config.heads {
                let values = zip(PatchingFixture.prompts, runs).flatMap { prompt, run in
                    prompt.tokens.indices.filter { layer < config.layers - 1 || $0 == prompt.positions.end }
                        .map { run[.head(Head(layer, head), .z, position: $0)]! }
                }
                for i in 0..<config.headWidth {
                    let mean = values.reduce(0) { $0 + $1[i] } / Double(values.count)
                    #expect(abs(Double(constants.table.values[layer][head * config.headWidth + i]) - mean) < 1e-5)
                }
            }
        }
    }

    @Test(arguments: PatchingFixture.all)
    func theLossIsTheDivergenceFromTheWholeModel(_ fixture: PatchingFixture) throws {
        let (model, constants, kept) = (NaiveModel(fixture.parameters), try constants(fixture), kept(fixture.config))
        func logProbabilities(_ logits: [Double]) -> [Double] {
            let total = log(logits.reduce(0) { $0 + exp($1) })
            return logits.map { $0 - total }
        }
        let divergences = PatchingFixture.prompts.map { prompt in
            let p = logProbabilities(model.run(prompt.tokens).logits)
            let q = logProbabilities(naiveRun(model, prompt, keeping: kept, constants).logits)
            return zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        }
        let expected = divergences.reduce(0, +) / Double(divergences.count)
        #expect(expected > 0.01 && abs(constants.loss() - expected) < 1e-4 * max(1, expected))
        let some = (divergences[6] + divergences[1]) / 2
        #expect(abs(constants.loss(of: [6, 1], learning: false) - some) < 1e-4 * max(1, some))
    }

    @Test(arguments: PatchingFixture.all)
    func gradientsAreTheSlopesOfTheLoss(_ fixture: PatchingFixture) throws {
        let (constants, config) = (try constants(fixture), fixture.config)
        let all = Array(PatchingFixture.prompts.indices)
        _ = constants.loss(of: all, learning: true)
        // Layer by layer, so that a small one counts as much as a large one.
        for layer in 0..<config.layers {
            let slopes = Scratch().slopes(
                of: constants.table.values.slice(rows: layer..<layer + 1),
                gradient: constants.gradient.values.slice(rows: layer..<layer + 1)
            ) { constants.loss(of: all, learning: false) }
            #expect(abs(slopes.measured) > 1e-3)
            #expect(abs(slopes.measured - slopes.analytic) < 5e-4 + 2e-3 * abs(slopes.analytic), "\(layer): \(slopes)")
        }
        for i in 0..<config.headWidth { #expect(constants.gradient.values[0][i] == 0) }
    }

    /// Also that what is learned is what isolation puts in, prompt by prompt.
    @Test(arguments: PatchingFixture.all)
    func learningLowersTheLoss(_ fixture: PatchingFixture) throws {
        let (model, kept) = (NaiveModel(fixture.parameters), [kept(fixture.config), [:]])
        let learning = Ablation.Learning(steps: 40, rate: 0.05)
        var ablation = Ablation(.optimal, seed: 3)
        #expect(ablation.learning == Ablation.Learning(steps: 100, rate: 0.01))
        ablation.learning = learning
        var shares: [Double] = []
        let measures = try ComplementAblation(kept, ablation: ablation).measure(
            fixture.parameters, PatchingFixture.prompts, settings: Self.settings, progress: { shares.append($0) }
        )
        #expect(shares == shares.sorted() && shares.count > 80 && abs(shares.last! - 1) < 1e-9)
        for (kept, patched) in zip(kept, measures.patched) {
            let constants = try constants(fixture, keeping: kept)
            let before = constants.loss()
            try constants.learn(learning, seed: 3)
            let after = constants.loss()
            #expect(after < 0.8 * before, "\(before) -> \(after)")
            for (prompt, difference) in zip(PatchingFixture.prompts, patched) {
                let expected = naiveRun(model, prompt, keeping: kept, constants).logitDifference(of: prompt)
                #expect(abs(difference - expected) < PatchingTests.tolerance)
            }
        }
    }

    @Test func whereLearningFailsTheMeansStay() throws {
        let constants = try constants(PatchingFixture.all[0])
        let before = constants.loss()
        try constants.learn(Ablation.Learning(steps: 3, rate: 1e6), seed: 0)
        #expect(constants.loss() == before)
    }

    /// More prompts than a batch has.
    @Test(arguments: PlantedModel.all)
    func thePlantedCircuitStaysFaithful(_ planted: PlantedModel) throws {
        let positions = planted.circuit.positions()
        var withoutMover = positions
        withoutMover[.head(planted.nameMover)] = nil
        let everything = Dictionary(
            uniqueKeysWithValues: planted.config.allHeads.map { (Node.head($0), PositionSelection.all) })
        let measures = try ComplementAblation([positions, withoutMover, everything], ablation: Ablation(.optimal))
            .measure(
                planted.parameters, PlantedModel.prompts, settings: Self.settings
            )
        let original = measures.original.reduce(0, +)
        let shares = measures.patched.map { $0.reduce(0, +) / original }
        #expect(abs(shares[0] - 1) < 0.03, "\(shares)")
        #expect(abs(shares[1]) < 0.1, "\(shares)")
        #expect(abs(shares[2] - 1) < 1e-5, "\(shares)")
    }

    @Test func learningCanBeInterrupted() throws {
        let fixture = PatchingFixture.all[0]
        let isolation = ComplementAblation([kept(fixture.config), [:]], ablation: Ablation(.optimal))
        let asked = Counter()
        var settings = Self.settings
        settings.isInterrupted = { asked.next() > 120 }
        let interruption = #expect(throws: PatchInterruption.self) {
            try isolation.measure(fixture.parameters, PatchingFixture.prompts, settings: settings)
        }
        let done = try #require(interruption).measures
        let resumed = try isolation.measure(
            fixture.parameters, PatchingFixture.prompts, settings: Self.settings, resuming: done
        )
        let whole = try isolation.measure(fixture.parameters, PatchingFixture.prompts, settings: Self.settings)
        #expect(resumed == whole)
    }

    @Test func whatCannotBeIsRefused() throws {
        let fixture = PatchingFixture.all[0]
        var target = KnockoutTarget("0.0")
        target.add(Head(0, 0), at: .all)
        let error = #expect(throws: IOIError.self) {
            try Knockout([target], ablation: Ablation(.optimal)).measure(
                fixture.parameters, PatchingFixture.prompts, settings: Self.settings
            )
        }
        #expect(error?.kind == .usage && error?.description.hasPrefix("ablation.kind: found optimal") == true)
        var ablation = Ablation(.optimal)
        ablation.learning = Ablation.Learning(steps: 0)
        #expect(throws: IOIError.self) {
            try ComplementAblation([[:]], ablation: ablation).measure(
                fixture.parameters, PatchingFixture.prompts, settings: Self.settings
            )
        }
    }

    /// Options of other kinds are written as before.
    @Test func onlyOptimalSaysHowItIsLearned() throws {
        func keys(_ ablation: Ablation) throws -> Set<String> {
            let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(ablation))
            return Set((object as! [String: Any]).keys)
        }
        #expect(try keys(Ablation(.mean)) == ["kind", "group", "seed"])
        #expect(try keys(Ablation(.optimal)) == ["kind", "group", "seed", "learning"])
    }
}
