import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Models whose vocabularies differ, alone and in pairs.
@Suite struct VocabularyTests: FinetuneRuns {
    private static let workers = Workers(count: 2)
    private static let base = try! TemporaryModel()
    /// The base with `[PAD]` added, and seven more rows that belong to no token.
    private static let padded = try! grown(base, "padded", by: 8, added: "[PAD]")

    /// A copy of a model with more rows in its embedding.
    private static func grown(_ model: TemporaryModel, _ name: String, by more: Int, added: String?) throws -> GPT2 {
        let original = try model.load()
        let config = original.config
        let parameters = GPT2Parameters(
            random: try GPT2Config(
                vocabularySize: config.vocabularySize + more, contextLength: config.contextLength,
                width: config.width, layers: config.layers, heads: config.heads
            ),
            seed: 9, deviation: 0.1, workers: workers
        )
        for (target, source) in zip(parameters.views, original.parameters.views) {
            target.prefix(source.rows).copy(source)
        }
        let place = model.file(name)
        try GPT2.write(parameters, tokenizer: original.requireTokenizer(), to: place)
        if let added {
            try Data("{\"\(added)\": \(config.vocabularySize)}".utf8)
                .write(to: place.appendingPathComponent("added_tokens.json"))
        }
        return try GPT2(ModelLocation(folder: place), workers: workers)
    }

    /// A copy of the base in whose vocabulary two tokens have changed places.
    private static func swapped() throws -> GPT2 {
        let place = base.file(UUID().uuidString)
        try FileManager.default.copyItem(at: base.model, to: place)
        let file = place.appendingPathComponent("vocab.json")
        var ids = try JSONDecoder().decode([String: Int].self, from: Data(contentsOf: file))
        (ids["Ġthe"], ids["Ġand"]) = (ids["Ġand"], ids["Ġthe"])
        try JSONEncoder().encode(ids).write(to: file)
        return try GPT2(ModelLocation(folder: place), workers: workers)
    }

    @Test func whatWasAddedIsSaid() throws {
        #expect(try Self.base.load().notes == [])
        let notes = Self.padded.notes
        #expect(notes.count == 2)
        #expect(notes[0] == "tokens added to the vocabulary: \"[PAD]\"")
        #expect(notes[1].hasSuffix("take part in probabilities: 7"))
        let note = try #require(try Self.base.load().vocabularyNote(with: Self.padded))
        #expect(note.hasPrefix("the donor has 8 more rows") && note.hasSuffix(": \"[PAD]\""), "\(note)")
    }

    /// Prompts have the same tokens; padding takes part in probabilities alone.
    @Test func promptsAreTheSame() throws {
        let (base, source) = (try Self.base.load(), PromptSource(count: 6))
        let (own, other) = (try source.prompts(for: base), try source.prompts(for: Self.padded))
        #expect(own.prompts.map(\.tokens) == other.prompts.map(\.tokens))
        func measures(_ model: GPT2, _ prompts: [IOIPrompt]) throws -> [PromptMeasures] {
            try Evaluator(model.parameters, workers: Self.workers).measure(prompts)
        }
        let (first, second) = (try measures(base, own.prompts), try measures(Self.padded, other.prompts))
        for (one, two) in zip(first, second) {
            #expect(abs(one.logitDifference - two.logitDifference) < 1e-5)
            #expect(one.ioProbability > two.ioProbability)
        }
    }

    /// A file may hold no token of the padding.
    @Test func tokensOfThePaddingAreRefused() throws {
        let (size, known) = (Self.padded.config.vocabularySize, Self.padded.tokenizer!.vocabularySize)
        #expect(known == size - 7)
        let line = { (token: Int) in
            "{\"text\": \"the\", \"tokens\": [5, 6], \"right\": [\(token)], \"wrong\": [5], \"counterfactual_tokens\": [6, 5]}\n"
        }
        func read(_ token: Int) throws {
            try withFile(line(token), named: "pairs.jsonl") { file in
                var source = PromptSource(count: 1)
                source.file = file.path
                _ = try source.data(for: Self.padded)
            }
        }
        try read(known - 1)
        expectError(containing: "found token id \(known), expected ids below \(known)") { try read(known) }
    }

