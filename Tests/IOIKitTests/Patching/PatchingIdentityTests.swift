import Testing

@testable import GPT2Kit
@testable import IOIKit

/// What must come out of a patch whatever the weights are.
@Suite struct PatchingIdentityTests {
    static let settings = PatchingTests.settings
    static let prompts = PatchingFixture.prompts

    /// The largest difference between a cell and other values.
    func distance(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).map { abs($0 - $1) }.max()! }

    /// Patches the prompts' runs with edits that `body` makes from a run on the same prompts that kept every site.
    func patched(
        _ fixture: PatchingFixture,
        freezing frozen: Frozen? = nil,
        _ body: (PromptBatch, ForwardPass) -> [Edit]
    ) throws -> PatchMeasures {
        let runner = PatchRunner(
            fixture.parameters, prompts: Self.prompts, metric: .logitDifference,
            keeping: PatchedPass.sites(divergingAt: Set(Stage.allCases), freezing: [.attention, .mlps, .layerNorms]),
            donorSites: Set(Site.allCases), settings: Self.settings
        )
        let donor = ForwardPass(
            fixture.parameters, capacity: runner.capacity, keeping: Set(Site.allCases), workers: Workers(count: 2)
        )
        return try runner.measure(cells: 1, resuming: nil, progress: { _ in }) { batch, _ in
            donor.run(batch.packed)
            let edits = body(batch, donor)
            var measures = PatchMeasures(cells: 0)
            measures.original = runner.takeOriginal()
            if let frozen {
                let variant = PatchedRun(edits, tokens: batch.tokens([.all]))
                let ends = runner.pass.run([variant], on: runner.base, freezing: frozen)
                measures.patched = [measures.original.map { _ in .nan }]
                runner.read(ends, of: [0], batch, into: &measures.patched)
            } else {
                measures.patched = try runner.run([PatchedRun(edits, of: batch.packed)], of: batch)
            }
            return measures
        }
    }

    @Test(arguments: PatchingFixture.all, Site.allCases)
    func aRunPatchedWithItselfIsTheSame(_ fixture: PatchingFixture, _ site: Site) throws {
        for layer in 0..<fixture.config.layers {
            let measures = try patched(fixture) { batch, donor in
                [
                    Edit(
                        site: site, layer: layer, head: site.isPerHead ? 1 : nil, tokens: batch.tokens([.all]),
                        values: .run(donor)
                    )
                ]
            }
            #expect(distance(measures.patched[0], measures.original) < 1e-5)
        }
    }

    @Test(arguments: PatchingFixture.all)
    func freezingEverythingAndPatchingNothingGivesTheOriginal(_ fixture: PatchingFixture) throws {
        for frozen in [
            Frozen.attention, [.attention, .mlps], [.attention, .layerNorms], [.attention, .mlps, .layerNorms],
        ] {
            let measures = try patched(fixture, freezing: frozen) { batch, donor in
                [Edit(site: .residPre, layer: 0, head: nil, tokens: batch.tokens([.all]), values: .run(donor))]
            }
            #expect(distance(measures.patched[0], measures.original) < 1e-5)
        }
    }

    @Test(arguments: PatchingFixture.all)
    func theWholeStreamCarriesTheNewInput(_ fixture: PatchingFixture) throws {
        for site in [Site.residPre, .residMid, .residPost] {
            let measures = try ActivationPatching(site: site, positions: [.all]).measure(
                fixture.parameters, Self.prompts, settings: Self.settings
            )
            // Every layer's, since all that follows sees nothing else.
            for cell in measures.patched { #expect(distance(cell, measures.donor!) < 1e-4) }
            #expect(distance(measures.original, measures.donor!) > 0.1)
        }
    }

    @Test(arguments: PatchingFixture.all)
    func everyHeadsAndMLPsOutputsCarryTheNewInputToTheEnd(_ fixture: PatchingFixture) throws {
        // Prompt and counterfactual end with the same token, so END's embedding is that of both.
        let layers = 0..<fixture.config.layers
        let all = fixture.config.allHeads.map { Node.head($0) } + layers.map { .mlp($0) }
        let measures = try PathPatching(cells: [all, []], receivers: [.logits]).measure(
            fixture.parameters, Self.prompts, settings: Self.settings
        )
        let donor = Evaluator(fixture.parameters, workers: Workers(count: 2))
        let counterfactuals = Self.prompts.map { prompt in
            var prompt = prompt
            prompt.tokens = prompt.abcTokens!
            return prompt
        }
        let expected = try donor.measure(counterfactuals).map { $0.logitDifference! }
        #expect(distance(measures.patched[0], expected) < 1e-4)
        #expect(measures.patched[1] == measures.original)
    }

    @Test(arguments: PatchingFixture.all)
    func aModelPatchedIntoItselfHasZeroMaps(_ fixture: PatchingFixture) throws {
        for components in [[Site.pattern], [.z], [.result], [.q, .k, .v]] {
            let method = try CrossModelPatching(
                components: components, sets: fixture.config.allHeads.map { [$0] } + [fixture.config.allHeads]
            )
            let measures = try method.measure(
                host: fixture.parameters, donor: fixture.parameters, Self.prompts, settings: Self.settings
            )
            for cell in measures.patched { #expect(distance(cell, measures.original) < 1e-5) }
        }
    }

    @Test func everyHeadAndMLPOfTheDonorsIsTheDonorWhereEmbeddingsAreTheSame() throws {
        let fixture = PatchingFixture.all[3]
        let donor = GPT2Parameters(copying: fixture.donor, workers: Workers(count: 1))
        // The donor with the host's embeddings and final LayerNorm, and with its own blocks.
        for (index, entry) in donor.entries.enumerated() where !entry.name.hasPrefix("h.") {
            donor.views[index].base.update(from: fixture.parameters.views[index].base, count: entry.count)
        }
        let capacity = BatchCapacity(lengths: Self.prompts.map(\.tokens.count), count: Self.prompts.count, rows: .last)
        let run = ForwardPass(donor, capacity: capacity, keeping: [.z, .mlpOut, .attnOut], workers: Workers(count: 2))
        let measures = try patched(fixture) { batch, _ in
            run.run(batch.packed)
            return (0..<fixture.config.layers).flatMap { layer in
                [Site.attnOut, .mlpOut].map {
                    Edit(site: $0, layer: layer, head: nil, tokens: batch.tokens([.all]), values: .run(run))
                }
            }
        }
        let expected = try Evaluator(donor, workers: Workers(count: 2)).measure(Self.prompts).map {
            $0.logitDifference!
        }
        #expect(distance(measures.patched[0], expected) < 1e-4)
        #expect(distance(measures.original, expected) > 0.1)
    }

    @Test(arguments: PatchingFixture.all)
    func withoutHeadsIsAModelWhoseHeadsWriteNothing(_ fixture: PatchingFixture) throws {
        let mute = GPT2Parameters(copying: fixture.parameters, workers: Workers(count: 1))
        for block in mute.blocks { block.outWeight.fill(0) }
        var heads = KnockoutTarget("heads")
        for head in fixture.config.allHeads { heads.add(head, at: .all) }
        let measures = try Knockout([heads], ablation: Ablation(.zero)).measure(
            fixture.parameters, Self.prompts, settings: Self.settings
        )
        let expected = try Evaluator(mute, workers: Workers(count: 2)).measure(Self.prompts).map { $0.logitDifference! }
        #expect(distance(measures.patched[0], expected) < 1e-4)
        #expect(distance(measures.original, expected) > 0.1)
    }

    @Test(arguments: PatchingFixture.all)
    func theMeanOfZThroughWOIsTheMeanOfResults(_ fixture: PatchingFixture) throws {
        let (head, layer) = (1, fixture.config.layers - 2)
        var target = KnockoutTarget("head")
        target.add(Head(layer, head), at: .all)
        let ofZ = try Knockout([target]).measure(fixture.parameters, Self.prompts, settings: Self.settings)
        let counterfactuals = PackedBatch(try Self.prompts.map { try $0.counterfactual() }, rows: .last)
        let run = ForwardPass(
            fixture.parameters, capacity: counterfactuals.capacity, keeping: [.result], workers: Workers(count: 2)
        )
        run.run(counterfactuals)
        let ofResults = try patched(fixture) { batch, _ in
            let tokens = batch.tokens([.all])
            let table = ValueTable(rows: tokens.count, columns: fixture.config.width)
            for (row, token) in tokens.enumerated() {
                let prompt = batch.packed.promptOfToken[token]
                let position = token - batch.packed.prompts[prompt].lowerBound
                let alike = Self.prompts.indices.filter {
                    PromptGroup(Self.prompts[$0]) == PromptGroup(Self.prompts[prompt])
                }
                for other in alike {
                    let result = try! run.cache.values(
                        .result, layer: layer, head: head, prompt: other, position: position
                    )
                    for i in result.indices { table.values[row][i] += result[i] / Float(alike.count) }
                }
            }
            return [
                Edit(
                    site: .result, layer: layer, head: head, tokens: tokens,
                    values: .table(table, rows: Array(tokens.indices), column: 0)
                )
            ]
        }
        #expect(distance(ofZ.patched[0], ofResults.patched[0]) < 1e-5)
        #expect(distance(ofZ.patched[0], ofZ.original) > 1e-3)
    }

    @Test(arguments: PatchingFixture.all)
    func aSenderAboveItsReceiverHasNoEffect(_ fixture: PatchingFixture) throws {
        let heads = fixture.config.allHeads
        let method = try PathPatching(
            cells: heads.map { [.head($0)] } + (0..<fixture.config.layers).map { [.mlp($0)] },
            receivers: [Receiver("q:1.1@END")!, Receiver("v:1.0@S2")!]
        )
        let measures = try method.measure(fixture.parameters, Self.prompts, settings: Self.settings)
        for (cell, head) in heads.enumerated() where head.layer >= 1 {
            #expect(measures.patched[cell] == measures.original)
        }
        for layer in 0..<fixture.config.layers {
            let cell = measures.patched[heads.count + layer]
            #expect((cell == measures.original) == (layer >= 1))
        }
    }

    @Test(arguments: PatchingFixture.all)
    func withMLPsFrozenEffectsOfSendersAddUp(_ fixture: PatchingFixture) throws {
        let last = fixture.config.layers - 1
        let senders: [Node] = [.head(Head(0, 0)), .head(Head(last, 1)), .mlp(0)]
        var method = try PathPatching(cells: senders.map { [$0] } + [senders], receivers: [.logits])
        method.freezesMLPs = true
        method.freezesLayerNorms = true
        let measures = try method.measure(fixture.parameters, Self.prompts, settings: Self.settings)
        for (prompt, original) in measures.original.enumerated() {
            let effects = measures.patched.map { $0[prompt] - original }
            #expect(abs(effects[0] + effects[1] + effects[2] - effects[3]) < 1e-5)
        }
        // With MLPs running, they do not.
        method.freezesMLPs = false
        let free = try method.measure(fixture.parameters, Self.prompts, settings: Self.settings)
        let excess = free.original.indices.map { prompt in
            let effects = free.patched.map { $0[prompt] - free.original[prompt] }
            return abs(effects[0] + effects[1] + effects[2] - effects[3])
        }
        #expect(excess.max()! > 1e-3)
    }

    // MARK: What cannot be patched

    @Test func aPatchThatMatchesNothingIsAnError() throws {
        let fixture = PatchingFixture.all[0]
        func complaint(_ body: () throws -> Void) -> String {
            do {
                try body()
                return "no error"
            } catch { return "\(error)" }
        }
        func path(_ cell: Node, _ receiver: String) -> String {
            complaint {
                _ = try PathPatching(cells: [[cell]], receivers: [Receiver(receiver)!]).measure(
                    fixture.parameters, Self.prompts, settings: Self.settings
                )
            }
        }
        #expect(path(.head(Head(2, 0)), "logits") == "a sender: found head 2.0, expected 0.0 to 1.1 in this model")
        #expect(path(.mlp(2), "logits") == "a sender: found MLP m2, expected m0 to m1 in this model")
        #expect(path(.mlp(0), "q:1.0,1.2@END").hasPrefix("receivers: q:1.0,1.2@END: found head 1.2, expected"))
        #expect(complaint { _ = try PathPatching(cells: [], receivers: []) }.hasPrefix("receivers: expected"))
        var target = KnockoutTarget("--heads")
        target.add(Head(0, 7), at: .all)
        #expect(
            complaint {
                _ = try Knockout([target]).measure(fixture.parameters, Self.prompts, settings: Self.settings)
            }.hasPrefix("--heads: found head 0.7")
        )
        for components in [[Site.q, .pattern], [.z, .v], [.result, .z], [.residPre], []] {
            #expect(
                complaint { _ = try CrossModelPatching(components: components, sets: []) }.hasPrefix("components: "))
        }
        let other = PatchingFixture.all[1]
        #expect(
            complaint {
                _ = try CrossModelPatching(components: [.z], sets: []).measure(
                    host: fixture.parameters, donor: other.parameters, Self.prompts, settings: Self.settings
                )
            } == "the donor's n_layer: found 3, expected the host's 2"
        )
        var alone = Self.prompts[0]
        alone.abcTokens = nil
        #expect(
            complaint {
                _ = try ActivationPatching(site: .z, positions: [.all]).measure(
                    fixture.parameters, [alone], settings: Self.settings
                )
            }.hasPrefix("prompt 0: found no counterfactual")
        )
    }

    @Test(
        arguments: [
            "", "logit", "q:9.9", "q9.9@END", "x:9.9@END", "q:@END", "q:9.9,@END", "q:9.9,9.9@END", "q:9.9@two words",
            "q:9@END", "z:9.9@END", "q:9.9@END@S2", "m8", "mx@END", "m1,m1@END", "8@END", "m-1@END",
        ])
    func aReceiverIsWrittenInOneWay(_ text: String) {
        #expect(Receiver(text) == nil)
    }

    @Test func receiversAreReadAsTheyAreWritten() throws {
        for text in ["logits", "q:9.9,9.6,10.0@END", "k:5.5@S1+1", "v:7.3@all", "q:9.9@YEAR", "m8,m11@END"] {
            #expect(try #require(Receiver(text)).description == text)
        }
    }
}
