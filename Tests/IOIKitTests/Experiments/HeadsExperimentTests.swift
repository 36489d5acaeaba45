import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The whole of `ioi heads` on models whose heads are known, and its patched runs against the definitions.
@Suite struct HeadsExperimentTests {
    static let settings = RunSettings(workers: Workers(count: 2))

    /// A model folder without a tokenizer.
    final class Folder {
        let location: ModelLocation

        init(_ parameters: GPT2Parameters) throws {
            let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
                .appendingPathComponent("ioi-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try parameters.config.json(endOfText: nil).write(to: folder.appendingPathComponent("config.json"))
            try SafetensorsWriter.write(
                parameters.tensors(), to: folder.appendingPathComponent("model.safetensors")
            )
            location = try ModelLocation(folder: folder)
        }

        deinit { try? FileManager.default.removeItem(at: location.folder) }

        func load() throws -> GPT2 { try GPT2(location, workers: HeadsExperimentTests.settings.workers) }
    }

    static func options(_ change: (inout HeadsExperiment) -> Void = { _ in }) -> HeadsExperiment {
        var options = HeadsExperiment(prompts: PromptSource(count: 1))
        change(&options)
        return options
    }

    static func run(
        _ parameters: GPT2Parameters,
        donor: GPT2Parameters? = nil,
        _ prompts: [Prompt],
        _ options: HeadsExperiment = options(),
        settings: RunSettings = settings,
        partial: PartialResults? = nil,
        progress: @escaping (Double) -> Void = { _ in }
    ) throws -> HeadsResults {
        let folder = try Folder(parameters)
        let donorFolder = try donor.map(Folder.init)
        let (model, donor) = (try folder.load(), try donorFolder?.load())
        let dataset = TaskDataset(name: "clean", seed: nil, prompts: prompts, jsonLines: Data())
        try options.validate()
        return try options.run(
            on: Subject(model, donor: donor, dataset), Work(settings, partial: partial, progress: progress)
        )
    }

    private typealias Kind = HeadClassification.Kind

    /// Classes by their heads, but for the heads that have none.
    private func classes(_ results: HeadProfile) -> [Kind: [Head]] {
        let classification = results.classification!
        #expect(classification.heads.map(\.head) == classification.heads.map(\.head).sorted())
        return Dictionary(grouping: classification.heads.filter { $0.kind != .none }, by: \.kind)
            .mapValues { $0.map(\.head) }
    }

    @Test(arguments: PlantedModel.all) func plantedHeadsAreNamedForWhatTheyDo(_ planted: PlantedModel) throws {
        var shares: [Double] = []
        let results = try Self.run(planted.parameters, PlantedModel.prompts, progress: { shares.append($0) }).model
        #expect(
            classes(results) == [
                .nameMover: [planted.nameMover], .inhibition: [planted.sInhibition],
                .duplicateToken: [planted.duplicateToken],
            ]
        )
        #expect(shares == shares.sorted() && shares.last == 1 && shares.count > 10)
        #expect(results.classification!.unsettled.isEmpty)
        #expect(results.copying!.copying[planted.nameMover].value == 1)
        #expect(results.ov!.eigenvalueScore[planted.nameMover.layer][planted.nameMover.index]! > 0.9)
        #expect(results.scatter!.correlation[planted.nameMover].value! > 0.9)
        #expect(abs(results.attribution!.share[planted.nameMover].value! - 100) < 5)
        // Without the head that tells the names apart nothing is left to say; with the roles exchanged S is said.
        let inhibition = results.inhibition!
        #expect(inhibition.flips[.abc]!.effect[planted.sInhibition].value! < -90)
        #expect(inhibition.flips[.s2ToIO]!.effect[planted.sInhibition].value! < -180)
        #expect(results.backup!.knockedOut == [planted.nameMover] && results.backup!.effect.value! < -90)
        let evidence = results.classification![planted.sInhibition].evidence
        #expect(evidence.map(\.name) == [.endToS2, .s2ToIOEffect])
        #expect(evidence[0].estimate == results.attention!.heads[.endToS2]![planted.sInhibition])
    }

