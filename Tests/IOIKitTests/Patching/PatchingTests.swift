import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Patched runs against whole runs, one at a time (`NaivePatching`), in every mode.
@Suite struct PatchingTests {
    static let settings = RunSettings(workers: Workers(count: 2))
    /// What rounding in float32 explains, of logit differences around 1.
    static let tolerance = 1e-4

    /// Small enough for batches of one prompt and a stack of a few variants.
    static let cramped = RunSettings(workers: Workers(count: 2), memory: 1)

    /// Compares the measured logit differences with `expected`, and makes sure that there is something to compare.
    func expect(
        _ measures: PatchMeasures,
        _ prompts: [Prompt],
        changes: Bool = true,
        _ what: String,
        equals expected: (_ cell: Int, _ prompt: Prompt) -> Double
    ) {
        var change = 0.0
        for (cell, row) in measures.patched.enumerated() {
            for (index, prompt) in prompts.enumerated() {
                let value = expected(cell, prompt)
                #expect(abs(row[index] - value) < Self.tolerance, "\(what), cell \(cell), prompt \(prompt.id)")
                change = max(change, abs(value - measures.original[index]))
            }
        }
        if changes { #expect(change > 0.01, "\(what): nothing to compare") }
    }

    /// The positions of a selection in a prompt.
    static func positions(_ selections: [PositionSelection], _ prompt: Prompt) -> [Int] {
        Set(selections.flatMap { $0.positions(in: prompt.positions, count: prompt.tokens.count) }).sorted()
    }

    // MARK: Activation patching

    @Test(arguments: PatchingFixture.all)
    func activationPatchingOfHeads(_ fixture: PatchingFixture) throws {
        let model = NaiveModel(fixture.parameters)
        let prompts = PatchingFixture.prompts
        let selections: [[PositionSelection]] = [[.one(.end)], [.one(.s2)], [.all], [.one(.io), .one(.s1Next)]]
        for (index, site) in Site.allCases.filter(\.isPerHead).enumerated() {
            for positions in [selections[index % 4], selections[(index + 2) % 4]] {
                let method = ActivationPatching(site: site, positions: positions)
                let measures = try method.measure(fixture.parameters, prompts, settings: Self.settings)
                // Before the first name nothing can differ, and at END alone S1's keys and values do not.
                expect(measures, prompts, changes: false, "\(site) at \(positions)") { cell, prompt in
                    naiveActivation(
                        model, prompt: prompt, input: prompt.tokens, donorInput: prompt.abcTokens!, donor: model,
                        site: site, layer: cell / fixture.config.heads, heads: [cell % fixture.config.heads],
                        positions: Self.positions(positions, prompt)
                    )
                }
                if positions == [.all] {
                    #expect(zip(measures.patched[0], measures.original).contains { abs($0 - $1) > 0.01 })
                }
            }
        }
    }

    @Test(arguments: PatchingFixture.all)
    func activationPatchingOfLayers(_ fixture: PatchingFixture) throws {
        let model = NaiveModel(fixture.parameters)
        let prompts = PatchingFixture.prompts
        let positions = PositionName.ioi.map { PositionSelection.one($0) } + [.all]
        for site in Site.allCases.filter({ !$0.isPerHead }) {
            for isDenoising in [false, true] {
                var method = ActivationPatching(site: site, positions: positions)
                method.isDenoising = isDenoising
                let measures = try method.measure(fixture.parameters, prompts, settings: Self.settings)
                expect(measures, prompts, "\(site), denoising \(isDenoising)") { cell, prompt in
                    naiveActivation(
                        model, prompt: prompt, input: isDenoising ? prompt.abcTokens! : prompt.tokens,
                        donorInput: isDenoising ? prompt.tokens : prompt.abcTokens!, donor: model, site: site,
                        layer: cell / positions.count, heads: [],
                        positions: Self.positions([positions[cell % positions.count]], prompt)
                    )
                }
            }
        }
    }

    // MARK: Path patching

    static let receivers: [[String]] = [
        ["logits"], ["q:1.0,1.1@END"], ["v:1.1@S2"], ["k:1.0@S1+1"], ["q:1.1@END", "k:1.0@S2", "v:1.0,1.1@IO"],
        ["v:1.0@all"], ["logits", "q:1.0@END"],
    ]

    static func naive(_ receivers: [Receiver], _ prompt: Prompt) -> [NaiveReceiver] {
        receivers.flatMap { receiver -> [NaiveReceiver] in
            let positions = Self.positions([receiver.position], prompt)
            return switch receiver {
            case .logits: [.logits]
            case .heads(let input, let heads, _):
                heads.flatMap { head in positions.map { .head(kind: input, head, position: $0) } }
            case .mlps(let layers, _): layers.flatMap { layer in positions.map { .mlp(layer, position: $0) } }
            }
        }
    }

    @Test(arguments: PatchingFixture.all, [(false, false), (true, false), (false, true), (true, true)])
    func pathPatching(_ fixture: PatchingFixture, _ freezes: (mlps: Bool, layerNorms: Bool)) throws {
        let model = NaiveModel(fixture.parameters)
        // One of each template, and one that begins like another.
        let prompts = [0, 1, 5, 7].map { PatchingFixture.prompts[$0] }
        // The last layer receives as well.
        let last = fixture.config.layers - 1
        for texts in Self.receivers + [["q:\(last).0@END", "k:\(last).1@S2", "v:1.0@S1"]] {
            let receivers = texts.map { Receiver($0)! }
            let cells: [(fast: [Node], naive: [NaiveSender])] =
                fixture.config.allHeads.map { ([.head($0)], [.head($0)]) }
                + (0..<fixture.config.layers).map { ([.mlp($0)], [.mlp($0)]) }
                + [([.head(Head(0, 0)), .mlp(0), .head(Head(1, 1))], [.head(Head(0, 0)), .mlp(0), .head(Head(1, 1))])]
            var method = try PathPatching(cells: cells.map(\.fast), receivers: receivers)
            method.freezesMLPs = freezes.mlps
            method.freezesLayerNorms = freezes.layerNorms
            let measures = try method.measure(fixture.parameters, prompts, settings: Self.settings)
            expect(measures, prompts, "\(texts), frozen \(freezes)") { cell, prompt in
                naivePath(
                    model, prompt, senders: cells[cell].naive, receivers: Self.naive(receivers, prompt),
                    freezeMLP: freezes.mlps, freezeLayerNorm: freezes.layerNorms
                ).patched
            }
        }
    }

    @Test(arguments: PatchingFixture.all)
    func pathPatchingWithHeadsKnockedOutThroughout(_ fixture: PatchingFixture) throws {
        let model = NaiveModel(fixture.parameters)
        let prompts = PatchingFixture.prompts
        let means = NaiveMeans(model, prompts: prompts, grouping: .template)
        let last = fixture.config.layers - 1
        let knockedOut: [(Head, PositionSelection)] = [
            (Head(last, 0), .one(.end)), (Head(0, 1), .one(.s2)), (Head(0, 0), .one(.end)),
        ]
        var target = KnockoutTarget("test")
        for (head, position) in knockedOut { target.add(head, at: position) }
        for texts in [["logits"], ["q:\(last).1@END", "v:1.1@S2"]] {
            let receivers = texts.map { Receiver($0)! }
            let heads = fixture.config.allHeads
            var method = try PathPatching(cells: heads.map { [.head($0)] }, receivers: receivers)
            method.knockout = target
            let measures = try method.measure(fixture.parameters, prompts, settings: Self.settings)
            let subset = [2, 4, 6, 7]
            for index in subset {
                let prompt = prompts[index]
                let places = knockedOut.flatMap { head, position in
                    Self.positions([position], prompt).map { NaivePlace.head(head, .z, position: $0) }
                }
                let values = naiveAblation(
                    model, prompts: prompts, index: index, places: places, kind: .mean(means)
                )
                for (cell, head) in heads.enumerated() {
                    let expected = naivePath(
                        model, prompt, senders: [.head(head)], receivers: Self.naive(receivers, prompt),
                        knockedOut: values
                    )
                    #expect(abs(measures.original[index] - expected.original) < Self.tolerance)
                    #expect(
                        abs(measures.patched[cell][index] - expected.patched) < Self.tolerance,
                        "\(texts), sender \(head), prompt \(index)"
                    )
                }
            }
        }
    }

