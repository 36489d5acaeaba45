import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The program on tasks that are not indirect-object identification.
@Suite struct ChoiceCommandTests {
    static let model = try! TemporaryModel(knowing: ChoiceFixture.texts)

    static func run(_ arguments: String...) async throws -> Program.Outcome {
        try await Program.run([arguments[0], "--model", model.model.path] + Array(arguments.dropFirst()))
    }

    @Test(arguments: ChoiceTask.allCases)
    func dataAndEvalAgree(_ task: ChoiceTask) async throws {
        let file = Self.model.file("\(UUID().uuidString).jsonl")
        let written = try await Self.run(
            "data", "--dataset", task.rawValue, "--count", "40", "--seed", "2", "--held-out", "--out", file.path
        )
        #expect(written.status == 0, "\(written.errors)")
        #expect(try String(contentsOf: file, encoding: .utf8).split(separator: "\n").count == 40)
        struct Document: Decodable {
            let dataset: DatasetRecord
            let results: ChoiceEvaluation
        }
        func document(_ run: Program.Outcome) throws -> Document {
            #expect(run.status == 0, "\(run.errors)")
            return try JSONDecoder().decode(Document.self, from: Data(run.output.utf8))
        }
        let made = try document(
            await Self.run(
                "eval", "--dataset", task.rawValue, "--count", "40", "--seed", "2", "--held-out", "--format", "json",
                "--per-prompt"
            )
        )
        let read = try document(
            await Self.run("eval", "--data", file.path, "--seed", "2", "--format", "json", "--per-prompt")
        )
        #expect(made.results == read.results && made.dataset.sha256 == read.dataset.sha256)
        #expect(made.results.perPrompt?.count == 40 && made.dataset.name == task.rawValue)

        let text = try await Self.run("eval", "--data", file.path)
        #expect(text.output.contains("40 \(task.rawValue) prompts") && text.output.contains("probability difference"))
        let group =
            switch task {
            case .agreement: "plural-singular"
            case .greaterThan: "30s"
            case .pronouns: "feminine"
            case .colours: "second"
            }
        #expect(text.output.contains(group))
        let csv = try await Self.run("eval", "--data", file.path, "--format", "csv")
        #expect(
            csv.output.hasPrefix(
                "group,count,probability_difference,ci95_low,ci95_high,std,accuracy,loss,logit_difference,"
                    + "log_probability,top1\nall,40,"
            )
        )
    }

    @Test func finetuneMeasuresTheSameTaskUnlessToldOtherwise() async throws {
        let flags = ["--count", "24", "--batch", "8", "--epochs", "2", "--save-at", "1", "--eval-count", "12"]
        func train(_ more: String...) async throws -> (Program.Outcome, URL) {
            let out = Self.model.file(UUID().uuidString)
            let run = try await Program.run(
                ["finetune", "--model", Self.model.model.path, "--out", out.path] + flags + more
            )
            #expect(run.status == 0, "\(run.errors)")
            return (run, out)
        }
        let (same, folder) = try await train("--dataset", "agreement")
        #expect(same.output.contains("24 prompts of agreement, 2 epochs of 3 steps"))
        for epoch in 0...2 { #expect(same.output.contains("epoch \(epoch): held-out P(right) − P(wrong)")) }
        #expect(same.output.contains("/epoch-002 --dataset agreement --held-out"))
        let files = (0...2).map {
            folder.appendingPathComponent(String(format: "results/eval-epoch-%03d.json", $0)).path
        }
        let verified = try await Program.run(["verify"] + files + ["--quiet", "--tolerance", "0", "--relative", "0"])
        #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
        let resumed = try await Program.run(["finetune", "--resume", "--out", folder.path, "--epochs", "3"])
        #expect(resumed.status == 0 && resumed.output.contains("epoch 3: held-out P(right)"))

        let (other, _) = try await train("--dataset", "agreement", "--eval-dataset", "clean")
        #expect(other.output.contains("epoch 2: held-out logit difference"))
        let (clean, _) = try await train()
        #expect(clean.output.contains("epoch 2: held-out logit difference"))
        #expect(clean.output.contains("/epoch-002 --held-out"))
        let (years, _) = try await train("--eval-dataset", "greater-than")
        #expect(years.output.contains("epoch 2: held-out P(right) − P(wrong)"))
        let (reversed, _) = try await train("--dataset", "greater-than-reversed")
        #expect(reversed.output.contains("24 prompts of greater-than-reversed"))
        #expect(reversed.output.contains("epoch 2: held-out P(right) − P(wrong)"))
        #expect(reversed.output.contains("/epoch-002 --dataset greater-than --held-out"))
    }

    /// Each command records the metric that it was given and comes out the same again.
    @Test(arguments: Metric.allCases)
    func everyCommandMeasuresByEveryMetric(_ metric: Metric) async throws {
        let circuit = Self.model.file("\(UUID().uuidString).json")
        let classes = #"[{"name": "both", "heads": ["0.1", "m1"], "position": "END"}]"#
        try Data(#"{"model": "m", "classes": \#(classes)}"#.utf8).write(to: circuit)
        let commands = [
            ["patch", "--mode", "activation", "--site", "resid_mid"],
            ["patch", "--mode", "path", "--sender", "mlps", "--receiver", "m1@SUBJECT"],
            ["patch", "--mode", "cross-model", "--donor", Self.model.model.path, "--circuit", circuit.path],
            ["knockout", "--mlps", "all", "--heads", "0.0@OTHER", "--each"],
            ["faithfulness", "--circuit", circuit.path], ["circuit", "validate", "--circuit", circuit.path],
            ["circuit", "discover", "--method", "eap-ig", "--steps", "2", "--edges", "60", "--resamples", "0"],
        ]
        var files: [String] = []
        for command in commands {
            let out = Self.model.file(UUID().uuidString + ".json")
            let run = try await Program.run(
                command + [
                    "--model", Self.model.model.path, "--dataset", "agreement", "--count", "6", "--metric",
                    metric.rawValue, "--out", out.path, "--quiet",
                ]
            )
            #expect(run.status == 0, "\(command): \(run.errors)")
            struct Document: Decodable {
                struct Options: Decodable { let metric: Metric? }
                let options: Options
            }
            let found = try JSONDecoder().decode(Document.self, from: Data(contentsOf: out))
            // The metric of these prompts is not written if it is the logit difference.
            #expect((found.options.metric ?? .logitDifference) == metric, "\(command)")
            files.append(out.path)
        }
        let verified = try await Program.run(["verify"] + files + ["--quiet", "--tolerance", "0", "--relative", "0"])
        #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
    }

    private static let others = "agreement, greater-than, greater-than-reversed, pronouns, colours"
    private static let published =
        "published-clean, published-name-moving, published-subject-duplication, published-duplication"

    static let refused: [([String], String)] =
        [
            ("--position", ["patch", "--mode", "activation", "--site", "z", "--position", "S2"]),
            ("--position", ["patch", "--mode", "cross-model", "--donor", model.model.path, "--position", "S2"]),
            ("--receiver", ["patch", "--mode", "path", "--receiver", "m1@S2"]),
            ("--position", ["knockout", "--heads", "all", "--position", "S2"]),
        ].map { flag, arguments in
            (
                arguments + ["--dataset", "agreement", "--count", "4", "--quiet"],
                "ioi: \(flag): found the position S2, expected one of SUBJECT, END, OTHER, which the prompts name, or all"
            )
        } + [
            (
                ["heads", "--analyses", "copying", "--dataset", "agreement", "--count", "4", "--quiet"],
                "ioi: the analyses copying: found agreement prompts, expected prompts of indirect-object identification, "
                    + "which name IO, S1, S1+1 and S2"
            ),
            (
                ["circuit", "discover", "--s2-effect", "3", "--dataset", "agreement", "--count", "4", "--quiet"],
                "ioi: --s2-effect: applies to prompts of indirect-object identification only"
            ),
            (
                ["eval", "--metric", "kl"],
                "ioi: --metric: found kl, which compares a patched run with the unpatched one; expected another"
            ),
            (
                ["eval", "--dataset", "agrement"],
                "ioi: --dataset: found \"agrement\", expected one of clean, name-moving, subject-duplication, "
                    + "duplication, \(published), \(others); did you mean agreement?"
            ),
            (
                ["patch", "--mode", "activation", "--site", "z", "--dataset", "agrement"],
                "ioi: --dataset: found \"agrement\", expected one of clean, name-moving, subject-duplication, "
                    + "duplication, \(published), \(others); did you mean agreement?"
            ),
            (
                ["finetune", "--eval-dataset", "years"],
                "ioi: --eval-dataset: found \"years\", expected one of clean, name-moving, subject-duplication, "
                    + "duplication, \(published), \(others)"
            ),
            (
                ["eval", "--dataset", "greater-than", "--abc", "wang"],
                "ioi: --abc: does not go with --dataset greater-than, whose prompts name nobody"
            ),
            (
                ["finetune", "--resume", "--out", "x", "--eval-dataset", "clean"],
                "ioi: --eval-dataset: does not go with --resume, which keeps what the run began with"
            ),
        ]

    @Test(arguments: refused.indices)
    func whatCannotBeIsSaidInALine(_ index: Int) async throws {
        let (arguments, message) = Self.refused[index]
        let isResumed = arguments.contains("--resume")
        let run = try await Program.run(arguments + (isResumed ? [] : ["--model", Self.model.model.path]))
        #expect(run.status == 64 && run.output.isEmpty)
        #expect(run.complaints.filter { !$0.hasPrefix("donor ") } == [message], "\(run.errors)")
    }

    @Test func theEmbeddedModelHasNoYears() async throws {
        let run = try await Program.run(["eval", "--model", "embedded", "--dataset", "greater-than"])
        #expect(run.status == 1)
        #expect(
            run.complaints == [
                "ioi: greater-than: found no token \"00\" in the model's tokenizer, expected one for each two-digit year, "
                    + "as GPT-2's has"
            ]
        )
    }
}
