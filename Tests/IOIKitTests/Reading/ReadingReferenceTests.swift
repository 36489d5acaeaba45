import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Predictions, logit lens and written activations against PyTorch in float64 (Scripts/make-reading-fixtures.py and
/// make-engine-fixtures.py).
@Suite struct ReadingReferenceTests {
    private static let workers = Workers(count: 2)
    private static let folder = Fixtures.folder.appendingPathComponent("readings")

    private struct Document: Decodable {
        struct Entry: Decodable {
            let text: String
            let tokens, right, wrong: [Int]
        }

        let text: String
        let tokens: [Int]
        let prompts: [Entry]
    }

    private static func embedded() throws -> (model: GPT2, document: Document, values: SafetensorsFile) {
        let json = try Data(contentsOf: folder.appendingPathComponent("embedded.json"))
        return (
            try GPT2(ModelLocation(folder: DataDirectory.file("embedded")), workers: workers),
            try JSONDecoder().decode(Document.self, from: json), try values("embedded")
        )
    }

    private static func values(_ name: String) throws -> SafetensorsFile {
        try SafetensorsFile(contentsOf: folder.appendingPathComponent("\(name).safetensors"))
    }

    /// The names of the readings of a model's layers.
    private static func names(_ layers: Int) -> [String] { ["embedding"] + (0..<layers).map(String.init) }

    @Test func theTextOfTheEmbeddedModel() throws {
        let (model, document, values) = try Self.embedded()
        let subject = Subject(model)
        let results = try LensExperiment(TextInput(document.text)).run(
            on: subject, Work(RunSettings(workers: Self.workers)))
        guard case .text(let lens) = results else {
            Issue.record("expected the lens of a text")
            return
        }
        #expect(lens.tokens.map(\.id) == document.tokens)
        for (name, row) in zip(Self.names(model.config.layers), [lens.embedding] + lens.layers) {
            #expect(row.map { Float($0.id) } == (try values.values("top.\(name)")), "\(name)")
            #expect(relativeError(row.map { Float($0.logit) }, try values.values("logit.\(name)")) < 1e-5)
            #expect(relativeError(row.map { Float($0.probability) }, try values.values("probability.\(name)")) < 1e-5)
        }
    }

    @Test func thePredictionOfTheEmbeddedModel() throws {
        let (model, document, values) = try Self.embedded()
        var experiment = PredictExperiment(TextInput(document.text))
        experiment.answers = [" Mary", " John"]
        experiment.top = 1000
        let results = try experiment.run(on: Subject(model), Work(RunSettings(workers: Self.workers)))
        let last = "\(model.config.layers - 1)"
        let end = document.tokens.count - 1
        #expect(results.candidates.count == 1000 && results.answers?.map(\.text) == [" Mary", " John"])
        let figures = results.candidates.compactMap { $0.figures[0] }
        #expect(figures.map(\.rank) == Array(1...1000))
        #expect(zip(figures, figures.dropFirst()).allSatisfy { $0.logit >= $1.logit })
        for answer in results.answers ?? [] { #expect(results.candidates.contains(answer)) }
        #expect(results.candidates[0].id == Int(try values.values("top.\(last)")[end]))
        let (first, probability) = (
            try #require(results.candidates[0].figures[0]), try values.values("probability.\(last)")[end]
        )
        #expect(first.rank == 1 && abs(first.probability - Double(probability)) < 1e-5)
        let kept = try values.values("lens.\(last)").suffix(128)
        let size = model.config.vocabularySize
        var (found, expected) = ([Float](), [Float]())
        for candidate in results.candidates where candidate.id < 64 || candidate.id >= size - 64 {
            let place = candidate.id < 64 ? candidate.id : candidate.id - size + 128
            found.append(Float(try #require(candidate.figures[0]).logit))
            expected.append(kept[kept.startIndex + place])
        }
        #expect(found.count > 30 && relativeError(found, expected) < 1e-5)
    }

    @Test(arguments: ["plain", "scaled"])
    func theReadingsOfARandomModel(_ name: String) throws {
        let reference = ReferenceModel(folder: Fixtures.folder.appendingPathComponent("gpt2/\(name)"))
        let (parameters, values) = (try reference.parameters(workers: Self.workers), try Self.values(name))
        let tokens = try reference.batch().prompts[0]
        let batch = PackedBatch([tokens], rows: .all)
        let forward = ForwardPass(
            parameters, capacity: batch.capacity, keeping: [.residPre, .residPost], workers: Self.workers)
        forward.run(batch)
        let lens = LogitLens(parameters, workers: Self.workers)
        let (layers, kept) = (parameters.config.layers, min(64, parameters.config.vocabularySize))
        for (index, name) in Self.names(layers).enumerated() {
            let residual =
                index == 0 ? forward.kept(.residPre, layer: 0) : forward.kept(.residPost, layer: index - 1)
            let rows = try lens.read(residual) { Array($0.prefix(kept)) + Array($0.suffix(kept)) }
            #expect(relativeError(rows.flatMap { $0 }, try values.values("lens.\(name)")) < 1e-5, "\(name)")
        }
        let next = try NextTokens(after: tokens, parameters, workers: Self.workers)
        let last = try values.values("lens.\(layers - 1)").suffix(2 * kept)
        #expect(relativeError(Array(next.logits.prefix(kept)), Array(last.prefix(kept))) < 1e-5)
        let top = next.top(1)[0]
        #expect(Float(top) == (try values.values("top.\(layers - 1)").last))
        let probability = try #require(next.figure(of: top)?.probability)
        #expect(abs(probability - Double(try values.values("probability.\(layers - 1)").last!)) < 1e-5)
    }

    @Test func theMetricOfTheEmbeddedModel() throws {
        let (model, document, values) = try Self.embedded()
        let prompts = document.prompts.enumerated().map { id, entry in
            Prompt(
                id: id, dataset: "d", template: "", group: "", text: entry.text, tokens: entry.tokens,
                counterfactualTokens: nil, rightTokens: entry.right, wrongTokens: entry.wrong, answer: "",
                answerToken: entry.right[0])
        }
        let settings = RunSettings(workers: Self.workers)
        let lens = try PromptLens(prompts, .logitDifference, model.parameters, seed: 0, settings, perPrompt: true) {
            _ in
        }
        let found = try #require(lens.perPrompt).flatMap { measures in
            [measures.embedding] + zip(measures.afterAttention, measures.afterMLP).flatMap { [$0, $1] }
        }
        let expected = try values.values("metric")
        #expect(relativeError(found.map(Float.init), expected) < 1e-5)
        let columns = 1 + 2 * model.config.layers
        /// The mean over prompts of a reading, and of what it adds.
        func mean(_ column: Int) -> Double {
            prompts.indices.reduce(0) { $0 + Double(expected[$1 * columns + column]) } / Double(prompts.count)
        }
        #expect(abs(try #require(lens.embedding.value) - mean(0)) < 1e-4)
        for layer in 0..<model.config.layers {
            let (attention, mlp) = (1 + 2 * layer, 2 + 2 * layer)
            #expect(abs(try #require(lens.afterAttention[layer].value) - mean(attention)) < 1e-4)
            #expect(abs(try #require(lens.afterMLP[layer].value) - mean(mlp)) < 1e-4)
            #expect(
                abs(try #require(lens.attentionAdds[layer].value) - (mean(attention) - mean(attention - 1))) < 1e-4)
            #expect(abs(try #require(lens.mlpAdds[layer].value) - (mean(mlp) - mean(attention))) < 1e-4)
        }
    }

    // MARK: Written activations

    private static func dataset(_ prompts: [[Int]]) -> TaskDataset {
        TaskDataset(
            name: "d", seed: nil,
            prompts: prompts.enumerated().map { id, tokens in
                Prompt(
                    id: id, dataset: "d", template: "", group: "", text: "\(id)", tokens: tokens,
                    counterfactualTokens: nil, rightTokens: [0], wrongTokens: [1], answer: "", answerToken: 0)
            }, jsonLines: Data())
    }

    @Test func theActivationsOfTheEmbeddedModel() throws {
        let (model, document, values) = try Self.embedded()
        let dataset = Self.dataset([document.prompts[0].tokens])
        let export = try ActivationExport(
            Site.allCases, layers: nil, rows: .selection(.one(.end)), of: dataset, model,
            settings: RunSettings(workers: Self.workers))
        let folder = try ModelTestFolder()
        let url = folder.file("acts.safetensors")
        try export.write(to: url, as: .safetensors)
        let file = try SafetensorsFile(contentsOf: url)
        for layer in 0..<model.config.layers {
            for site in Site.allCases {
                let found = try file.values(site.hookName(layer: layer))
                let expected = try values.values("site.\(site.rawValue).\(layer)")
                #expect(relativeError(found, expected) < 1e-5, "\(site) \(layer)")
            }
        }
    }

    /// Every site of every token, prompts of uneven length.
    @Test(arguments: ReferenceModel.all.filter { $0.folder.path.hasPrefix(Fixtures.folder.path) })
    func theActivationsOfRandomModels(_ reference: ReferenceModel) throws {
        let model = try GPT2(ModelLocation(folder: reference.folder), workers: Self.workers)
        let prompts = try reference.batch().prompts
        var settings = RunSettings(workers: Self.workers)
        // Batches of one prompt.
        settings.memory = 1
        let export = try ActivationExport(
            Site.allCases, layers: nil, rows: .selection(.all), of: Self.dataset(prompts), model, settings: settings)
        let folder = try ModelTestFolder()
        let url = folder.file("acts.safetensors")
        try export.write(to: url, as: .safetensors)
        let (file, values) = (try SafetensorsFile(contentsOf: url), try reference.tensors("reference"))
        let longest = prompts.map(\.count).max()!
        let heads = model.config.heads
        for layer in 0..<model.config.layers {
            for site in Site.allCases where site != .pattern {
                #expect(
                    relativeError(
                        try file.values(site.hookName(layer: layer)), try values.values("\(site.rawValue).\(layer)"))
                        < 1e-5, "\(site) \(layer)")
            }
            // [rows, heads, longest] against [heads, queries, keys] of each prompt.
            let found = try file.values(Site.pattern.hookName(layer: layer))
            var expected: [Float] = []
            for (index, prompt) in prompts.enumerated() {
                let pattern = try values.values("pattern.\(layer).\(index)")
                for query in prompt.indices {
                    for head in 0..<heads {
                        let start = (head * prompt.count + query) * prompt.count
                        expected += pattern[start..<start + prompt.count]
                        expected += Array(repeating: 0, count: longest - prompt.count)
                    }
                }
            }
            #expect(relativeError(found, expected) < 1e-5, "pattern \(layer)")
        }
    }
}