    // MARK: Cross-model patching

    @Test(arguments: PatchingFixture.all)
    func crossModelPatching(_ fixture: PatchingFixture) throws {
        let (host, donor) = (NaiveModel(fixture.parameters), NaiveModel(fixture.donor))
        let prompts = PatchingFixture.prompts
        let last = fixture.config.layers - 1
        let sets =
            fixture.config.allHeads.map { [$0] }
            + [[Head(0, 0), Head(0, 1), Head(last, 1), Head(1, 0)], fixture.config.allHeads]
        let cases: [([Site], PositionSelection)] = [
            ([.pattern], .all), ([.z], .all), ([.result], .all), ([.q], .one(.end)), ([.k], .one(.s1)), ([.v], .all),
            ([.q, .k, .v], .all), ([.q, .k], .one(.s2)), ([.pattern, .v], .all), ([.z], .one(.end)),
            ([.result], .one(.s2)), ([.pattern], .one(.end)),
        ]
        for (components, position) in cases {
            let method = try CrossModelPatching(components: components, position: position, sets: sets)
            let measures = try method.measure(
                host: fixture.parameters, donor: fixture.donor, prompts, settings: Self.settings
            )
            for (index, prompt) in prompts.enumerated() {
                #expect(
                    abs(measures.donor![index] - donor.run(prompt.tokens).logitDifference(of: prompt)) < Self.tolerance)
            }
            let subset = [0, 1, 5, 7]
            var part = measures
            part.original = subset.map { measures.original[$0] }
            part.patched = measures.patched.map { row in subset.map { row[$0] } }
            expect(part, subset.map { prompts[$0] }, "\(components) at \(position)") { cell, prompt in
                naiveActivation(
                    host, prompt: prompt, input: prompt.tokens, donorInput: prompt.tokens, donor: donor,
                    places: sets[cell].flatMap { head in
                        components.flatMap { site in
                            Self.positions([position], prompt).map { .head(head, site, position: $0) }
                        }
                    }
                )
            }
        }
    }

    // MARK: Knockout

    @Test(arguments: PatchingFixture.all)
    func knockout(_ fixture: PatchingFixture) throws {
        let model = NaiveModel(fixture.parameters)
        let prompts = PatchingFixture.prompts
        let last = fixture.config.layers - 1
        var (mixed, everywhere) = (KnockoutTarget("mixed"), KnockoutTarget("everywhere"))
        mixed.add(Head(0, 1), at: .one(.s2))
        mixed.add(Head(last, 0), at: .one(.end))
        mixed.add(Head(1, 1), at: .one(.s1))
        mixed.add(Head(1, 1), at: .one(.end))
        mixed.add(mlp: 0, at: .one(.io))
        mixed.add(mlp: last, at: .all)
        for head in fixture.config.allHeads { everywhere.add(head, at: .all) }
        let targets = [mixed, everywhere]
        let kinds: [(Ablation, NaiveKnockout)] = [
            (Ablation(.zero), .zero), (Ablation(.counterfactual), .counterfactual),
            (Ablation(.mean), .mean(NaiveMeans(model, prompts: prompts, grouping: .template))),
            (Ablation(.mean, group: .global), .mean(NaiveMeans(model, prompts: prompts, grouping: .global))),
        ]
        for (ablation, kind) in kinds {
            let measures = try Knockout(targets, ablation: ablation).measure(
                fixture.parameters, prompts, settings: Self.settings
            )
            expect(measures, prompts, "\(ablation)") { cell, prompt in
                naiveKnockout(
                    model, prompts: prompts, index: prompt.id,
                    heads: targets[cell].heads.map { ($0.key, Self.positions($0.value, prompt)) },
                    mlps: targets[cell].mlps.map { ($0.key, Self.positions($0.value, prompt)) }, kind: kind
                )
            }
        }
    }

    @Test func resamplingTakesAnotherPromptsCounterfactual() throws {
        let fixture = PatchingFixture.all[1]
        let model = NaiveModel(fixture.parameters)
        let prompts = PatchingFixture.prompts
        var target = KnockoutTarget("test")
        for head in fixture.config.allHeads { target.add(head, at: .all) }
        let measures = try Knockout([target], ablation: Ablation(.resample, seed: 3)).measure(
            fixture.parameters, prompts, settings: Self.settings
        )
        let places = { (prompt: Prompt) in
            fixture.config.allHeads.flatMap { head in
                prompt.tokens.indices.map { NaivePlace.head(head, .z, position: $0) }
            }
        }
        for (index, prompt) in prompts.enumerated() {
            let group = prompts.filter { PromptGroup($0) == PromptGroup(prompt) }
            // A prompt that is alone has its own counterfactual.
            let others = group.count > 1 ? group.filter { $0.id != prompt.id } : group
            let possible = others.map { other in
                naiveActivation(
                    model, prompt: prompt, input: prompt.tokens, donorInput: other.abcTokens!, donor: model,
                    places: places(prompt)
                )
            }
            #expect(possible.contains { abs($0 - measures.patched[0][index]) < Self.tolerance })
        }
    }

    @Test func meansMayBeTakenOverMorePrompts() throws {
        let fixture = PatchingFixture.all[0]
        let model = NaiveModel(fixture.parameters)
        let (all, measured) = (PatchingFixture.prompts, Array(PatchingFixture.prompts.prefix(2)))
        var target = KnockoutTarget("test")
        for head in fixture.config.allHeads { target.add(head, at: .all) }
        let measures = try Knockout([target]).measure(
            fixture.parameters, measured, reference: all, settings: Self.settings
        )
        let means = NaiveMeans(model, prompts: all, grouping: .template)
        expect(measures, measured, "means over more") { _, prompt in
            naiveKnockout(
                model, prompts: all, index: prompt.id,
                heads: fixture.config.allHeads.map { ($0, Array(prompt.tokens.indices)) }, kind: .mean(means)
            )
        }
        let error = #expect(throws: IOIError.self) {
            try Knockout([target]).measure(
                fixture.parameters, all, reference: measured, settings: Self.settings
            )
        }
        #expect(error?.description.contains("found no prompt of") == true)
    }

    // MARK: Batches, stacks and threads

    @Test func batchesStacksAndThreadsChangeNoMoreThanRounding() throws {
        let fixture = PatchingFixture.all[2]
        let prompts = PatchingFixture.prompts
        var target = KnockoutTarget("test")
        target.add(Head(0, 1), at: .one(.s2))
        let heads = fixture.config.allHeads
        func measure(_ settings: RunSettings) throws -> [PatchMeasures] {
            var path = try PathPatching(
                cells: heads.map { [.head($0)] }, receivers: [Receiver("q:2.0,3.1@END")!, Receiver("v:2.1@S2")!]
            )
            path.knockout = target
            return [
                try ActivationPatching(site: .z, positions: [.all]).measure(
                    fixture.parameters, prompts, settings: settings
                ),
                try path.measure(fixture.parameters, prompts, settings: settings),
                try CrossModelPatching(components: [.pattern], sets: heads.map { [$0] }).measure(
                    host: fixture.parameters, donor: fixture.neighbour, prompts, settings: settings
                ),
                try Knockout([target], ablation: Ablation(.resample)).measure(
                    fixture.parameters, prompts, settings: settings
                ),
            ]
        }
        let expected = try measure(Self.settings)
        let many = [1, 3, 32, 128].map { RunSettings(workers: Workers(count: $0)) }
        for settings in [Self.cramped] + many + Workers.exact.map({ RunSettings(workers: $0) }) {
            for (found, expected) in zip(try measure(settings), expected) {
                #expect(found.count == expected.count)
                for (found, expected) in zip([found.original] + found.patched, [expected.original] + expected.patched) {
                    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
                }
            }
        }
    }

    @Test func anInterruptedSweepGoesOn() throws {
        let fixture = PatchingFixture.all[1]
        let prompts = PatchingFixture.prompts
        let method = ActivationPatching(site: .z, positions: [.one(.end)])
        let whole = try method.measure(fixture.parameters, prompts, settings: Self.cramped)
        let asked = Counter()
        var settings = Self.cramped
        settings.isInterrupted = { asked.next() > 4 }
        let interruption = #expect(throws: PatchInterruption.self) {
            try method.measure(fixture.parameters, prompts, settings: settings)
        }
        let done = try #require(interruption).measures
        #expect(done.count > 0 && done.count < prompts.count)
        let resumed = try method.measure(fixture.parameters, prompts, settings: Self.cramped, resuming: done)
        #expect(resumed == whole)
    }
}
