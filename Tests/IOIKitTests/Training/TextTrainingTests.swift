import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Training on text: what becomes an example, and runs that stop and go on.
@Suite struct TextTrainingTests: FinetuneRuns {
    static let words = "Then John and Mary went to the store and John gave a drink to Mary"

    private func text(_ model: TemporaryModel, _ name: String, _ content: String) throws -> String {
        let file = model.file(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true
        )
        try Data(content.utf8).write(to: file)
        return file.path
    }

    /// The whole example with its last token.
    private func tokens(_ data: TrainingData) -> [[Int]] { data.examples.map { $0.tokens + [$0.answer] } }

    @Test func blocksAreCutFromTheWholeText() throws {
        let model = try TemporaryModel(knowing: [Self.words])
        let gpt2 = try model.load()
        let content = "\(Self.words)\nJohn\n\n\(Self.words)\n"
        let source = TrainingSource.text(TextSource(paths: [try text(model, "a.txt", content)]))
        let data = try source.data(for: gpt2, as: .blocks(of: 8))
        let all = try gpt2.requireTokenizer().encode(content)
        #expect(all.count % 8 != 0)
        #expect(tokens(data).allSatisfy { $0.count == 8 })
        #expect(tokens(data).flatMap { $0 } == Array(all.prefix(all.count / 8 * 8)))
        #expect(data.record.count == all.count / 8 && data.record.name == "a")
    }

    @Test func filesOfAFolderFollowEachOther() throws {
        let model = try TemporaryModel(knowing: [Self.words])
        let gpt2 = try model.load()
        _ = try text(model, "texts/b.txt", "Mary")
        _ = try text(model, "texts/a/c.txt", Self.words)
        _ = try text(model, "texts/notes.md", "John John John")
        let source = TrainingSource.text(TextSource(paths: [model.file("texts").path]))
        let tokenizer = try gpt2.requireTokenizer()
        let end = try #require(tokenizer.endOfText)
        let all = tokenizer.encode(Self.words) + [end] + tokenizer.encode("Mary")
        let data = try source.data(for: gpt2, as: .blocks(of: 3))
        #expect(tokens(data).flatMap { $0 } == Array(all.prefix(all.count / 3 * 3)))
    }

    @Test func linesAreCutAfterTheirFirstTokens() throws {
        let model = try TemporaryModel(knowing: [Self.words])
        let gpt2 = try model.load()
        let content = "\(Self.words)\r\n\n J\nMary and John\n"
        let source = TrainingSource.text(TextSource(paths: [try text(model, "a.txt", content)]))
        let tokenizer = try gpt2.requireTokenizer()
        let data = try source.data(for: gpt2, as: .lines(upTo: 5))
        let lines = [Self.words, " J", "Mary and John"].map { Array(tokenizer.encode($0).prefix(5)) }
        #expect(tokens(data) == lines.filter { $0.count > 1 })
    }

    /// A dataset's text is its prompts with their answers, one a line.
    @Test func promptsBecomeText() throws {
        let model = try TemporaryModel()
        let gpt2 = try model.load()
        let prompts = try Self.source("name-moving").prompts(for: gpt2)
        let text = prompts.prompts.map { $0.text + $0.answer + "\n" }.joined()
        let data = try TrainingSource.prompts(Self.source("name-moving")).data(for: gpt2, as: .blocks(of: 16))
        let all = try gpt2.requireTokenizer().encode(text)
        #expect(tokens(data).flatMap { $0 } == Array(all.prefix(all.count / 16 * 16)))
        #expect(data.record.name == "name-moving" && data.record.seed == 0)
    }

