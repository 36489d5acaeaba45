import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Effects as percentages of the gap between prompts and counterfactuals.
@Suite struct EffectScaleTests {
    static let workers = Workers(count: 2)
    static let gap = CounterfactualGap(prompts: [2.5, 4, 1.5], counterfactuals: [0.5, -1, 1])

    static func effects(_ aggregation: EffectAggregation, _ gap: CounterfactualGap = gap) -> PatchEffects {
        PatchEffects(PatchEffectsTests.measures, aggregation: aggregation, gap: gap, seed: 5, workers: workers)
    }

    @Test(arguments: EffectAggregation.allCases)
    func effectsAreThoseOfTheSlowWay(_ aggregation: EffectAggregation) {
        let (original, patched) = (PatchEffectsTests.measures.original, PatchEffectsTests.measures.patched)
        func effect(_ cell: Int, _ drawn: [Int]) -> Double {
            let changes = drawn.map { patched[cell][$0] - original[$0] }
            let gaps = drawn.map { Self.gap.prompts[$0] - Self.gap.counterfactuals[$0] }
            return aggregation == .ratioOfMeans
                ? 100 * changes.mean / gaps.mean : 100 * zip(changes, gaps).map { $0 / $1 }.mean
        }
        let found = Self.effects(aggregation)
        for cell in 0..<2 {
            #expect(abs(found.cells[cell].effect.value! - effect(cell, [0, 1, 2])) < 1e-12)
            // Each resample draws the changes and the gaps of the same prompts.
            var generator = SeededGenerator(5, "bootstrap")
            let resampled = (0..<Bootstrap.resamples).map { _ in
                effect(cell, original.map { _ in generator.below(3) })
            }.sorted()
            let interval = found.cells[cell].effect.ci95!
            #expect(abs(interval[0] - Bootstrap.quantile(resampled, 0.025)) < 1e-9)
            #expect(abs(interval[1] - Bootstrap.quantile(resampled, 0.975)) < 1e-9)
        }
        #expect(abs(found.gap!.counterfactual.value! - 0.5 / 3) < 1e-12)
        #expect(abs(found.gap!.whole.value! - 2.5) < 1e-12 && found.gap!.note == nil)
        // All else is as on the other scale.
        let other = PatchEffectsTests.effects(aggregation)
        #expect(found.original == other.original && found.donor == other.donor && other.gap == nil)
        #expect(found.cells.map(\.patched) == other.cells.map(\.patched))
        #expect(found.cells.map(\.recovered) == other.cells.map(\.recovered))
    }

