import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// That the model which the patching tests compare with is GPT-2, and that its methods are what they are named.
///
/// Bounds of 1e-10 are rounding of Double; those of 1e-5 are rounding of the engine's Float.
@Suite struct NaiveModelTests {
    static let prompts = PatchingFixture.prompts

    // MARK: - The model

    @Test(arguments: PatchingFixture.all)
    func logitsAndSitesAreTheEngines(_ fixture: PatchingFixture) throws {
        let tokens = Self.prompts.map(\.tokens)
        let batch = PackedBatch(tokens, rows: .all)
        let forward = ForwardPass(
            fixture.parameters, capacity: batch.capacity, keeping: Set(Site.allCases), workers: Workers(count: 2)
        )
        forward.run(batch)
        let logits = forward.logitChunks.flatMap { chunk in
            let logits = forward.logits(of: chunk)
            return (0..<chunk.count).map { Array(logits.row($0)) }
        }
        let model = NaiveModel(fixture.parameters)
        for (prompt, tokens) in tokens.enumerated() {
            let record = model.record(tokens)
            let end = batch.queryOfLabel[batch.prompts[prompt].upperBound - 1]
            #expect(relativeError(logits[end], record.run.logits.map(Float.init)) < 1e-5)
            let sites = fixture.config.heads * 6 + 5
            #expect(record.kept.count == fixture.config.layers * sites * tokens.count)
            for (place, values) in record.kept {
                let found = try forward.cache.values(
                    place.site, layer: place.layer, head: place.head, prompt: prompt, position: place.position
                )
                let error = relativeError(found, values.map(Float.init))
                #expect(error < 1e-5, "\(place): \(error)")
            }
            let last = NaivePlace(.residPost, layer: fixture.config.layers - 1, position: tokens.count - 1)
            #expect(record.run.final.last == record.kept[last])
        }
    }

    @Test func theHookSeesOneSiteAfterAnother() {
        let fixture = PatchingFixture.all[1]
        var seen: [NaivePlace] = []
        _ = NaiveModel(fixture.parameters).run(
            [5, 6],
            hook: { site, layer, head, position, _ in
                seen.append(NaivePlace(site, layer: layer, head: head, position: position))
            }
        )
        let expected = (0..<3).flatMap { layer in
            Site.allCases.flatMap { site in
                let heads: [Int?] = site.isPerHead ? [0, 1, 2] : [nil]
                return heads.flatMap { head in
                    [0, 1].map { NaivePlace(site, layer: layer, head: head, position: $0) }
                }
            }
        }
        #expect(seen == expected)
    }