    /// Each prompt's mean over a class's heads, of model and donor alike, from a slow model's patterns.
    @Test func theCircuitsClassesHaveTheirHeadsMeanAttention() throws {
        let fixture = PatchingFixture.all[1]
        let circuit = try Circuit(
            model: "m",
            classes: [
                HeadClass(name: "name mover", heads: [Head(2, 1), Head(0, 2)], position: .one(.end)),
                HeadClass(name: "early", heads: [Head(1, 0)], position: .one(.s2)),
            ]
        )
        let file = TemporaryModel.fresh()
        try circuit.json.write(to: file)
        let options = Self.options { ($0.analyses, $0.circuit) = ([.attribution], file.path) }
        let results = try Self.run(fixture.parameters, donor: fixture.donor, PatchingFixture.prompts, options)
        for (parameters, profile) in [(fixture.parameters, results.model), (fixture.donor, results.donor)] {
            let classes = try #require(profile?.classAttention)
            #expect(classes.map(\.name) == ["name mover", "early"] && classes[0].heads == [Head(2, 1), Head(0, 2)])
            for attention in classes {
                var means: [TaskAttention.Relation: [Double]] = [:]
                for prompt in PatchingFixture.prompts {
                    var patterns: [Head: [[Double]]] = [:]
                    _ = NaiveModel(parameters).run(
                        prompt.tokens,
                        hook: { site, layer, head, _, values in
                            if site == .pattern { patterns[Head(layer, head!), default: []].append(values) }
                        })
                    let places = prompt.positions
                    for (relation, query, key) in [
                        (TaskAttention.Relation.endToIO, places.end, places.io), (.endToS1, places.end, places.s1),
                        (.endToS2, places.end, places.s2), (.duplicate, places.s2, places.s1),
                    ] { means[relation, default: []].append(attention.heads.map { patterns[$0]![query][key] }.mean) }
                }
                for (relation, means) in means {
                    let expected = Estimate(meanOf: means, seed: options.prompts.seed)
                    for (found, expected) in zip(
                        [attention[relation].mean] + attention[relation].bounds, [expected.mean] + expected.bounds
                    ) { #expect(abs(found - expected) < 1e-5) }
                    #expect(abs(attention[relation].std! - expected.std!) < 1e-5)
                }
            }
        }
        let json = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(results))
        let steps = ["donor", "class_attention", "name mover", "end_to_io"]
        let figure = try Estimate(at: steps, in: json, file: "f")
        #expect(figure.value == results.donor?.classAttention?[0][.endToIO].value && figure.ci95?.count == 2)
        #expect(try JSONDecoder().decode(HeadsResults.self, from: JSONEncoder().encode(results)) == results)
    }

    @Test func quietNegativeAndBackupMoversAreToldApart() throws {
        let planted = PlantedModel.withMoreMovers
        let results = try Self.run(planted.parameters, PlantedModel.prompts).model
        var expected: [Kind: [Head]] = [
            .nameMover: [planted.nameMover, PlantedModel.quietNameMover], .inhibition: [planted.sInhibition],
            .negative: [PlantedModel.negativeNameMover], .duplicateToken: [planted.duplicateToken],
            .backup: [PlantedModel.backupNameMover],
        ]
        // The backup writes a little of its own before it is called on.
        #expect(results.backup!.knockedOut.contains(planted.nameMover))
        let criteria = Self.options { ($0.criteria.attribution, $0.criteria.backup) = (10, 10) }
        #expect(try classes(Self.run(planted.parameters, PlantedModel.prompts, criteria).model) == expected)
        #expect(results.copying!.negative[PlantedModel.negativeNameMover].value == 1)

        // A class that needs more than its heads have is empty; one that was not measured is said to be so.
        let strict = Self.options { $0.criteria.attribution = 60 }
        expected = [
            .nameMover: [planted.nameMover], .inhibition: [planted.sInhibition],
            .duplicateToken: [planted.duplicateToken],
        ]
        let movers = try classes(Self.run(planted.parameters, PlantedModel.prompts, strict).model)
        #expect(movers[.nameMover] == expected[.nameMover] && movers[.negative] == nil)
        let few = Self.options { $0.analyses = [.copying, .repeated] }
        let unmeasured = try Self.run(planted.parameters, PlantedModel.prompts, few).model
        #expect(classes(unmeasured) == [.duplicateToken: [planted.duplicateToken]])
        #expect(unmeasured.classification!.unsettled == [.nameMover, .negative, .inhibition, .backup])
        #expect(unmeasured.attribution == nil && unmeasured.backup == nil && unmeasured.ov == nil)
    }

