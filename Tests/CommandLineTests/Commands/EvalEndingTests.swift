import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi eval` ends with what the model says to the first prompt.
@Suite struct EvalEndingTests {
    private static let model = TemporaryModel.shared

    /// The most probable token by the naive model, and its probability.
    private static func answer(_ model: GPT2, _ tokens: [Int]) -> (token: Int, probability: Double) {
        let logits = NaiveModel(model.parameters).run(tokens).logits
        let most = logits.indices.max { logits[$0] < logits[$1] }!
        return (most, 1 / logits.reduce(0) { $0 + exp($1 - logits[most]) })
    }

    @Test(arguments: ["clean", "agreement"])
    func theAnswerIsTheMostProbableToken(dataset: String) async throws {
        let gpt2 = try Self.model.load()
        var source = PromptSource(count: 3)
        source.dataset = dataset
        let prompt = try source.data(for: gpt2).prompts[0]
        let (token, probability) = Self.answer(gpt2, prompt.tokens)
        let word = gpt2.tokenizer!.decode([token])
        let run = try await Program.run(
            ["eval", "--model", Self.model.model.path, "--dataset", dataset, "--count", "3", "--threads", "2"])
        #expect(run.status == 0)
        let lines = run.output.split(separator: "\n").suffix(2).map(String.init)
        let start = "The first prompt: \(prompt.text.quoted) → \(word.quoted), probability "
        #expect(lines[0].hasPrefix(start + probability.fixed(3)), "\(lines) \(start)\(probability)")
        let verdict =
            prompt.rightTokens.contains(token) ? ": right." : ": wrong, right is \(prompt.answer.quoted)."
        #expect(lines[0].hasSuffix(verdict))
        #expect(lines[1].hasPrefix(dataset == "clean" ? "IO is the name" : "Differences are those"))
        // Text only.
        let csv = try await Program.run(
            ["eval", "--model", Self.model.model.path, "--dataset", dataset, "--count", "3", "--format", "csv"])
        #expect(!csv.output.contains("The first prompt"))
    }

    @Test func aGoodModelIsRight() async throws {
        let run = try await Program.run(["eval", "--model", "embedded", "--count", "2", "--seed", "0"])
        #expect(run.output.contains(": right.\n"), "\(run.output)")
    }
}
