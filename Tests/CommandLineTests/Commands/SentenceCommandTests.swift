import Foundation
import IOIKit
import TestSupport
import Testing

/// Sentences that end in their answer, and the datasets made of the authors' own.
@Suite struct SentenceCommandTests {
    private static let path = TemporaryModel.shared.model.path

    private static func fresh() -> URL { TemporaryModel.fresh() }

    private func write(_ lines: String...) throws -> String {
        let file = Self.fresh()
        try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: file)
        return file.path
    }

    @Test func sentencesBecomePrompts() async throws {
        let sentences = try write(
            "When Mary and John came home from the park, John showed a book to Mary",
            "When John and Mary came home from the park, Paul showed a book to John"
        )
        let out = Self.fresh()
        let run = try await Program.run(
            ["data", "--model", Self.path, "--sentences", sentences, "--abc", "s2-to-io", "--out", out.path]
        )
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.complaints.first == "1 clean, 1 duplication prompts in \(out.path)")
        struct Line: Decodable {
            let dataset, text, answer, io, s: String
            let abcText: String

            enum CodingKeys: String, CodingKey {
                case dataset, text, answer, io, s
                case abcText = "abc_text"
            }
        }
        let lines = try String(contentsOf: out, encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
        #expect(lines.map(\.dataset) == ["clean", "duplication"])
        #expect(lines.map(\.io) == [" Mary", " John"] && lines.map(\.s) == [" John", " Mary"])
        #expect(lines.map(\.answer) == [" Mary", " John"])
        #expect(lines[1].abcText == "When John and Mary came home from the park, John showed a book to")
        let eval = try await Program.run(["eval", "--model", Self.path, "--data", out.path, "--quiet"])
        #expect(eval.status == 0, "\(eval.errors)")
    }

    @Test func lineThatSaysTooLittleIsNamed() async throws {
        let sentences = try write(
            "When Mary and John came home from the park, John showed a book to Mary",
            "When Mary came home from the park"
        )
        let out = Self.fresh()
        let run = try await Program.run(
            ["data", "--model", Self.path, "--sentences", sentences, "--out", out.path]
        )
        #expect(run.status == 1 && run.complaints.count == 1)
        #expect(run.complaints.first?.hasPrefix("ioi: \(sentences) line 2: found \"park\"") == true, "\(run.errors)")
        #expect(!FileManager.default.fileExists(atPath: out.path))
    }

    @Test(
        arguments: [
            ["--dataset", "clean"], ["--count", "2"], ["--seed", "1"], ["--templates", "t.json"], ["--held-out"],
        ]
    )
    func flagsWithoutEffectOnSentencesAreRefused(_ flags: [String]) async throws {
        let run = try await Program.run(["data", "--model", Self.path, "--sentences", "none.txt"] + flags)
        #expect(run.status == 64)
        #expect(run.complaints.count == 1 && run.complaints[0].hasPrefix("ioi: \(flags[0]): does not go with"))
    }

    @Test func filesThatWereNotFetchedAreNamed() async throws {
        let folder = Self.fresh().path
        for command in [["data"], ["eval"], ["patch", "--mode", "path"]] {
            let run = try await Program.run(
                command + ["--model", Self.path, "--dataset", "published-name-moving"],
                environment: ["IOI_PAPER_DATA": folder]
            )
            #expect(run.status == 1)
            #expect(
                run.complaints == [
                    "ioi: dataset published-name-moving: not found; looked for \(folder)/corrIOIname.txt; run "
                        + "Scripts/fetch-paper-data.sh or set IOI_PAPER_DATA to the folder of the files"
                ]
            )
        }
    }

    @Test func nothingOfThePublishedDataIsHeldOut() async throws {
        let run = try await Program.run(
            ["eval", "--model", Self.path, "--dataset", "published-clean", "--held-out"]
        )
        #expect(run.status == 64)
        #expect(run.complaints.count == 1)
        #expect(
            run.complaints.first?.hasPrefix("ioi: --held-out: does not go with the dataset published-clean") == true)
    }

    @Test(
        .enabled(
            if: Fixtures.publishedData != nil && Fixtures.gpt2Tokenizer != nil,
            "there is no folder with the authors' files (IOI_PUBLISHED_DATA) or GPT-2's tokenizer (IOI_GPT2_TOKENIZER)"
        )
    )
    func publishedDataIsADatasetLikeOthers() async throws {
        let (data, tokenizer) = (try #require(Fixtures.publishedData), try #require(Fixtures.gpt2Tokenizer))
        let (model, results) = (Self.fresh().path, Self.fresh().path)
        func run(_ arguments: [String]) async throws {
            let run = try await Program.run(
                arguments + ["--quiet"], environment: ["IOI_PAPER_DATA": data.path]
            )
            #expect(run.status == 0, "\(run.errors)")
        }
        try await run(
            ["model", "random", "--layers", "1", "--heads", "2", "--width", "8", "--tokenizer", tokenizer.path]
                + ["--out", model]
        )
        let flags = ["--model", model, "--dataset", "published-duplication", "--count", "12"]
        try await run(["eval", "--out", results] + flags)
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: results))) as? [String: Any]
        )
        let dataset = try #require(document["dataset"] as? [String: Any])
        #expect(dataset["name"] as? String == "published-duplication" && dataset["count"] as? Int == 12)
        #expect(dataset["seed"] == nil)
        try await run(["verify", results])
        // Means over more prompts of the file, which include those measured.
        try await run(["knockout", "--heads", "0.1", "--abc-count", "80"] + flags)
    }
}
