import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct ModelExpectationsTests {
    private func entries(_ json: String) throws -> [String: ModelExpectations] {
        try withFile(json, named: "checks.json") { try ModelExpectations.all(contentsOf: $0) }
    }

    @Test func theProgramsOwnFileIsSound() throws {
        let all = try ModelExpectations.all(contentsOf: DataDirectory.file("checks.json"))
        let gpt2 = try #require(all["gpt2"])
        #expect(try ModelExpectations.standard(for: "gpt2") == gpt2)
        #expect(try ModelExpectations.standard(for: "gpt3") == nil)
        #expect(Set(gpt2.metrics.keys) == ["logit_difference", "accuracy", "top1", "io_probability"])
        // Published values lie within the bounds.
        for (name, value) in [("logit_difference", 3.56), ("accuracy", 0.993), ("io_probability", 0.49)] {
            let bounds = try #require(gpt2.metrics[name]).bounds
            #expect(bounds[0] < value && value < bounds[1])
        }
        let ten = try #require(gpt2.continuations.last)
        #expect(ten.ranked.map(\.token).prefix(5) == [" Mary", " the", " John", " them", " his"])
        #expect(ten.ranked.prefix(5).map(\.probability) == [0.7007, 0.0467, 0.0454, 0.0411, 0.0273])
        #expect(ten.ranked.count == 10 && ten.ranked.map(\.probability).reduce(0, +) < 1)
        // Half of the last decimal published, and a little.
        #expect(try #require(ten.tolerance) >= 0.00005 && ten.tolerance! < 0.0001)
        let published = try #require(gpt2.publishedPrompts.first)
        #expect(published.count == 100 && published.logitDifference == 3.149 && published.first[0] == 2.4403)
        let diagonals = try #require(gpt2.repeatedTokens)
        let leading = [diagonals.previous, diagonals.duplicate, diagonals.induction].map { $0?.heads ?? [] }
        #expect(leading == [[Head(4, 11), Head(2, 2)], [Head(3, 0), Head(0, 1)], [Head(5, 5), Head(6, 9)]])
        for entry in all.values {
            let diagonals = entry.repeatedTokens
            let sources =
                entry.metrics.values.map(\.source) + entry.continuations.map(\.source)
                + entry.publishedPrompts.map(\.source)
                + [diagonals?.previous, diagonals?.duplicate, diagonals?.induction].compactMap { $0 }.map(\.source)
            #expect(sources.allSatisfy { $0?.isEmpty == false })
        }
        let hash = try #require(gpt2.sha256)
        let script = try String(
            contentsOf: ModelLocation.sourcePackage.appendingPathComponent("Scripts/fetch-gpt2.sh"), encoding: .utf8
        )
        #expect(script.contains(" \(hash) model.safetensors\n"))
    }

    @Test func whatIsMissingHasItsDefault() throws {
        let entry = try #require(try entries(#"{"m": {"repeated_tokens": {}}}"#)["m"])
        #expect(entry.prompts == 500 && entry.seed == 0 && entry.metrics.isEmpty && entry.continuations.isEmpty)
        #expect(entry.sha256 == nil && entry.repeatedTokens?.length == 100 && entry.repeatedTokens?.pool == .vocabulary)
        let other = try #require(try entries(#"{"m": {"seed": 3, "repeated_tokens": {"drawn_from": "names"}}}"#)["m"])
        #expect(other.seed == 3 && other.repeatedTokens?.pool == .names)
        // What decides results is written as it was read.
        let again = try JSONDecoder().decode(ModelExpectations.self, from: JSONEncoder().encode(other))
        #expect(again == other)
    }

    private static let hash = String(repeating: "0", count: 64)

    @Test(arguments: [
        ("[]", "expected an object"),
        ("{\"m\": {", "not sound JSON"),
        (#"{"m": {"metrcs": {}}}"#, "m.metrcs"),
        (#"{"m": {"sha256": "abc"}}"#, "m.sha256: found \"abc\", expected 64"),
        (#"{"m": {"prompts": 0}}"#, "m.prompts"),
        (#"{"m": {"seed": -1}}"#, "m.seed"),
        (#"{"m": {"metrics": {"loss": {"bounds": [0, 1]}}}}"#, "not \"loss\""),
        (#"{"m": {"metrics": {"top1": {"bounds": [1, 0]}}}}"#, "m.metrics.top1.bounds: found [1,0], expected two"),
        (#"{"m": {"metrics": {"top1": {"bounds": [1]}}}}"#, "m.metrics.top1.bounds"),
        (#"{"m": {"metrics": {"top1": {"source": "x"}}}}"#, "m.metrics.top1.bounds"),
        (#"{"m": {"continuations": [{"text": "a"}]}}"#, "answer"),
        (#"{"m": {"continuations": [{"text": "", "answer": "b"}]}}"#, "m.continuations[0].text"),
        (
            #"{"m": {"continuations": [{"text": "a", "answer": "b", "probabilities": {"b": 0.2, "c": 0.3}}]}}"#,
            "m.continuations[0].probabilities: found"
        ),
        (
            #"{"m": {"continuations": [{"text": "a", "answer": "b", "probabilities": {"b": 0.2}}]}}"#,
            "m.continuations[0].tolerance"
        ),
        (
            #"{"m": {"continuations": [{"text": "a", "answer": "b", "tolerance": 0.1}]}}"#,
            "m.continuations[0].probabilities"
        ),
        (#"{"m": {"published_prompts": [{"tokens_sha256": "ab"}]}}"#, "m.published_prompts[0].tokens_sha256"),
        (
            #"{"m": {"published_prompts": [{"tokens_sha256": "\#(hash)", "count": 1, "logit_difference": 1, "#
                + #""first": [1, 2], "tolerance": 0.1}]}}"#, "m.published_prompts[0].count: found 1, expected 2"
        ),
        (
            #"{"m": {"published_prompts": [{"tokens_sha256": "\#(hash)", "count": 1, "logit_difference": 1}]}}"#,
            "m.published_prompts[0].tolerance"
        ),
        (#"{"m": {"repeated_tokens": {"induction": {"heads": ["x"], "among": 3}}}}"#, "expected a head"),
        (#"{"m": {"repeated_tokens": {"induction": {"heads": [], "among": 3}}}}"#, "induction.heads"),
        (#"{"m": {"repeated_tokens": {"induction": {"heads": ["1.0", "1.1"], "among": 1}}}}"#, "induction.among"),
        (
            #"{"m": {"repeated_tokens": {"drawn_from": "words"}}}"#,
            "drawn_from: found \"words\", expected vocabulary or"
        ),
        (#"{"m": {"repeated_tokens": {"length": 1}}}"#, "repeated_tokens.length"),
    ])
    func whatIsMalformedIsNamedInOneLine(_ json: String, _ part: String) {
        expectError(containing: "checks.json", part) { try entries(json) }
    }
}
