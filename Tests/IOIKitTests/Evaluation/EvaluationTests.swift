import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct EvaluationTests {
    static let workers = Workers(count: 2)

    /// The counterfactual's logit difference and IO against the other names, from a slow model's logits.
    @Test(arguments: PatchingFixture.all)
    func measuresAreThoseOfASlowModel(_ fixture: PatchingFixture) throws {
        // The fixture's names, one that nobody has, and one that stands in some prompts as another word.
        let names = [1, 2, 3, 4, 5, 6, 7, 8, 9, 31]
        let naive = NaiveModel(fixture.parameters)
        let measures = try Evaluator(fixture.parameters, workers: Self.workers).measure(
            PatchingFixture.ioiPrompts, names: names
        )
        for (prompt, measured) in zip(PatchingFixture.ioiPrompts, measures) {
            let other = naive.run(prompt.abcTokens!).logits
            let counterfactual = other[prompt.ioToken] - other[prompt.sToken]
            #expect(abs(measured.counterfactualLogitDifference! - counterfactual) < 1e-4)
            let logits = naive.run(prompt.tokens).logits
            var (sum, count, rank) = (0.0, 0.0, 1)
            for name in names {
                if !prompt.tokens.contains(name) { (sum, count) = (sum + logits[name], count + 1) }
                if logits[name] > logits[prompt.ioToken] { rank += 1 }
            }
            #expect(abs(measured.ioOverNames! - (logits[prompt.ioToken] - sum / count)) < 1e-4)
            #expect(measured.ioRankAmongNames == rank)
        }
        let all = Evaluation(measures, seed: 3).all
        let counterfactuals = measures.map { $0.counterfactualLogitDifference! }
        #expect(all.counterfactualLogitDifference == Estimate(meanOf: counterfactuals, seed: 3))
        #expect(all.ioOverNames == Estimate(meanOf: measures.map { $0.ioOverNames! }, seed: 3))
        #expect(all.ioRankAmongNames == Estimate(meanOf: measures.map { Double($0.ioRankAmongNames!) }, seed: 3))
    }

    /// Prompts of an own file may name people who are not in the list.
    @Test func ioAndSRankAmongTheNamesEvenIfTheListLacksThem() {
        var prompt = PatchingFixture.ioiPrompts[0]
        (prompt.tokens, prompt.ioToken, prompt.sToken, prompt.answerToken) = ([0, 4], 1, 2, 1)
        let logits: [Float] = [9, 3, 5, 4, 8, 1]
        func measured(_ names: [Int]) -> PromptMeasures {
            logits.withUnsafeBufferPointer { PromptMeasures(prompt, logits: $0, names: names) }
        }
        // S and 3 are above IO; 4 is as well, and mentioned.
        let some = measured([3, 4, 5])
        #expect(some.ioRankAmongNames == 4 && some.ioOverNames == 3 - 2.5)
        #expect(measured([4, 2]).ioOverNames == nil && measured([4, 2]).ioRankAmongNames == 3)
        #expect(measured([]).ioOverNames == nil && measured([]).ioRankAmongNames == nil)
    }

    /// A mean over some of the prompts would stand beside means over all of them.
    @Test func aMeanIsOverAllPromptsOrAbsent() throws {
        let fixture = PatchingFixture.all[0]
        var prompts = PatchingFixture.ioiPrompts
        prompts[3].abcTokens = nil
        let evaluator = Evaluator(fixture.parameters, workers: Self.workers)
        let some = try evaluator.measure(prompts)
        #expect(some.map { $0.counterfactualLogitDifference == nil } == prompts.map { $0.abcTokens == nil })
        let whole = try evaluator.measure(PatchingFixture.ioiPrompts)
        #expect(some.map(\.loss) == whole.map(\.loss))
        let evaluation = Evaluation(some, seed: 0)
        #expect(evaluation.all.counterfactualLogitDifference == nil && evaluation.all.ioOverNames == nil)
        #expect(evaluation.byOrder["ABBA"]?.counterfactualLogitDifference != nil)
        let json = String(decoding: try JSONEncoder().encode(evaluation.all), as: UTF8.self)
        #expect(!json.contains("counterfactual") && !json.contains("names"))
        for prompt in prompts.indices { prompts[prompt].abcTokens = nil }
        #expect(try evaluator.measure(prompts).map(\.loss) == whole.map(\.loss))
    }

    @Test func resultsOfOlderVersionsAreRead() throws {
        let old = #"""
            {"count": 1, "logit_difference": {"mean": 2, "ci95": [2, 2], "std": 0}, "accuracy": 1, "top1": 1,
             "io_probability": 0.5, "io_rank": 1, "loss": 0.7, "ci95": {"accuracy": [1, 1], "top1": [1, 1],
             "io_probability": [0.5, 0.5], "io_rank": [1, 1], "loss": [0.7, 0.7]}, "by_order": {}, "by_template": {},
             "per_prompt": [{"id": 0, "template": "t", "order": "ABBA", "logit_difference": 2, "io_probability": 0.5,
             "io_rank": 1, "loss": 0.7}]}
            """#
        guard case .ioi(let read) = try JSONDecoder().decode(TaskEvaluation.self, from: Data(old.utf8)) else {
            Issue.record("another task")
            return
        }
        #expect(read.all.loss.mean == 0.7 && read.all.ioOverNames == nil)
        #expect(read.perPrompt?[0].ioRank == 1 && read.perPrompt?[0].ioOverNames == nil)
        let written = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(read))
        #expect(try written == JSONDecoder().decode(JSONValue.self, from: Data(old.utf8)))
    }

    /// Another tokenizer may not have every name of the list as one token.
    @Test func promptsOfAFileKeepTheNamesThatAreTokens() throws {
        let model = try TemporaryModel()
        let tokenizer = try model.load().requireTokenizer()
        let made = try PromptSource(count: 3).prompts(for: model.load())
        #expect(made.names.count == (try NameList.standard()).names.count)
        let file = model.file("own.jsonl")
        try made.jsonLines.write(to: file)
        var reader = PromptReader(tokenizer: tokenizer, names: try NameList(["Mary", "Zyxwv", "John"], source: "n"))
        #expect(try reader.dataset(contentsOf: file).names == ["Mary", "John"].map { tokenizer.token(for: " " + $0)! })
        reader.tokenizer = nil
        #expect(try reader.dataset(contentsOf: file).names.isEmpty)
    }
}