    @Test func whatBothHaveIsCompared() throws {
        let base = try Self.base.load()
        for (a, b, sizes) in [(base, Self.padded, [0, 8]), (Self.padded, base, [8, 0])] {
            let difference = try ModelDifference(a, b, workers: Self.workers)
            #expect(difference.vocabularySizes == sizes.map { base.config.vocabularySize + $0 })
            #expect(difference.total.change == 0 && difference.total.count == base.parameters.count)
            #expect(!difference.isSameWeights && difference.tokenizer == .different)
            #expect(difference.tensors[0].shape == [base.config.vocabularySize, base.config.width])
            let again = try JSONDecoder().decode(ModelDifference.self, from: JSONEncoder().encode(difference))
            #expect(again == difference)
        }
        let same = try JSONEncoder().encode(ModelDifference(base, base, workers: Self.workers))
        #expect(!String(decoding: same, as: UTF8.self).contains("vocabulary_sizes"))
    }

    /// Values are taken from the larger model as from the base that it was made of.
    @Test(arguments: [false, true])
    func patchingAcrossModelsTakesTheSameValues(_ isEstimating: Bool) throws {
        let (host, base) = (try TemporaryModel(seed: 4).load(), try Self.base.load())
        let prompts = try PromptSource(count: 5).prompts(for: host).prompts.map(Prompt.init)
        var method = try CrossModelPatching(components: [.z], sets: [[Head(0, 1)], [Head(1, 2), Head(1, 3)]])
        method.isEstimating = isEstimating
        let settings = RunSettings(workers: Self.workers)
        func patched(_ donor: GPT2) throws -> PatchMeasures {
            try method.measure(host: host.parameters, donor: donor.parameters, prompts, settings: settings)
        }
        let (from, fromPadded) = (try patched(base), try patched(Self.padded))
        for (one, two) in zip(from.patched.joined(), fromPadded.patched.joined()) { #expect(abs(one - two) < 1e-5) }
        for (one, two) in zip(from.donor!, fromPadded.donor!) { #expect(abs(one - two) < 1e-5) }
        method.metric = .divergence
        expectError(containing: "metric: found kl") { try patched(Self.padded) }
    }

    @Test func otherTokensUnderOneSizeAreAnErrorForAll() throws {
        let (base, other) = (try Self.base.load(), try Self.swapped())
        let complaint = "the donor's vocabulary: found "
        expectError(containing: complaint, "expected \"Ġ", "as in model") {
            try ModelDifference(base, other, workers: Self.workers)
        }
        let data = try PromptSource(count: 2).data(for: base)
        let subject = Subject(base, donor: other, data)
        let work = Work(RunSettings(workers: Self.workers))
        let experiments: [any Experiment] = [
            HeadsExperiment(prompts: PromptSource(count: 2)), ModelDiffExperiment(),
            PatchExperiment(
                mode: .crossModel(
                    .init(
                        components: [.z], position: .all, directions: [.donorToHost], circuit: nil, randomSets: 0)),
                prompts: PromptSource(count: 2), aggregation: .ratioOfMeans
            ),
        ]
        for experiment in experiments {
            expectError(containing: complaint) { try experiment.run(on: subject, work) as Any }
        }
    }

    /// A donor has to know the prompts' tokens.
    @Test func theDonorNeedsTheTokensOfThePrompts() throws {
        let base = try Self.base.load()
        let pad = base.config.vocabularySize
        let prompt = Prompt(
            id: 0, dataset: "x", template: "", group: "", text: "", tokens: [5, pad], counterfactualTokens: [5, 6],
            rightTokens: [5], wrongTokens: [6], answer: "", answerToken: 5
        )
        let subject = Subject(
            Self.padded, donor: base, TaskDataset(name: "x", seed: nil, prompts: [prompt], jsonLines: Data()))
        expectError(containing: "the donor's vocab_size: found \(pad), expected more than token \(pad)") {
            try subject.requireDonor()
        }
    }

    /// What is saved has every file that the tokenizer and generation need, and none that describes other weights.
    @Test func companionsGoToCheckpoints() throws {
        let model = try TemporaryModel()
        let companions = [
            "added_tokens.json": "{\"!\": 0}", "generation_config.json": "{}", "special_tokens_map.json": "{\"a\": 1}",
            "tokenizer_config.json": "{\"model_max_length\": 48}", "chat_template.jinja": "{{ x }}",
            "additional_chat_templates/tool.jinja": "{{ y }}",
        ]
        let others = ["README.md", "pytorch_model.bin", "training_args.bin", "trainer_state.json"]
        for (name, text) in companions.merging(others.map { ($0, "x") }, uniquingKeysWith: { a, _ in a }) {
            let file = model.model.appendingPathComponent(name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        _ = try Self.start(model, "run", heldOut: nil).train()
        let checkpoint = model.file("run/checkpoints/epoch-001")
        for name in Array(companions.keys) + ["vocab.json", "merges.txt"] {
            let files = [model.model, checkpoint].map { $0.appendingPathComponent(name) }
            #expect(try Data(contentsOf: files[1]) == Data(contentsOf: files[0]), "\(name)")
        }
        for name in others {
            #expect(!FileManager.default.fileExists(atPath: checkpoint.appendingPathComponent(name).path), "\(name)")
        }
    }

    /// A run on a model without a tokenizer uses another folder's, records it, and its checkpoints have it.
    @Test func anotherTokenizerIsRecordedAndCarried() throws {
        let model = try TemporaryModel()
        let tokens = model.file("tokens")
        try FileManager.default.createDirectory(at: tokens, withIntermediateDirectories: true)
        for name in ["vocab.json", "merges.txt"] {
            try FileManager.default.moveItem(
                at: model.model.appendingPathComponent(name), to: tokens.appendingPathComponent(name))
        }
        let location = try ModelLocation(folder: model.model).with(tokenizer: tokens)
        let base = try GPT2(location, workers: Self.workers)
        #expect(base.tokenizer != nil)
        #expect(try ModelRecord(base).tokenizer == tokens.path)
        let run = RunFolder(model.file("run"))
        let job = try FinetuneJob.start(
            in: run, from: base, on: .prompts(Self.source()), heldOut: Self.source(count: 4, heldOut: true),
            settings: Self.settings()
        )
        #expect(job.record.model.tokenizer == tokens.path)
        _ = try job.train()
        let checkpoint = try GPT2(ModelLocation(folder: model.file("run/checkpoints/epoch-001")), workers: Self.workers)
        #expect(checkpoint.tokenizer == base.tokenizer)
        // Resuming finds it again.
        _ = try FinetuneJob.resume(run, load: { try GPT2($0, workers: Self.workers) })
        let results = try RecordedResults(run.results.appendingPathComponent("eval-epoch-000.json").path)
        #expect(try results.model.location(in: model.model).tokenizerFolder.path == tokens.path)
    }

    /// A head that is stored apart is not written again, so the config must not ask for it.
    @Test func whatIsWrittenIsTied() throws {
        let model = try TemporaryModel()
        let file = model.model.appendingPathComponent("config.json")
        let text = try String(contentsOf: file, encoding: .utf8)
            .replacing("\"tie_word_embeddings\" : true", with: "\"tie_word_embeddings\" : false")
            .replacing("GPT2LMHeadModel", with: "GPT2ForSequenceClassification")
        try Data(text.utf8).write(to: file)
        expectError(containing: "config.json: tie_word_embeddings: found false, but no lm_head.weight") {
            try model.load()
        }
        let parameters = try GPT2Parameters(
            contentsOf: model.model.appendingPathComponent("model.safetensors"),
            config: GPT2Config(contentsOf: file), workers: Self.workers
        )
        let head = (
            name: "lm_head.weight", shape: parameters.entries[0].shape,
            values: UnsafeBufferPointer(start: parameters.tokenTable.base, count: parameters.entries[0].count)
        )
        let copy = model.model.appendingPathComponent("copy.safetensors")
        _ = try withExtendedLifetime(parameters) {
            try SafetensorsWriter.write(parameters.tensors() + [head], to: copy)
        }
        let weights = model.model.appendingPathComponent("model.safetensors")
        try FileManager.default.removeItem(at: weights)
        try FileManager.default.moveItem(at: copy, to: weights)
        _ = try Self.start(model, "run", heldOut: nil).train()
        let written = try String(
            contentsOf: model.file("run/checkpoints/epoch-001/config.json"), encoding: .utf8)
        #expect(written.contains("\"tie_word_embeddings\" : true") && written.contains("\"GPT2LMHeadModel\""))
    }
}