    @Test func aGapNearZeroMakesEffectsMeaningless() throws {
        let effects = Self.effects(
            .ratioOfMeans, CounterfactualGap(prompts: [1, 2, 3], counterfactuals: [3, 1.1, 2.5])
        )
        #expect(effects.gap!.note == .meaningless)
        let map = PatchMap(
            effects, PatchEffectsTests.measures, columns: .heads, layers: 1, width: 2, perPrompt: false)
        let json = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(map))
        let cell = try Estimate(at: ["effect", "0.1"], in: json, file: "f")
        #expect(cell.isMeaningless == true && cell.value != nil && cell.ci95 != nil)
        #expect(try JSONDecoder().decode(PatchMap.self, from: JSONEncoder().encode(map)) == map)
    }

    // MARK: Experiments

    /// Kept, since their folders go with them.
    static let folders = [UInt64(0), 1].map { seed in
        let folder = try! TemporaryModel(seed: seed)
        try! TemporaryModel.circuit.json.write(to: folder.model.appendingPathComponent("circuit.json"))
        return folder
    }
    static let model = try! folders[0].load()
    static let donor = try! folders[1].load()

    static func run(_ mode: PatchExperiment.Mode, donor: GPT2? = nil, _ aggregation: EffectAggregation = .ratioOfMeans)
        throws -> PatchResults
    {
        var experiment = PatchExperiment(mode: mode, prompts: PromptSource(count: 12), aggregation: aggregation)
        experiment.scale = .gap
        return try experiment.run(
            on: Subject(of: experiment, model, donor: donor), Work(RunSettings(workers: workers), perPrompt: true)
        )
    }

    /// Mean logit differences of prompts and counterfactuals, each run as a prompt of its own.
    static func means(_ model: GPT2) throws -> (prompts: Double, counterfactuals: Double) {
        let prompts = try PromptSource(count: 12).data(for: model).prompts
        let others = prompts.map { prompt in
            var other = prompt
            (other.tokens, other.abcTokens) = (prompt.abcTokens!, nil)
            return other
        }
        let evaluator = Evaluator(model.parameters, workers: workers)
        func mean(_ prompts: [Prompt]) throws -> Double {
            try evaluator.measure(prompts).map { $0.logitDifference! }.mean
        }
        return try (mean(prompts), mean(others))
    }

    /// The whole residual stream of the counterfactual takes all of the gap away; that of the prompt brings it about.
    @Test(arguments: [false, true])
    func theWholeStreamIsTheWholeGap(_ denoises: Bool) throws {
        let mode = PatchExperiment.Activation(site: .residPre, positions: [.all], denoise: denoises)
        guard case .map(let map) = try Self.run(.activation(mode)) else {
            Issue.record("no map")
            return
        }
        for cell in map.cells { #expect(abs(cell.effect.value! - (denoises ? 100 : -100)) < 1e-2) }
        let means = try Self.means(Self.model)
        #expect(abs(map.gap!.counterfactual.value! - means.counterfactuals) < 1e-5)
        #expect(abs(map.gap!.whole.value! - (means.prompts - means.counterfactuals)) < 1e-5)
        #expect(abs(means.prompts - means.counterfactuals) > 0.01)
    }

    /// The gap is the host's, whichever model that is.
    @Test func crossModelEffectsAreOnTheHostsScale() throws {
        let mode = PatchExperiment.CrossModel(
            components: [.pattern], position: .all, directions: [.donorToHost, .hostToDonor], circuit: "default",
            randomSets: 2
        )
        guard case .directions(let directions) = try Self.run(.crossModel(mode), donor: Self.donor) else {
            Issue.record("no directions")
            return
        }
        for (direction, host) in [("donor-to-host", Self.model), ("host-to-donor", Self.donor)] {
            let results = try #require(directions[direction])
            let means = try Self.means(host)
            let each = try #require(results.map.perPrompt)
            for (cell, patched) in zip(results.map.cells, each.patched.joined()) {
                let effect = 100 * (patched.mean - means.prompts) / (means.prompts - means.counterfactuals)
                #expect(abs(cell.effect.value! - effect) < 1e-2 * max(1, abs(effect)))
            }
            let circuit = results.sets[0].cell
            let effect = 100 * (circuit.patched.mean - means.prompts) / (means.prompts - means.counterfactuals)
            #expect(abs(circuit.effect.value! - effect) < 1e-2 * max(1, abs(effect)))
            #expect(results.sets.allSatisfy { $0.note == results.map.gap?.note })
            #expect(try JSONDecoder().decode(CrossModelResults.self, from: JSONEncoder().encode(results)) == results)
        }
    }

    @Test func everyHeadAtItsCounterfactualIsOneTarget() throws {
        var experiment = KnockoutExperiment(prompts: PromptSource(count: 12))
        experiment.heads = .all
        experiment.mlps = .all
        experiment.ablation.kind = .counterfactual
        experiment.each = true
        experiment.scale = .gap
        let results = try experiment.run(
            on: Subject(of: experiment, Self.model), Work(RunSettings(workers: Self.workers))
        )
        // Prompt and counterfactual end alike, so heads and MLPs are all that differs at END.
        #expect(abs(results.together.effect.value! + 100) < 1e-2)
        #expect(results.each.count == 10 && results.gap?.whole.value != nil)
        #expect(try JSONDecoder().decode(KnockoutResults.self, from: JSONEncoder().encode(results)) == results)
    }

    @Test func onlyAnotherScaleIsWrittenDown() throws {
        func fields(_ experiment: some Experiment) throws -> [String: Any] {
            try #require(
                try JSONSerialization.jsonObject(with: JSONEncoder().encode(experiment)) as? [String: Any])
        }
        var knockout = KnockoutExperiment(prompts: PromptSource(count: 1))
        var patch = PatchExperiment(
            mode: .activation(.init(site: .z, positions: [.all], denoise: false)), prompts: PromptSource(count: 1),
            aggregation: .ratioOfMeans
        )
        #expect(try fields(knockout)["scale"] == nil && fields(patch)["scale"] == nil)
        #expect(try JSONDecoder().decode(KnockoutExperiment.self, from: JSONEncoder().encode(knockout)) == knockout)
        #expect(try JSONDecoder().decode(PatchExperiment.self, from: JSONEncoder().encode(patch)) == patch)
        (knockout.scale, patch.scale) = (.gap, .gap)
        #expect(try fields(knockout)["scale"] as? String == "gap" && fields(patch)["scale"] as? String == "gap")
        #expect(try JSONDecoder().decode(KnockoutExperiment.self, from: JSONEncoder().encode(knockout)) == knockout)
        #expect(try JSONDecoder().decode(PatchExperiment.self, from: JSONEncoder().encode(patch)) == patch)
    }

    @Test func promptsWithoutCounterfactualsAreRefusedFirst() throws {
        var prompts = PatchingFixture.prompts
        prompts[7].abcTokens = nil
        let fixture = PatchingFixture.all[0].parameters
        let error = #expect(throws: IOIError.self) {
            try CounterfactualGap(fixture, prompts, workers: Self.workers) { _ in Issue.record("was run") }
        }
        #expect(error?.description.hasPrefix("prompt 7: found no counterfactual, expected one") == true)
    }
}