    @Test func whatHasNoExamplesIsNamed() throws {
        let model = try TemporaryModel(knowing: [Self.words])
        let gpt2 = try model.load()
        func problem(_ paths: [String], _ form: ExampleForm) -> String {
            ioiError { _ = try TrainingSource.text(TextSource(paths: paths)).data(for: gpt2, as: form) }?.description
                ?? ""
        }
        let short = try text(model, "short.txt", "Mary")
        #expect(
            problem([short], .blocks(of: 40)).hasPrefix("\(short): found 4 tokens, expected at least the 40 of a block")
        )
        #expect(problem([try text(model, "blank.txt", "\n\n")], .lines(upTo: 9)).contains("no line of two tokens"))
        #expect(problem([short], .blocks(of: 49)).contains("block: found 49, expected 2 to 48"))
        #expect(problem([model.file("none.txt").path], .blocks(of: 4)).contains("none.txt: cannot be read"))
        #expect(problem([try text(model, "empty.txt", "")], .blocks(of: 4)).contains("empty.txt: found an empty file"))
        let latin = model.file("latin.txt")
        try Data([0x4d, 0xe9, 0x72, 0x65]).write(to: latin)
        #expect(problem([latin.path], .blocks(of: 4)).contains("latin.txt: found bytes that are not UTF-8"))
        try FileManager.default.createDirectory(at: model.file("nothing"), withIntermediateDirectories: true)
        #expect(problem([model.file("nothing").path], .blocks(of: 4)).contains("no file that ends in .txt"))
    }

    /// README of the authors' repository: 10 blocks of 128 tokens a step, and so on.
    @Test func recipesAreAsPublished() {
        let published = TrainingRecipe.published.settings(epochs: 3, seed: 1, threads: 2, savedEpochs: [1])
        #expect(published.examples == .blocks(of: 128) && published.batch == 10 && published.loss == .all)
        #expect(published.optimizer == AdamW.Settings(learningRate: 1e-5, weightDecay: 0.1, clip: 1))
        #expect(published.schedule == RateSchedule(.linear) && published.dropout == 0.1)
        var sentences = TrainingRecipe.publishedSentences.settings(epochs: 3, seed: 1, threads: 2, savedEpochs: [1])
        #expect(sentences.examples == .lines(upTo: 25))
        (sentences.examples, sentences.recipe) = (published.examples, .published)
        #expect(sentences == published)
    }

    static let forms: [(ExampleForm, rate: Double)] = [
        (.blocks(of: 16), 0.1), (.lines(upTo: 12), 0.1), (.prompts, 0.2),
    ]

    @Test(arguments: forms.indices, [1, 4, 6])
    func goingOnIsAsNeverStopping(_ form: Int, stop: Int) throws {
        let model = try TemporaryModel()
        let settings = Self.settings {
            ($0.examples, $0.dropout) = Self.forms[form]
            if $0.examples != .prompts { $0.loss = .all }
            $0.schedule = RateSchedule(.linear)
            $0.optimizer.clip = 1
            $0.checkpointInterval = 2
        }
        _ = try Self.start(model, "whole", settings: settings).train()
        let job = try Self.start(model, "stopped", settings: settings)
        var steps = 0
        let outcome = try job.train(shouldStop: { steps == stop }) { event in
            if case .step = event { steps += 1 }
        }
        #expect(outcome == .interrupted)
        struct Kill: Error {}
        let killed = try Self.start(model, "killed", settings: settings)
        #expect(throws: Kill.self) {
            try killed.train(observe: { event in
                if case .step(let metrics) = event, metrics.step == stop { throw Kill() }
            })
        }
        for name in ["stopped", "killed"] {
            #expect(try FinetuneTests.resume(model, name).train() == .finished)
            for file in ["model", "optimizer"] {
                let path = "checkpoints/epoch-004/\(file).safetensors"
                #expect(try Self.digest(model, "whole/\(path)") == Self.digest(model, "\(name)/\(path)"))
            }
            #expect(try Self.losses(model, "whole").map(\.loss) == Self.losses(model, name).map(\.loss))
        }
    }

    @Test func dropoutChangesTraining() throws {
        let model = try TemporaryModel()
        func losses(_ name: String, _ change: @escaping (inout TrainingSettings) -> Void) throws -> [Double] {
            _ = try Self.start(model, name, heldOut: nil, settings: Self.settings(change)).train()
            return try Self.losses(model, name).map(\.loss)
        }
        let without = try losses("without") { _ in }
        let with = try losses("with") { $0.dropout = 0.1 }
        #expect(zip(without, with).allSatisfy { $0 != $1 && abs($0 - $1) < 0.2 * $0 })
        let again = try losses("again") { ($0.dropout, $0.threads) = (0.1, 1) }
        #expect(zip(again, with).allSatisfy { abs($0 - $1) < 1e-4 * $0 })
    }

    /// What a run of version 0.2.0 wrote down has no recipe, form or dropout.
    @Test func settingsOfEarlierRunsAreRead() throws {
        var settings = Self.settings()
        var fields = try JSONDecoder().decode([String: JSONValue].self, from: JSONEncoder().encode(settings))
        for name in ["recipe", "examples", "dropout"] { #expect(fields.removeValue(forKey: name) != nil) }
        let read = try JSONDecoder().decode(TrainingSettings.self, from: JSONEncoder().encode(fields))
        #expect(read == settings)
        settings.examples = .blocks(of: 12)
        let coded = try JSONEncoder().encode(settings)
        #expect(try JSONDecoder().decode(TrainingSettings.self, from: coded) == settings)
    }
}