    /// A change is seen by what comes later in the block, by no earlier site and by no earlier token.
    @Test(arguments: Site.allCases)
    func aReplacedValueIsSeenByWhatComesAfterIt(_ site: Site) {
        let model = NaiveModel(PatchingFixture.all[1].parameters)
        let tokens = Self.prompts[0].tokens
        let plain = model.record(tokens).kept
        let place = NaivePlace(site, layer: 1, head: site.isPerHead ? 1 : nil, position: 4)
        let changed = model.record(tokens, replacing: [place: plain[place]!.map { $0 * 1.5 + 0.2 }]).kept
        func time(_ place: NaivePlace) -> (Int, Int) { (place.layer, Site.allCases.firstIndex(of: place.site)!) }
        for (other, values) in plain where other != place {
            if time(other) <= time(place) || other.position < 4 { #expect(changed[other] == values, "\(other)") }
        }
        // The changed token's own stream, and through the attention of the last block a later one's.
        for position in [4, 10] {
            let last = NaivePlace(.residPost, layer: 2, position: position)
            #expect(changed[last] != plain[last])
        }
    }

    @Test func frozenScalesAreUsed() {
        let model = NaiveModel(PatchingFixture.all[1].parameters)
        let (prompt, abc) = (Self.prompts[0].tokens, Self.prompts[0].abcTokens!)
        let plain = model.record(prompt)
        #expect(model.record(prompt, scales: plain.scales).run.logits == plain.run.logits)
        #expect(plain.scales.count == 2 * 3 * prompt.count + 1)
        for name in [LayerNormName.ln1(2), .ln2(1), .final] {
            let scale = NaiveScale(name: name, position: 10)
            let other = model.record(prompt, scales: [scale: model.record(abc).scales[scale]!])
            #expect(abs(other.run.logits[1] - plain.run.logits[1]) > 1e-4, "\(name)")
        }
    }

    // MARK: - The prompts

    @Test func thePromptsAreWhatTheMethodsNeed() {
        for prompt in Self.prompts {
            let abc = prompt.abcTokens!
            #expect(abc.count == prompt.tokens.count && prompt.positions.end == abc.count - 1)
            #expect(prompt.tokens[prompt.positions.io] == prompt.ioToken)
            #expect(prompt.tokens[prompt.positions.s1] == prompt.sToken)
            #expect(prompt.tokens[prompt.positions.s2] == prompt.sToken)
            #expect(prompt.positions.s1Next == prompt.positions.s1 + 1)
            let names = [prompt.positions.io, prompt.positions.s1, prompt.positions.s2]
            #expect(abc.indices.filter { abc[$0] != prompt.tokens[$0] } == names.sorted())
            #expect(Set(names.map { abc[$0] }).count == 3)
        }
        let groups = Dictionary(grouping: Self.prompts) { "\($0.template) \($0.group)" }
        #expect(groups.values.map(\.count).sorted() == [1, 2, 2, 3])
        for members in groups.values { #expect(Set(members.map { [$0.positions.io, $0.tokens.count] }).count == 1) }
        #expect(Self.prompts[7].tokens.starts(with: Self.prompts[5].tokens))
    }

    /// Effects are given in percent of the logit difference; one that is nearly zero would only measure rounding.
    @Test(arguments: PatchingFixture.all)
    func logitDifferencesAreNotNearlyZero(_ fixture: PatchingFixture) {
        for parameters in [fixture.parameters, fixture.donor, fixture.neighbour] {
            let model = NaiveModel(parameters)
            let differences = Self.prompts.map { model.run($0.tokens).logitDifference(of: $0) }
            #expect(differences.allSatisfy { abs($0) > 0.4 })
            #expect(abs(differences.reduce(0, +) / Double(Self.prompts.count)) > 0.6)
        }
    }

    // MARK: - Activation patching

    @Test(arguments: PatchingFixture.all)
    func patchingWithItselfChangesNothingAndWithEverythingGivesTheDonor(_ fixture: PatchingFixture) {
        let model = NaiveModel(fixture.parameters)
        let donor = NaiveModel(fixture.donor)
        let last = fixture.config.layers - 1
        for prompt in Self.prompts {
            let (tokens, abc) = (prompt.tokens, prompt.abcTokens!)
            func patched(_ places: [NaivePlace], from donorInput: [Int], _ donor: NaiveModel) -> Double {
                naiveActivation(
                    model, prompt: prompt, input: tokens, donorInput: donorInput, donor: donor, places: places
                )
            }
            let original = model.run(tokens).logitDifference(of: prompt)
            let other = model.run(abc).logitDifference(of: prompt)
            let record = model.record(tokens).kept
            #expect(patched(Array(record.keys), from: tokens, model) == original)
            for site in Site.allCases {
                let effect = naiveActivation(
                    model, prompt: prompt, input: tokens, donorInput: abc, donor: model, site: site, layer: last,
                    heads: [0], positions: [prompt.positions.end]
                )
                // Both inputs have the same token at END; attention brought what differs there.
                #expect(abs(effect - original) > 1e-6, "\(site)")
            }
            let stream = tokens.indices.map { NaivePlace(.residPre, layer: 0, position: $0) }
            #expect(abs(patched(stream, from: abc, model) - other) < 1e-10)
            let outputs = record.keys.filter { [.attnOut, .mlpOut].contains($0.site) }
            #expect(abs(patched(outputs, from: abc, model) - other) < 1e-10)
            // The donor's attention and values give the donor's z.
            let z = record.keys.filter { $0.site == .z && $0.layer == last }
            let attention = record.keys.filter { [.pattern, .v].contains($0.site) && $0.layer == last }
            #expect(abs(patched(z, from: tokens, donor) - patched(attention, from: tokens, donor)) < 1e-10)
            #expect(abs(patched(z, from: tokens, donor) - original) > 1e-6)
        }
    }

    // MARK: - Path patching

    @Test(arguments: PatchingFixture.all)
    func pathsFromEverySenderGiveTheOtherInput(_ fixture: PatchingFixture) {
        let (model, config) = (NaiveModel(fixture.parameters), fixture.config)
        let everything = config.allHeads.map(NaiveSender.head) + (0..<config.layers).map(NaiveSender.mlp)
        let head = Head(config.layers - 1, 1)
        for prompt in Self.prompts {
            let end = prompt.positions.end
            let receivers: [NaiveReceiver] = [.head(kind: .q, head, position: end)]
            let none = naivePath(model, prompt, senders: [], receivers: [.logits] + receivers)
            #expect(abs(none.patched - none.original) < 1e-10)
            #expect(none.original == model.run(prompt.tokens).logitDifference(of: prompt))
            // Both inputs have the same token at END, so nothing but the senders differs there.
            let all = naivePath(model, prompt, senders: everything, receivers: [.logits])
            #expect(abs(all.patched - model.run(prompt.abcTokens!).logitDifference(of: prompt)) < 1e-10)
            let query = naivePath(model, prompt, senders: everything, receivers: receivers)
            let patched = naiveActivation(
                model, prompt: prompt, input: prompt.tokens, donorInput: prompt.abcTokens!, donor: model, site: .q,
                layer: head.layer, heads: [head.index], positions: [end]
            )
            #expect(abs(query.patched - patched) < 1e-10)
            #expect(abs(query.patched - query.original) > 1e-6)
            let both = naivePath(model, prompt, senders: everything, receivers: [.logits] + receivers)
            #expect(both.patched == all.patched)
        }
    }

    @Test(arguments: PatchingFixture.all, [Site.q, .k, .v])
    func aSenderActsOnLaterLayersOnly(_ fixture: PatchingFixture, kind: Site) {
        let model = NaiveModel(fixture.parameters)
        let prompt = Self.prompts[2]
        let position = kind == .q ? prompt.positions.end : prompt.positions.s2
        for layer in 0..<fixture.config.layers {
            for sender in [NaiveSender.head(Head(layer, 0)), .mlp(layer)] {
                let path = naivePath(
                    model, prompt, senders: [sender], receivers: [.head(kind: kind, Head(1, 0), position: position)]
                )
                if layer == 0 {
                    #expect(abs(path.patched - path.original) > 1e-6)
                } else {
                    #expect(path.patched == path.original)
                }
            }
        }
    }

    @Test(arguments: PatchingFixture.all)
    func whenAllIsFrozenTheEffectIsTheSendersOwnOutput(_ fixture: PatchingFixture) {
        let (model, config) = (NaiveModel(fixture.parameters), fixture.config)
        func tensor(_ name: String) -> [Double] { fixture.parameters.values(of: name)!.map(Double.init) }
        /// The dot product of a residual stream's change after a frozen LayerNorm with a column of `weights`.
        func product(_ change: [Double], _ norm: String, scale: Double, with weights: (_ row: Int) -> Double) -> Double
        {
            let gamma = tensor("\(norm).weight")
            let mean = change.reduce(0, +) / Double(config.width)
            return change.indices.reduce(0) { $0 + (change[$1] - mean) * scale * gamma[$1] * weights($1) }
        }
        let (unembedding, attention) = (tensor("wte.weight"), tensor("h.1.attn.c_attn.weight"))
        let senders: [NaiveSender] = [.head(Head(0, 1)), .mlp(1), .head(Head(config.layers - 1, 0))]
        for prompt in Self.prompts {
            let (a, b, end) = (model.record(prompt.abcTokens!), model.record(prompt.tokens), prompt.positions.end)
            func change(_ sender: NaiveSender) -> [Double] {
                let place =
                    switch sender {
                    case .head(let head): NaivePlace.head(head, .result, position: end)
                    case .mlp(let layer): NaivePlace(.mlpOut, layer: layer, position: end)
                    }
                return zip(a.kept[place]!, b.kept[place]!).map { $0 - $1 }
            }
            func direct(_ sender: NaiveSender) -> Double {
                product(change(sender), "ln_f", scale: b.scales[NaiveScale(name: .final, position: end)]!) { row in
                    unembedding[prompt.ioToken * config.width + row] - unembedding[prompt.sToken * config.width + row]
                }
            }
            func patched(
                _ senders: [NaiveSender],
                to receiver: NaiveReceiver = .logits,
                freezeMLP: Bool = true,
                freezeLayerNorm: Bool = true
            ) -> Double {
                naivePath(
                    model, prompt, senders: senders, receivers: [receiver], freezeMLP: freezeMLP,
                    freezeLayerNorm: freezeLayerNorm
                ).patched
            }
            let original = b.run.logitDifference(of: prompt)
            for sender in senders { #expect(abs(patched([sender]) - original - direct(sender)) < 1e-10) }
            #expect(abs(patched(senders) - original - senders.map(direct).reduce(0, +)) < 1e-10)
            #expect(abs(patched([senders[0]], freezeMLP: false) - patched([senders[0]])) > 1e-7)
            #expect(abs(patched([senders[0]], freezeLayerNorm: false) - patched([senders[0]])) > 1e-7)

            // The same for a query of the next layer.
            let place = NaivePlace(.q, layer: 1, head: 1, position: end)
            let scale = b.scales[NaiveScale(name: .ln1(1), position: end)]!
            let query = b.kept[place]!.enumerated().map { index, value in
                value
                    + product(change(senders[0]), "h.1.ln_1", scale: scale) { row in
                        attention[row * 3 * config.width + config.headWidth + index]
                    }
            }
            let expected = model.record(prompt.tokens, replacing: [place: query]).run.logitDifference(of: prompt)
            let receiver = NaiveReceiver.head(kind: .q, Head(1, 1), position: end)
            #expect(abs(patched([senders[0]], to: receiver) - expected) < 1e-10)
            #expect(abs(patched([senders[0]], to: receiver, freezeLayerNorm: false) - expected) > 1e-8)
        }
    }

    @Test func knockoutsAreActiveInEveryPass() {
        let fixture = PatchingFixture.all[2]
        let model = NaiveModel(fixture.parameters)
        let (early, late) = (Head(0, 1), Head(2, 3))
        for (index, prompt) in Self.prompts.enumerated() {
            let positions = Array(prompt.tokens.indices)
            func path(
                from senders: [NaiveSender],
                to receiver: NaiveReceiver = .logits,
                without heads: [Head]
            ) -> (original: Double, patched: Double) {
                let places = heads.flatMap { head in positions.map { NaivePlace.head(head, .z, position: $0) } }
                let zeros = places.map { ($0, Array(repeating: 0.0, count: 5)) }
                return naivePath(
                    model, prompt, senders: senders, receivers: [receiver],
                    knockedOut: Dictionary(uniqueKeysWithValues: zeros)
                )
            }
            let original = naiveKnockout(
                model, prompts: Self.prompts, index: index, heads: [(early, positions), (late, positions)], kind: .zero
            )
            let query = NaiveReceiver.head(kind: .q, Head(1, 0), position: prompt.positions.end)
            for receiver in [.logits, query] {
                let none = path(from: [], to: receiver, without: [early, late])
                #expect(none.original == original && abs(none.patched - original) < 1e-10)
            }
            let silent = path(from: [.head(early), .head(late)], without: [early, late])
            #expect(silent.original == original && abs(silent.patched - original) < 1e-10)
            let (with, without) = (path(from: [.mlp(1)], without: [early]), path(from: [.mlp(1)], without: []))
            #expect(abs(with.patched - with.original - (without.patched - without.original)) > 1e-7)
        }
    }

    // MARK: - Knockout

    @Test(arguments: PatchingFixture.all)
    func knockingOutEverythingGivesTheOtherInput(_ fixture: PatchingFixture) {
        let (model, config) = (NaiveModel(fixture.parameters), fixture.config)
        for (index, prompt) in Self.prompts.enumerated() {
            let positions = Array(prompt.tokens.indices)
            let difference = naiveKnockout(
                model, prompts: Self.prompts, index: index, heads: config.allHeads.map { ($0, positions) },
                mlps: (0..<config.layers).map { ($0, positions) }, kind: .counterfactual
            )
            #expect(abs(difference - model.run(prompt.abcTokens!).logitDifference(of: prompt)) < 1e-10)
        }
    }

    @Test func meansAreOverTheGroup() {
        let model = NaiveModel(PatchingFixture.all[1].parameters)
        let prompts = Self.prompts
        let partners = prompts.map { model.record($0.abcTokens!).kept }
        /// The mean of z of head 1.2, and of the output of MLP 2, over tokens given as (prompt, position).
        func expected(_ tokens: [(Int, Int)], _ place: NaivePlace) -> [Double] {
            var total = Array(repeating: 0.0, count: place.head == nil ? 18 : 6)
            for (prompt, position) in tokens {
                var place = place
                place.position = position
                total = zip(total, partners[prompt][place]!).map { $0 + $1 / Double(tokens.count) }
            }
            return total
        }
        func check(_ grouping: NaiveMeans.Grouping, _ prompt: Int, _ position: Int, over tokens: [(Int, Int)]) {
            let means = NaiveMeans(model, prompts: prompts, grouping: grouping)
            let z = NaivePlace(.z, layer: 1, head: 2, position: position)
            for place in [z, NaivePlace(.mlpOut, layer: 2, position: position)] {
                let found = means.values(at: place, of: prompts[prompt])
                #expect(zip(found, expected(tokens, place)).allSatisfy { abs($0 - $1) < 1e-12 }, "\(place)")
            }
        }
        check(.template, 1, 9, over: [(0, 9), (1, 9), (2, 9)])
        check(.template, 4, 4, over: [(3, 4), (4, 4)])
        check(.template, 7, 14, over: [(7, 14)])
        check(.global, 5, 6, over: prompts.map { ($0.id, $0.positions.end) })
        // The token after S1 of the two short prompts is IO, and counts as that.
        check(.global, 5, 1, over: prompts.map { ($0.id, $0.positions.io) })
        check(.global, 0, 5, over: [(0, 5), (1, 5), (2, 5), (3, 3), (4, 3), (7, 10)])
        let longOthers = [0, 1, 2, 3, 4, 5, 6, 8, 12, 13].map { (7, $0) }
        let others =
            (0...2).flatMap { prompt in [0, 1, 3, 6, 7, 9].map { (prompt, $0) } }
            + [3, 4].flatMap { prompt in [0, 1, 5, 6, 7, 9].map { (prompt, $0) } }
            + [5, 6].flatMap { prompt in [2, 3, 5].map { (prompt, $0) } } + longOthers
        check(.global, 7, 3, over: others)
    }

    @Test func knockoutPutsTheMeanInPlace() {
        let model = NaiveModel(PatchingFixture.all[1].parameters)
        let prompts = Self.prompts
        let means = NaiveMeans(model, prompts: prompts, grouping: .template)
        func knockout(_ index: Int, _ kind: NaiveKnockout) -> Double {
            let end = prompts[index].positions.end
            return naiveKnockout(
                model, prompts: prompts, index: index, heads: [(Head(1, 2), [2, end])], mlps: [(0, [end])], kind: kind
            )
        }
        // A group of one prompt has its partner for a mean.
        #expect(abs(knockout(7, .mean(means)) - knockout(7, .counterfactual)) < 1e-10)
        #expect(abs(knockout(0, .mean(means)) - knockout(0, .counterfactual)) > 1e-6)
        #expect(abs(knockout(0, .mean(means)) - knockout(0, .zero)) > 1e-6)
    }
}