    /// The model of the tests of random repeated tokens: a head for each diagonal in layer 0, and none in layer 1.
    @Test func headsWithOneHabitAreNamedForIt() throws {
        let n = 8
        let config = try GPT2Config(
            vocabularySize: 61, contextLength: 2 * n, width: 6 * n, layers: 2, heads: 3, innerWidth: 4
        )
        let parameters = GPT2Parameters(zeros: config)
        parameters.finalGamma.fill(1)
        for token in 0..<61 { parameters.tokenTable[token][2 * n + token % (4 * n)] = 0.1 }
        let block = parameters.blocks[0]
        block.ln1Gamma.fill(1)
        for position in 0..<2 * n { parameters.positionTable[position][position] = 1 }
        for (head, diagonal) in [1, n, n - 1].enumerated() {
            let (query, key) = (head * 2 * n, config.width + head * 2 * n)
            for position in 0..<2 * n { block.qkvWeight[position][query + position] = 20 }
            for position in 0..<2 * n - diagonal { block.qkvWeight[position][key + position + diagonal] = 20 }
        }
        let results = try Self.run(parameters, PatchingFixture.prompts).model
        #expect(
            classes(results) == [
                .previousToken: [Head(0, 0)], .duplicateToken: [Head(0, 1)], .induction: [Head(0, 2)],
            ]
        )
        #expect(results.classification![Head(0, 2)].evidence.map(\.name) == [.repeatedAttention])
        // All heads write nothing, so nothing is a share of anything.
        #expect(results.note == .meaningless)
        #expect(results.classification!.unsettled == [.nameMover, .negative, .inhibition, .backup])
    }

    /// Patched runs against whole runs in Double.
    @Test(arguments: PatchingFixture.all) func flipsAndBackupsAreTheDefinitions(_ fixture: PatchingFixture) throws {
        let prompts = PatchingFixture.prompts
        let movers = [Head(fixture.config.layers - 1, 0), Head(1, 1)]
        let model = NaiveModel(fixture.parameters)
        let means = NaiveMeans(model, prompts: prompts, grouping: .template)
        let heads = fixture.config.allHeads
        func measure(_ flip: InhibitionTest.Flip) throws -> PatchMeasures {
            try InhibitionTest.measure(
                flip, fixture.parameters, prompts, settings: Self.settings, resuming: nil, progress: { _ in }
            )
        }
        func measure(without movers: [Head]) throws -> PatchMeasures {
            try BackupMovers.measure(
                without: movers, fixture.parameters, prompts, ablation: Ablation(), settings: Self.settings,
                resuming: nil, progress: { _ in }
            )
        }
        let (flipped, abc) = (try measure(.s2ToIO), try measure(.abc))
        let (before, after) = (try measure(without: []), try measure(without: movers))
        let backup = BackupMovers(
            without: movers, (before, after), heads: fixture.config.heads, seed: 0, workers: Self.settings.workers
        )
        var (originals, lefts) = ([Double](), [Double]())
        var changes = heads.map { _ in (before: [Double](), after: [Double]()) }
        for (index, prompt) in prompts.enumerated() {
            var exchanged = prompt.tokens
            exchanged[prompt.positions.s2] = prompt.ioToken
            let end = prompt.tokens.count - 1
            let knockedOut = naiveAblation(
                model, prompts: prompts, index: index, places: movers.map { .head($0, .z, position: end) },
                kind: .mean(means)
            )
            for (cell, head) in heads.enumerated() {
                for (measures, donor) in [(flipped, exchanged), (abc, prompt.abcTokens!)] {
                    let expected = naiveActivation(
                        model, prompt: prompt, input: prompt.tokens, donorInput: donor, donor: model, site: .z,
                        layer: head.layer, heads: [head.index], positions: [end]
                    )
                    #expect(abs(measures.patched[cell][index] - expected) < 1e-4)
                }
                let intact = naivePath(model, prompt, senders: [.head(head)], receivers: [.logits])
                let without = naivePath(
                    model, prompt, senders: [.head(head)], receivers: [.logits], knockedOut: knockedOut
                )
                if cell == 0 {
                    originals.append(intact.original)
                    lefts.append(without.original)
                }
                changes[cell].before.append(intact.patched - intact.original)
                changes[cell].after.append(without.patched - without.original)
            }
        }
        let original = originals.mean
        #expect(abs(backup.left.value! - lefts.mean) < 1e-4)
        #expect(abs(backup.effect.value! - 100 * (lefts.mean - original) / original) < 1e-2 / abs(original))
        for (head, change) in zip(heads, changes) {
            let (before, after) = (100 * change.before.mean / original, 100 * change.after.mean / original)
            #expect(abs(backup.before[head].value! - before) < 2e-2 / abs(original))
            #expect(abs(backup.after[head].value! - after) < 2e-2 / abs(original))
            if movers.contains(head) { #expect(abs(after) < 1e-9) }
        }
        #expect(backup.before != backup.after)
    }

    @Test func aDonorIsComparedHeadByHead() throws {
        let (model, donor) = (PlantedModel(), PlantedModel.withMoreMovers)
        let options = Self.options {
            ($0.criteria.attribution, $0.criteria.backup) = (10, 10)
            $0.perPrompt = .all
        }
        let results = try Self.run(
            model.parameters, donor: donor.parameters, PlantedModel.prompts, options
        )
        let comparison = try #require(results.comparison)
        let new = [
            PlantedModel.quietNameMover, PlantedModel.backupNameMover, PlantedModel.negativeNameMover,
        ]
        #expect(comparison.transitions.map(\.head) == new.sorted())
        #expect(comparison.transitions.allSatisfy { $0.from == .none && $0.to != .none })
        for head in model.config.allHeads {
            let isNew = new.contains(head)
            #expect((comparison.weights.ov.change[head.layer][head.index] > 0) == isNew)
            #expect((comparison.weights.query.change[head.layer][head.index] > 0) == isNew)
            let change = try #require(comparison.attributionChange?[head].value)
            let expected =
                results.donor!.attribution!.heads[head].value! - results.model.attribution!.heads[head].value!
            #expect(abs(change - expected) < 1e-9)
            #expect((comparison.patternDistance[head].value! > 0.2) == isNew)
        }
        let twins = try #require(comparison.twinning.first { $0.nameMover == model.nameMover })
        #expect(twins.negativeNameMover == PlantedModel.negativeNameMover)
        let columns = [twins.nameMover, twins.negativeNameMover].map { head in
            [results.model, results.donor!].map { $0.attribution!.perPrompt!.heads[head.layer][head.index] }
        }
        #expect(abs(twins.donor.value! - pearson(columns[0][1], columns[1][1])) < 1e-6)
        // Both say what they attend to, the one with the sign of the other.
        #expect(twins.donor.value! < -0.5)

        let document = try JSONEncoder.readable.encode(results)
        let read = try JSONDecoder().decode(HeadsResults.self, from: document)
        #expect(try JSONEncoder.readable.encode(read) == document)
        #expect(read.comparison?.transitions == comparison.transitions && read.model.note == results.model.note)
    }

    @Test func pointsAreKeptOfTheHeadsThatWereAskedFor() throws {
        let planted = PlantedModel.withMoreMovers
        func results(_ perPrompt: HeadsExperiment.PerPrompt?) throws -> HeadProfile {
            try Self.run(planted.parameters, PlantedModel.prompts, Self.options { $0.perPrompt = perPrompt }).model
        }
        let (none, movers, all) = (try results(nil), try results(.movers), try results(.all))
        #expect(none.scatter?.perPrompt == nil && none.attribution?.perPrompt == nil)
        #expect(movers.attribution?.perPrompt == nil && all.attribution?.perPrompt != nil)
        for head in planted.config.allHeads {
            func points(_ profile: HeadProfile) throws -> [[Double]] {
                let points = try #require(profile.scatter?.perPrompt)
                return [points.attentionToIO, points.attentionToS, points.projectionOnIO, points.projectionOnS]
                    .map { $0[head.layer][head.index] }
            }
            let isMover = [.nameMover, .negative, .backup].contains(movers.classification![head].kind)
            #expect(try points(all).allSatisfy { $0.count == PlantedModel.prompts.count })
            #expect(try points(movers) == (isMover ? points(all) : [[], [], [], []]))
        }
        #expect(!movers.classification!.heads(of: .nameMover).isEmpty)

        // Of a donor's heads those that are movers in the model as well.
        let donor = try #require(
            Self.run(
                planted.parameters, donor: PlantedModel().parameters, PlantedModel.prompts,
                Self.options { $0.perPrompt = .movers }
            ).donor
        )
        let negative = PlantedModel.negativeNameMover
        #expect(donor.classification![negative].kind == .none)
        #expect(donor.scatter?.perPrompt?.attentionToIO[negative.layer][negative.index].isEmpty == false)
    }

    @Test func anInterruptedRunGoesOn() throws {
        let planted = PlantedModel()
        let whole = try Self.run(planted.parameters, PlantedModel.prompts)
        let partial = PartialResults()
        let cramped = RunSettings(workers: Workers(count: 2), memory: 1)
        var stops = 0
        for limit in [0, 10, 60, 100] {
            let asked = Counter()
            var settings = cramped
            settings.isInterrupted = { asked.next() > limit }
            do {
                _ = try Self.run(planted.parameters, PlantedModel.prompts, settings: settings, partial: partial)
            } catch is PatchInterruption {
                stops += 1
            }
        }
        #expect(stops == 4)
        let resumed = try Self.run(planted.parameters, PlantedModel.prompts, settings: cramped, partial: partial)
        #expect(classes(resumed.model) == classes(whole.model))
        for head in planted.config.allHeads {
            for flip in InhibitionTest.Flip.allCases {
                let effects = [resumed, whole].map { $0.model.inhibition!.flips[flip]!.effect[head].value! }
                #expect(abs(effects[0] - effects[1]) < 1e-3)
            }
        }
    }

    @Test func wrongOptionsAreErrors() throws {
        let folder = try Folder(PlantedModel().parameters)
        let model = try folder.load()
        let dataset = TaskDataset(name: "clean", seed: nil, prompts: PlantedModel.prompts, jsonLines: Data())
        func run(_ options: HeadsExperiment, donor: GPT2? = nil) throws -> HeadsResults {
            try options.validate()
            return try options.run(on: Subject(model, donor: donor, dataset), Work(Self.settings))
        }
        func expect(_ part: String, _ change: (inout HeadsExperiment) -> Void) {
            expectError(containing: part) { try run(Self.options(change)) }
        }
        expect("analyses: found none") { $0.analyses = [] }
        expect("analyses: found backup without dla") { $0.analyses = [.backup] }
        expect("analyses: found backup without dla") { $0.analyses = [.backup, .copying] }
        expect("criteria.copying: found -1.0") { $0.criteria.copying = -1 }
        expect("criteria.attention: found nan") { $0.criteria.attention = .nan }
        let circuit = folder.location.folder.appendingPathComponent("other.json")
        try Circuit(
            model: "planted", classes: [HeadClass(name: "movers", heads: [Head(3, 0)], position: .one(.end))]
        ).json.write(to: circuit)
        expect("circuit: found the class \"name mover\", expected one of \"movers\"") { $0.circuit = circuit.path }
        // A circuit that belongs to the model has the last word on who is knocked out.
        try Circuit(
            model: "planted", classes: [HeadClass(name: "name mover", heads: [Head(3, 0)], position: .one(.end))]
        ).json.write(to: folder.location.circuitFile)
        let results = try run(Self.options { $0.analyses = [.backup] })
        #expect(results.model.backup?.knockedOut == [Head(3, 0)])
        let fixture = try Folder(PatchingFixture.all[0].parameters)
        expectError(containing: "the donor's n_layer: found 2, expected the host's 4") {
            try run(Self.options(), donor: fixture.load())
        }
    }
}
