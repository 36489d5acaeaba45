import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The program on files of prompts, in each form.
@Suite struct PromptFileCommandTests {
    private static let texts = ["The red hen saw a fox", "The blue hen saw a cow"]
    static let model = try! TemporaryModel(knowing: texts + ChoiceFixture.texts)

    private static func run(_ arguments: String...) async throws -> Program.Outcome {
        try await Program.run([arguments[0], "--model", model.model.path] + Array(arguments.dropFirst()))
    }

    private static func write(_ content: String, _ name: String) throws -> String {
        let folder = model.file(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent(name)
        try Data(content.utf8).write(to: file)
        return file.path
    }

    private static let table = """
        clean,corrupted,correct,incorrect
        The red hen saw a,The blue hen saw a, fox, cow
        The blue hen saw a,The red hen saw a, cow, fox

        """

    private struct Document: Decodable {
        let options: JSONValue
        let dataset: DatasetRecord
        let results: JSONValue
    }

    private static func document(_ run: Program.Outcome) throws -> Document {
        #expect(run.status == 0, "\(run.errors)")
        return try JSONDecoder().decode(Document.self, from: Data(run.output.utf8))
    }

    @Test func dataConvertsBetweenForms() async throws {
        let csv = try Self.write(Self.table, "own.csv")
        let json = (csv as NSString).deletingLastPathComponent + "/own.json"
        let lines = (csv as NSString).deletingLastPathComponent + "/own.jsonl"
        let first = try await Self.run("data", "--data", csv, "--out", json)
        #expect(first.status == 0, "\(first.errors)")
        #expect(
            first.complaints == [
                "2 own prompts in \(json)", "without templates, groups, which .jsonl holds",
                "next: ioi eval --data \(json) --model \(Self.model.model.path)",
            ]
        )
        let second = try await Self.run("data", "--data", json, "--out", lines, "--quiet")
        #expect(second.status == 0 && second.complaints.isEmpty, "\(second.errors)")
        var results: [JSONValue] = []
        for file in [csv, json, lines] {
            results.append(try Self.document(await Self.run("eval", "--data", file, "--format", "json")).results)
        }
        #expect(results[0] == results[1] && results[1] == results[2])
        let back = try await Self.run("data", "--data", lines, "--out", csv)
        #expect(
            back.status == 0 && back.complaints.contains("without templates, groups, positions, which .jsonl holds"))
        #expect(
            try String(contentsOfFile: csv, encoding: .utf8).hasPrefix("clean,corrupted,correct_idx,incorrect_idx\n"))

        let years = (csv as NSString).deletingLastPathComponent + "/years.csv"
        let generated = try await Self.run("data", "--dataset", "greater-than", "--count", "5", "--bos", "--out", years)
        #expect(generated.status == 0, "\(generated.errors)")
        #expect(generated.complaints.last?.contains("years.csv --bos --model ") == true)
        #expect(try String(contentsOfFile: years, encoding: .utf8).hasPrefix("clean,"))
    }

    @Test func standardInputIsReadOnce() async throws {
        for (name, content) in [
            ("own.csv", Self.table), ("own.jsonl", #"{"text": "The red hen saw a", "right": [" fox"]}"#),
        ] {
            let file = try Self.write(content, name)
            let out = (file as NSString).deletingLastPathComponent + "/results.json"
            let run = try await Program.shell(
                "\"$IOI\" eval --model '\(Self.model.model.path)' --data - --out '\(out)' < '\(file)'")
            #expect(run.status == 0, "\(run.errors)")
            let json = try Data(contentsOf: URL(fileURLWithPath: out))
            let piped = try JSONDecoder().decode(Document.self, from: json)
            let read = try Self.document(await Self.run("eval", "--data", file, "--format", "json"))
            #expect(piped.results == read.results && piped.dataset.name == "stdin")
            guard case .object(let options) = piped.options, case .object(let prompts)? = options["prompts"] else {
                Issue.record("no prompts in \(piped.options)")
                return
            }
            #expect(prompts["file"] == .string("-"))
            let verify = try await Program.run(["verify", out])
            #expect(
                verify.status == 1
                    && verify.complaints == [
                        "ioi: \(out): options.prompts.file: found -, standard input, which cannot be read again; expected "
                            + "prompts from a file"
                    ],
                "\(verify.errors)"
            )
        }
        let fault = try await Program.shell("echo nothing | \"$IOI\" eval --model '\(Self.model.model.path)' --data -")
        #expect(fault.status == 1)
        #expect(fault.complaints.first?.hasPrefix("ioi: standard input: found the first line \"nothing\"") == true)
    }

    @Test func trainingOnStandardInputIsNotResumed() async throws {
        let file = try Self.write(Self.table, "own.csv")
        let out = (file as NSString).deletingLastPathComponent + "/run"
        let run = try await Program.shell(
            "\"$IOI\" finetune --model '\(Self.model.model.path)' --data - --batch 2 --epochs 1 --eval-count 0 "
                + "--out '\(out)' < '\(file)'"
        )
        #expect(run.status == 0 && run.output.contains("2 prompts of stdin"), "\(run.errors)")
        let resumed = try await Program.run(["finetune", "--resume", "--out", out, "--epochs", "2"])
        #expect(resumed.status == 1)
        #expect(resumed.complaints.first?.contains("config.json: prompts.file: found -, standard input") == true)
    }

    @Test func unequalPromptsAreCounted() async throws {
        let file = try Self.write(Self.table + "The red hen saw a,The hen, fox, cow\n", "own.csv")
        let refused = try await Self.run("eval", "--data", file)
        #expect(refused.status == 1)
        #expect(
            refused.complaints == [
                "ioi: \(file) line 4: corrupted: found 2 tokens, expected 5, as many as the prompt has"
            ],
            "\(refused.errors)"
        )
        let run = try await Self.run("eval", "--data", file, "--drop-unequal", "--format", "json")
        #expect(run.complaints.first == "left out 1 prompt whose counterfactual has another number of tokens")
        let document = try Self.document(run)
        #expect(document.dataset.dropped == 1 && document.dataset.count == 2)
        let out = (file as NSString).deletingLastPathComponent + "/results.json"
        _ = try await Self.run("eval", "--data", file, "--drop-unequal", "--out", out)
        let verified = try await Program.run(["verify", out])
        #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
        let folder = (file as NSString).deletingLastPathComponent + "/run"
        let trained = try await Self.run(
            "finetune", "--data", file, "--drop-unequal", "--batch", "2", "--epochs", "1", "--eval-count", "2", "--out",
            folder)
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(trained.complaints.contains("left out 1 prompt whose counterfactual has another number of tokens"))
    }

    @Test func namesAreFoundInSentences() async throws {
        let file = try Self.write(
            """
            clean,corrupted,correct_idx,incorrect_idx
            "Then, Mary and John went to the store. John gave a drink to",\
            "Then, Mary and John went to the store. Paul gave a drink to",999999,999998

            """, "own.csv"
        )
        let refused = try await Self.run("eval", "--data", file)
        #expect(refused.status == 1)
        #expect(refused.complaints.first?.hasPrefix("ioi: \(file) line 2: correct_idx: found token id 999999") == true)
        let run = try await Self.run("eval", "--data", file, "--answers", "sentence", "--format", "json")
        guard case .object(let options) = try Self.document(run).options,
            case .object(let prompts)? = options["prompts"]
        else {
            Issue.record("no prompts in \(run.output)")
            return
        }
        #expect(prompts["answers"] == .string("sentence"))
        let patched = try await Self.run(
            "patch", "--mode", "activation", "--site", "z", "--position", "S2", "--data", file, "--answers", "sentence")
        #expect(patched.status == 0, "\(patched.errors)")
    }

    @Test(arguments: [
        (["eval", "--drop-unequal"], "ioi: --drop-unequal: does not go with generated prompts, expected --data"),
        (["eval", "--answers", "given"], "ioi: --answers: does not go with generated prompts, expected --data"),
        (["eval", "--answers", "names"], "ioi: --answers: found \"names\", expected one of given, sentence"),
        (
            ["data", "--out", "x.txt"],
            "ioi: --out: found \"x.txt\", expected a name that ends in one of .jsonl, .json, .csv"
        ),
        (
            ["data", "--data", "x", "--seed", "3"],
            "ioi: --seed: does not go with --data, whose prompts are already made"
        ),
        (
            ["data", "--data", "x", "--count", "3"],
            "ioi: --count: does not go with --data, whose prompts are already made"
        ),
        (
            ["data", "--data", "x", "--sentences", "y"],
            "ioi: --data: does not go with --sentences, which are all used as they are"
        ),
    ])
    func flagsWithoutEffectAreRefused(_ arguments: [String], _ message: String) async throws {
        let run = try await Program.run([arguments[0], "--model", Self.model.model.path] + arguments.dropFirst())
        #expect(run.status == 64 && run.complaints == [message], "\(run.errors)")
    }

    @Test func irregularPromptsAreRefusedOrWarnedOf() async throws {
        let line =
            "{\"text\": \"Then, Mary and John went to the store. John gave a drink to\", \"io\": \"Mary\", \"s\": \"John\"}\n"
        let file = try Self.write(line + line.replacing("drink to", with: "drink to Mary"), "own.jsonl")
        let problem =
            "\(file) line 2: text: ends in its answer \" Mary\", expected it to end before the space of the answer"
        let refused = try await Self.run("eval", "--data", file)
        #expect(refused.status == 1)
        #expect(refused.complaints == ["ioi: \(problem); irregular: warn takes them as they are"], "\(refused.errors)")
        let warned = try await Self.run("eval", "--data", file, "--irregular", "warn", "--format", "json")
        #expect(warned.status == 0 && warned.complaints == ["irregular: \(problem)"], "\(warned.errors)")
        #expect(try Self.document(warned).dataset.irregular == 1)
    }

    /// Said where values are taken from them, recorded everywhere.
    @Test func counterfactualsAreLookedAt() async throws {
        let content = Self.table.replacing("The red hen saw a, cow", with: "The blue hen saw a, cow")
        let file = try Self.write(content, "own.csv")
        let out = (file as NSString).deletingLastPathComponent + "/results.json"
        let note = "counterfactuals: 50 % equal their prompt"
        let knockout = try await Self.run("knockout", "--heads", "0.1", "--data", file, "--out", out)
        #expect(knockout.errors.split(separator: "\n").contains { $0 == note }, "\(knockout.errors)")
        let json = try Data(contentsOf: URL(fileURLWithPath: out))
        #expect(try JSONDecoder().decode(Document.self, from: json).dataset.counterfactuals?.equal == 0.5)
        for quiet in [["--quiet"], ["--ablate", "zero"]] {
            let run = try await Program.run(
                ["knockout", "--heads", "0.1", "--data", file, "--model", Self.model.model.path] + quiet)
            #expect(run.status == 0 && !run.errors.contains("counterfactuals: "), "\(run.errors)")
        }
        // It is checked where it is recorded.
        #expect(try await Program.run(["verify", out]).status == 0)
        let text = String(decoding: json, as: UTF8.self)
        let other = text.replacing("\"equal\" : 0.5", with: "\"equal\" : 0.25")
        #expect(other != text)
        let changed = try await Program.run(["verify", Self.write(other, "other.json")])
        #expect(changed.status == 3 && changed.output.contains("dataset.counterfactuals.equal"), "\(changed.output)")
        let start = try #require(text.range(of: "    \"counterfactuals\" : {"))
        let end = try #require(text.range(of: "\n    },\n", range: start.upperBound..<text.endIndex))
        let old = text.replacingCharacters(in: start.lowerBound..<end.upperBound, with: "")
        #expect(try await Program.run(["verify", Self.write(old, "old.json")]).status == 0)
    }

    @Test func optionsThatTheFileHasNoUseForAreRefused() async throws {
        let file = try Self.write(Self.table, "own.csv")
        let run = try await Self.run("eval", "--data", file, "--abc", "s2-to-io")
        #expect(run.status == 64)
        #expect(run.complaints == ["ioi: --abc: does not go with \(file), whose prompts name nobody"], "\(run.errors)")
    }
}
