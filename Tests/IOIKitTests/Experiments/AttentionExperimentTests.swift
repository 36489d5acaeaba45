import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// What heads attend to, against PyTorch in float64 and the definitions in Double.
@Suite struct AttentionExperimentTests {
    static let workers = Workers(count: 2)
    static var work: Work { Work(RunSettings(workers: workers)) }

    private struct Reference: Decodable {
        struct Case: Decodable {
            let text: String
            let tokens: [Int]
            let patterns: [String: [[Double]]]
        }
        let texts: [Case]
    }

    /// Attention is at most 1, and a softmax in single precision is good to a few 1e-7.
    private static let tolerance = 1e-5

    @Test func textsAreReadAsPyTorchReadsThem() throws {
        let file = Fixtures.folder.appendingPathComponent("attention/embedded.json")
        let reference = try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
        let model = try GPT2(ModelLocation(folder: DataDirectory.file("embedded")), workers: Self.workers)
        #expect(reference.texts.count == 2)
        for text in reference.texts {
            let heads = text.patterns.keys.compactMap { Head($0) }.sorted()
            #expect(heads.count >= 6)
            let results = try AttentionExperiment(TextInput(text.text), heads: heads).run(on: Subject(model), Self.work)
            #expect(results.prompt?.tokens == text.tokens && results.patterns.queries.joined() == text.text)
            for map in results.patterns.heads {
                let expected = try #require(text.patterns[map.head.description])
                let found = map.model.value.map { $0.compactMap { $0 } }
                #expect(found.map(\.count) == expected.map(\.count))
                #expect(largestDifference(found.joined(), expected.joined()) < Self.tolerance)
                #expect(map.donor == nil && map.difference == nil && map.model.ci95 == nil)
            }
        }
    }

    @Test(arguments: ReferenceModel.all) func promptsAreReadAsPyTorchReadsThem(_ reference: ReferenceModel) throws {
        let model = try GPT2(ModelLocation(folder: reference.folder), workers: Self.workers)
        let (batch, expected) = (try reference.batch(), try reference.tensors("reference"))
        let file = TemporaryModel.fresh()
        let lines = batch.prompts.map { tokens in
            #"{"text": "x", "tokens": \#(tokens), "counterfactual_tokens": \#(tokens), "right": [1], "wrong": [2]}"#
        }
        try lines.joined(separator: "\n").write(to: file, atomically: true, encoding: .utf8)
        var source = PromptSource(count: 1)
        source.file = file.path
        for (id, tokens) in batch.prompts.enumerated() {
            var experiment = AttentionExperiment(prompts: source, heads: model.config.allHeads)
            experiment.prompt = id
            let results = try experiment.run(on: Subject(of: experiment, model), Self.work)
            #expect(results.prompt?.tokens == tokens)
            for map in results.patterns.heads {
                let all = try expected.values("pattern.\(map.head.layer).\(id)")
                let size = tokens.count * tokens.count
                let own = all[map.head.index * size..<(map.head.index + 1) * size].map(Double.init)
                let found = map.model.value.joined().map { $0 ?? 0 }
                #expect(largestDifference(found, own) < Self.tolerance, "\(map.head)")
            }
        }
    }

