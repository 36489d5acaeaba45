import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Estimates to first order against slopes of whole runs (`NaiveModel`).
@Suite struct FirstOrderTests {
    static let settings = PatchingTests.settings
    /// Of two lengths; the first two begin alike.
    static let prompts = [0, 1, 7].map { PatchingFixture.prompts[$0] }

    /// The slope of the metric where values go from the host's to the donor's, and the metric at the host's, which is
    /// where the slope is taken.
    ///
    /// Runs are in Double, and the difference of two with opposite steps has no term of second order: it is exact to
    /// about the square of the step.
    static func slope(
        _ host: NaiveModel,
        _ prompt: Prompt,
        own: NaiveRecord,
        input: [Int],
        donor: [NaivePlace: [Double]],
        _ places: [NaivePlace],
        metric: Metric = .logitDifference
    ) -> (original: Double, slope: Double) {
        func moved(_ share: Double) -> Double {
            let values = places.map { place in
                zip(own.kept[place]!, donor[place]!).map { $0 + share * ($1 - $0) }
            }
            return host.record(input, replacing: Dictionary(uniqueKeysWithValues: zip(places, values))).run
                .value(metric, of: prompt, from: own.run)
        }
        let step = 1e-4
        return (own.run.value(metric, of: prompt, from: own.run), (moved(step) - moved(-step)) / (2 * step))
    }