    /// Positions change their order between prompts, so that some keys are seen in some prompts only.
    @Test(arguments: PatchingFixture.all) func meansAreThoseOfWholeRuns(_ fixture: PatchingFixture) throws {
        let prompts = PatchingFixture.prompts
        let heads = [Head(1, 1), Head(0, 0)]
        let naive = [fixture.parameters, fixture.donor].map(NaiveModel.init)
        func pattern(_ model: NaiveModel, _ tokens: [Int], _ head: Head) -> [[Double]] {
            var rows = [[Double]](repeating: [], count: tokens.count)
            _ = model.run(
                tokens,
                hook: { site, layer, index, position, values in
                    if site == .pattern, layer == head.layer, index == head.index { rows[position] = values }
                })
            return rows
        }
        func means(_ parameters: GPT2Parameters, _ places: AttentionMeans.Places) throws -> AttentionMeans {
            var means = AttentionMeans(heads, places)
            try PromptPass.run(parameters, prompts, keeping: [.pattern], settings: Self.work.settings) {
                means.add($0, $1)
            }
            return means
        }
        let places = AttentionMeans.Places.named(prompts)
        #expect(places.queries == ["IO", "S1", "S1+1", "S2", "END"] && places.keys.last == "elsewhere")
        let found = try means(fixture.parameters, places).patterns(
            donor: means(fixture.donor, places), seed: 3, workers: Self.workers)
        for (index, head) in heads.enumerated() {
            let map = found.heads[index]
            #expect(map.head == head)
            let whole = prompts.map { prompt in naive.map { pattern($0, prompt.tokens, head) } }
            for (query, name) in PositionName.ioi.enumerated() {
                for (key, other) in PositionName.ioi.enumerated() {
                    let values = zip(prompts, whole).map { prompt, patterns in
                        patterns.map { $0[prompt.positions[name]!][prompt.positions[other]!] }
                    }
                    let isSeen = prompts.contains { $0.positions[other]! <= $0.positions[name]! }
                    #expect((map.model.value[query][key] != nil) == isSeen)
                    guard isSeen else { continue }
                    let mean = values.map { $0[0] }.mean
                    #expect(abs(map.model[query, key].mean - mean) < 1e-6)
                    #expect(abs(map.difference![query, key].mean - values.map { $0[1] - $0[0] }.mean) < 1e-6)
                    let interval = try #require(
                        Bootstrap.interval(ofMean: values.map { $0[1] - $0[0] }, seed: 3))
                    let bounds = try #require(map.difference!.ci95?[query][key])
                    #expect(largestDifference(bounds, [interval.lowerBound, interval.upperBound]) < 1e-6)
                }
                let rest = zip(prompts, whole).map { prompt, patterns in
                    let row = patterns[0][prompt.positions[name]!]
                    let named = Set(PositionName.ioi.map { prompt.positions[$0]! })
                    return row.indices.reduce(0) { $0 + (named.contains($1) ? 0 : row[$1]) }
                }
                #expect(rest.mean > 0.01 && abs(map.model[query, places.keys.count - 1].mean - rest.mean) < 1e-6)
            }
            #expect(map.difference!.value.joined().compactMap { $0 }.contains { abs($0) > 0.01 })
        }
        // Prompts of several sentences have no tokens in common.
        #expect(AttentionMeans.Places.tokens(prompts) { $0.map { "\($0)" } } == nil)
    }

    @Test func promptsOfOneSentenceHaveMeansBetweenTokens() throws {
        let model = try TemporaryModel.shared.load()
        let all = try PromptSource(count: 60).data(for: model).prompts
        let groups = Dictionary(grouping: all) { "\($0.template) \($0.tokens.count)" }.values
        let same = try #require(groups.first { $0.count > 2 })
        let places = try #require(
            AttentionMeans.Places.tokens(same, pieces: { $0.map { model.tokenizer!.decode([$0]) } }))
        #expect(places.queries == places.keys && places.keys.count == same[0].tokens.count && !places.hasRest)
        let shared = same[0].tokens.indices.filter { place in
            same.allSatisfy { $0.tokens[place] == same[0].tokens[place] }
        }
        #expect(shared.count > 3 && shared.count < places.keys.count)
        for place in shared { #expect(places.keys[place] == model.tokenizer!.decode([same[0].tokens[place]])) }
        #expect(places.keys.last == model.tokenizer!.decode([same[0].tokens.last!]))
        var means = AttentionMeans([Head(1, 2)], places)
        try PromptPass.run(model.parameters, same, keeping: [.pattern], settings: Self.work.settings) {
            means.add($0, $1)
        }
        let map = means.patterns(donor: nil, seed: 0, workers: Self.workers).heads[0]
        for (query, row) in map.model.value.enumerated() {
            #expect(abs(row.compactMap { $0 }.reduce(0, +) - 1) < 1e-5 && row.count { $0 != nil } == query + 1)
        }
    }

    @Test func resultsAreReadAgain() throws {
        let model = try TemporaryModel.shared.load()
        var experiment = AttentionExperiment(prompts: PromptSource(count: 5), heads: [Head(0, 1)])
        for isMean in [false, true] {
            experiment.mean = isMean
            let results = try experiment.run(on: Subject(of: experiment, model, donor: model), Self.work)
            let read = try JSONDecoder().decode(
                AttentionResults.self, from: JSONEncoder.readable.encode(results))
            #expect(read == results && results.patterns.heads[0].difference != nil)
            let again = try JSONDecoder().decode(
                AttentionExperiment.self, from: JSONEncoder.readable.encode(experiment))
            #expect(again == experiment)
        }
        // One prompt has no interval.
        experiment.prompts = PromptSource(count: 1)
        let one = try experiment.run(on: Subject(of: experiment, model), Self.work)
        #expect(one.patterns.heads[0].model.ci95 == nil && one.count == 1)
    }

    @Test func patternsOfAnotherShapeAreRefused() throws {
        func read(_ patterns: String) throws -> AttentionPatterns {
            try JSONDecoder().decode(AttentionPatterns.self, from: Data(patterns.utf8))
        }
        func json(_ value: String, _ ci95: String = "") -> String {
            #"{"queries": ["a", "b"], "keys": ["a", "b"], "heads": [{"head": "0.1", "model": {"value": \#(value)\#(ci95)}}]}"#
        }
        #expect(try read(json("[[1, null], [0.5, 0.5]]")).heads[0].model.value == [[1, nil], [0.5, 0.5]])
        for damaged in [
            json("[[1, null]]"), json("[[1], [0.5, 0.5]]"), json("[[1], [1]]"), json("[]"),
            json("[[1, null], [0.5, 0.5]]", #", "ci95": [[null, null]]"#),
            json("[[1, null], [0.5, 0.5]]", #", "ci95": [[null, null], [null, [2, 1]]]"#),
            json("[[1, null], [0.5, 0.5]]").replacing("0.1", with: "one"),
        ] { #expect(throws: DecodingError.self, "\(damaged)") { try read(damaged) } }
    }

    @Test func optionsAreChecked() throws {
        let source = PromptSource(count: 2)
        func problem(_ change: (inout AttentionExperiment) -> Void) -> String {
            var experiment = AttentionExperiment(prompts: source, heads: [Head(0, 0)])
            change(&experiment)
            do {
                try experiment.validate()
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(problem { _ in } == "")
        #expect(problem { $0.heads = [] } == "heads: found none, expected heads such as 9.9,9.6")
        #expect(problem { $0.heads = [Head(0, 1), Head(0, 1)] } == "heads: found 0.1 twice, expected it once")
        #expect(problem { $0.input = TextInput("a") } == "expected either a text or prompts to read")
        #expect(problem { $0.prompts = nil } == "expected either a text or prompts to read")
        #expect(problem { ($0.prompts, $0.input) = (nil, TextInput("")) }.hasPrefix("input.text: found nothing"))
        #expect(problem { ($0.prompt, $0.mean) = (1, true) }.hasPrefix("prompt: does not go with the mean"))
        #expect(problem { $0.prompts = PromptSource(count: 0) }.hasPrefix("prompts.count: found 0"))
        let model = try TemporaryModel.shared.load()
        for (change, message) in [
            ({ $0.heads = [Head(2, 0)] }, "heads: found head 2.0, expected 0.0 to 1.3 in this model"),
            ({ $0.prompt = 7 }, "prompt: found 7, expected the id of a prompt, 0 to 1"),
            (
                { ($0.prompts, $0.input) = (nil, TextInput(String(repeating: "Mary ", count: 99))) },
                "input.text: found "
            ),
        ] as [((inout AttentionExperiment) -> Void, String)] {
            var experiment = AttentionExperiment(prompts: source, heads: [Head(0, 0)])
            change(&experiment)
            let error = #expect(throws: IOIError.self) {
                try experiment.run(on: Subject(of: experiment, model), Self.work)
            }
            #expect(error.map(\.description)?.hasPrefix(message) == true, "\(String(describing: error))")
            #expect(error?.kind == .usage)
        }
    }
}