    /// Compares estimated changes with slopes. Rounding in float32 moves a change by about a millionth of the sum of its
    /// terms, which may be larger than their sum.
    func expect(
        _ measures: PatchMeasures,
        _ what: String,
        of slope: (_ cell: Int, _ index: Int) -> (original: Double, slope: Double)
    ) {
        var largest = 0.0
        for (cell, row) in measures.patched.enumerated() {
            for (index, prompt) in Self.prompts.enumerated() {
                let (original, slope) = slope(cell, index)
                #expect(abs(measures.original[index] - original) < PatchingTests.tolerance)
                let change = row[index] - measures.original[index]
                #expect(
                    abs(change - slope) < 1e-4 + 1e-4 * abs(slope),
                    "\(what), cell \(cell), prompt \(prompt.id): \(change), slope \(slope)"
                )
                largest = max(largest, abs(slope))
            }
        }
        #expect(largest > 0.01, "\(what): nothing to compare")
    }

    @Test(arguments: PatchingFixture.all)
    func crossModelEstimatesAreSlopes(_ fixture: PatchingFixture) throws {
        let cases: [([Site], PositionSelection)] = [
            ([.pattern], .all), ([.z], .one(.s2)), ([.result], .all), ([.q], .one(.end)), ([.k], .all),
            ([.v], .one(.io)),
            ([.q, .k, .v], .all), ([.pattern, .v], .all),
        ]
        // One head a layer, in all layers.
        let heads = (0..<fixture.config.layers).map { Head($0, $0 % fixture.config.heads) }
        for (index, (components, position)) in cases.enumerated() {
            let pair =
                index.isMultiple(of: 2) ? (fixture.parameters, fixture.donor) : (fixture.donor, fixture.parameters)
            let (host, donor) = (NaiveModel(pair.0), NaiveModel(pair.1))
            let (own, values) = (
                Self.prompts.map { host.record($0.tokens) }, Self.prompts.map { donor.record($0.tokens) }
            )
            var method = try CrossModelPatching(components: components, position: position, sets: heads.map { [$0] })
            method.isEstimating = true
            let measures = try method.measure(host: pair.0, donor: pair.1, Self.prompts, settings: Self.settings)
            for (prompt, found) in zip(Self.prompts, measures.donor!) {
                #expect(abs(found - donor.run(prompt.tokens).logitDifference(of: prompt)) < PatchingTests.tolerance)
            }
            expect(measures, "\(components) at \(position)") { cell, index in
                let prompt = Self.prompts[index]
                let places = components.flatMap { site in
                    PatchingTests.positions([position], prompt).map { NaivePlace.head(heads[cell], site, position: $0) }
                }
                return Self.slope(
                    host, prompt, own: own[index], input: prompt.tokens, donor: values[index].kept, places
                )
            }
        }
    }

    @Test(arguments: PatchingFixture.all.prefix(2), Site.allCases)
    func activationEstimatesAreSlopes(_ fixture: PatchingFixture, _ site: Site) throws {
        let model = NaiveModel(fixture.parameters)
        let isDenoising = [.q, .z, .attnOut, .residPost].contains(site)
        var method = ActivationPatching(
            site: site, positions: site.isPerHead ? [.one(.end), .one(.s1), .one(.s2)] : [.one(.s2), .one(.end), .all]
        )
        method.isDenoising = isDenoising
        method.isEstimating = true
        let columns = method.columns(fixture.config)
        let measures = try method.measure(fixture.parameters, Self.prompts, settings: Self.settings)
        let inputs = Self.prompts.map { isDenoising ? $0.abcTokens! : $0.tokens }
        let own = inputs.map { model.record($0) }
        let donor = Self.prompts.map { model.record(isDenoising ? $0.tokens : $0.abcTokens!).kept }
        expect(measures, "\(site)") { cell, index in
            let prompt = Self.prompts[index]
            let (layer, column) = cell.quotientAndRemainder(dividingBy: columns)
            let positions = site.isPerHead ? method.positions : [method.positions[column]]
            let places = PatchingTests.positions(positions, prompt).map {
                NaivePlace(site, layer: layer, head: site.isPerHead ? column : nil, position: $0)
            }
            return Self.slope(model, prompt, own: own[index], input: inputs[index], donor: donor[index], places)
        }
    }

    @Test(arguments: PatchingFixture.all)
    func theEstimateOfASetIsTheSumOfItsHeads(_ fixture: PatchingFixture) throws {
        let heads = fixture.config.allHeads
        let sets = [heads, [heads[0], heads[3]], []]
        for components in [[Site.z], [.pattern, .v], [.q, .k]] {
            var method = try CrossModelPatching(components: components, sets: heads.map { [$0] } + sets)
            method.isEstimating = true
            let measures = try method.measure(
                host: fixture.parameters, donor: fixture.donor, Self.prompts, settings: Self.settings
            )
            for (index, original) in measures.original.enumerated() {
                let changes = measures.patched.map { $0[index] - original }
                for (set, change) in zip(sets, changes.dropFirst(heads.count)) {
                    let sum = set.reduce(0) { $0 + changes[heads.firstIndex(of: $1)!] }
                    #expect(abs(change - sum) < 1e-9)
                }
            }
        }
    }

    /// Batches of one prompt, and a stop in their midst, change nothing but rounding.
    @Test func batchesAndInterruptionsDoNotMatter() throws {
        let fixture = PatchingFixture.all[1]
        let prompts = PatchingFixture.prompts
        var method = ActivationPatching(site: .q, positions: [.one(.s2), .one(.end)])
        method.isEstimating = true
        let whole = try method.measure(fixture.parameters, prompts, settings: Self.settings)
        let cramped = try method.measure(fixture.parameters, prompts, settings: PatchingTests.cramped)
        for (cell, other) in zip(whole.patched, cramped.patched) {
            #expect(zip(cell, other).allSatisfy { abs($0 - $1) < 1e-5 })
        }
        var stopping = PatchingTests.cramped
        nonisolated(unsafe) var polls = 0
        stopping.isInterrupted = {
            polls += 1
            return polls > 3
        }
        let interruption = try #require(throws: PatchInterruption.self) {
            try method.measure(fixture.parameters, prompts, settings: stopping)
        }
        #expect(interruption.measures.count == 3)
        let resumed = try method.measure(
            fixture.parameters, prompts, settings: PatchingTests.cramped, resuming: interruption.measures
        )
        #expect(resumed == cramped)
    }

    // MARK: Experiments

    static func experiment(_ mode: PatchExperiment.Mode, exact: Int?) -> PatchExperiment {
        var experiment = PatchExperiment(
            mode: mode, prompts: PromptSource(count: 6), aggregation: .ratioOfMeans
        )
        experiment.estimate = exact.map { .init(exact: $0) }
        return experiment
    }

    static let modes: [PatchExperiment.Mode] = [
        .activation(.init(site: .z, positions: [.one(.end)], denoise: false)),
        .activation(.init(site: .residMid, positions: [.one(.s2), .one(.end)], denoise: false)),
        .crossModel(
            .init(
                components: [.pattern], position: .all, directions: [.donorToHost, .hostToDonor], circuit: "default",
                randomSets: 2
            )
        ),
    ]

    /// The maps of an experiment, one or one for each direction.
    static func maps(_ experiment: PatchExperiment) throws -> [PatchMap] {
        let subject = try Subject(of: experiment, EffectScaleTests.model, donor: EffectScaleTests.donor)
        let results = try experiment.run(on: subject, Work(settings, perPrompt: true))
        let text = try JSONEncoder().encode(results)
        #expect(try JSONDecoder().decode(PatchResults.self, from: text) == results)
        #expect(String(decoding: text, as: UTF8.self).contains("\"estimate\"") == (experiment.estimate != nil))
        switch results {
        case .map(let map): return [map]
        case .directions(let directions): return directions.sorted { $0.key < $1.key }.map(\.value.map)
        }
    }

    @Test(arguments: modes)
    func theStrongestAreMeasuredAsInASweep(_ mode: PatchExperiment.Mode) throws {
        let sweeps = try Self.maps(Self.experiment(mode, exact: nil))
        let some = try Self.maps(Self.experiment(mode, exact: 3))
        let all = try Self.maps(Self.experiment(mode, exact: 1000))
        let none = try Self.maps(Self.experiment(mode, exact: 0))
        for (index, sweep) in sweeps.enumerated() {
            #expect(sweep.estimate == nil)
            let whole = try #require(all[index].estimate)
            // All cells are the same runs as in the sweep, to the last digit.
            #expect(whole.cells.map(\.exact) == sweep.cells)
            #expect(whole.cells.map(\.estimate) == all[index].cells.map(\.effect.value))

            // A few of them run in other stacks, which may round differently.
            let check = try #require(some[index].estimate)
            let strongest = some[index].cells.indices.sorted {
                abs(some[index].cells[$0].effect.value!) > abs(some[index].cells[$1].effect.value!)
            }.prefix(3).sorted()
            #expect(check.cells.map(\.name) == strongest.map { whole.cells[$0].name })
            for (cell, found) in zip(strongest, check.cells) {
                #expect(found.estimate == some[index].cells[cell].effect.value)
                for (path, tolerance) in [(\PatchEffects.Cell.patched, 1e-5), (\.effect, 1e-2)] {
                    let (found, expected) = (found.exact[keyPath: path], sweep.cells[cell][keyPath: path])
                    for (a, b) in zip([found.mean] + found.bounds, [expected.mean] + expected.bounds) {
                        #expect(abs(a - b) < tolerance)
                    }
                }
            }
            let errors = check.cells.map { abs($0.estimate! - $0.exact.effect.value!) }
            #expect(abs(check.meanError! - errors.reduce(0, +) / 3) < 1e-12 && check.largestError == errors.max())
            // Spearman's for three values that are all different: 1 − 6 Σd² / (n (n² − 1)).
            func ranks(_ values: [Double]) -> [Int] { values.map { value in values.count { $0 < value } } }
            let pairs = zip(
                ranks(check.cells.map { $0.estimate! }), ranks(check.cells.map { $0.exact.effect.value! })
            )
            let squares = pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            #expect(abs(check.rankCorrelation.mean - (1 - Double(squares) / 4)) < 1e-12)

            let bare = try #require(none[index].estimate)
            #expect(bare.cells.isEmpty && bare.meanError == nil && bare.rankCorrelation == Estimate())
            #expect(none[index].layers == some[index].layers)
            // An estimate is none of the measured effects, but unpatched runs are the same.
            #expect(some[index].effects != sweep.effects)
            #expect(abs(some[index].original.mean - sweep.original.mean) < 1e-5)
        }
    }

    @Test func optionsHoldTheEstimateOnlyIfThereIsOne() throws {
        for mode in Self.modes {
            let measured = try JSONEncoder().encode(Self.experiment(mode, exact: nil))
            #expect(!String(decoding: measured, as: UTF8.self).contains("estimate"))
            let estimated = Self.experiment(mode, exact: 7)
            let text = try JSONEncoder().encode(estimated)
            #expect(String(decoding: text, as: UTF8.self).contains(#""estimate":{"exact":7}"#))
            #expect(try JSONDecoder().decode(PatchExperiment.self, from: text) == estimated)
        }
        let path = PatchExperiment.Path(
            sender: .heads, receivers: [.logits], mlps: .recompute, layerNorms: .recompute, knockout: [],
            ablation: Ablation()
        )
        for (experiment, field) in [
            (Self.experiment(.path(path), exact: 3), "estimate"),
            (Self.experiment(Self.modes[0], exact: -1), "estimate.exact"),
        ] {
            let error = #expect(throws: IOIError.self) { try experiment.validate() }
            #expect(error?.field == field && error?.kind == .usage)
        }
    }
}
