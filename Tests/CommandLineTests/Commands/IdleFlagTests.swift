import Foundation
import TestSupport
import Testing

@testable import IOIKit

/// Flags that change nothing about what is done are refused, by every command.
@Suite struct IdleFlagTests {
    private static let model = TemporaryModel.shared
    private static let other = try! TemporaryModel(seed: 3)

    private static func file(_ name: String, _ content: String) -> String {
        let folder = model.file(UUID().uuidString)
        try! FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent(name)
        try! Data(content.utf8).write(to: file)
        return file.path
    }

    /// IOI prompts with tokens and counterfactuals.
    private static let whole: String = {
        var source = PromptSource(count: 2)
        source.seed = 1
        let prompts = try! source.prompts(for: Self.model.load())
        return file("whole.jsonl", String(decoding: prompts.jsonLines, as: UTF8.self))
    }()
    /// Prompts of another task with tokens.
    private static let pairs = file(
        "pairs.jsonl",
        """
        {"text": "x", "tokens": [5, 6], "counterfactual_tokens": [5, 7], "right": [8], "wrong": [9]}
        {"text": "x", "tokens": [5, 6], "counterfactual_tokens": [5, 7], "right": [8], "wrong": [9]}

        """
    )
    private static let sentences = file(
        "own.txt", "Then, Mary and John went to the store. John gave a drink to Mary\n")
    private static let names = file(
        "names.txt", try! NameList.standard().names.prefix(6).joined(separator: "\n"))
    private static let circuit = file("circuit.json", String(decoding: TemporaryModel.circuit.json, as: UTF8.self))

    /// Each command with what it needs to run.
    private static let commands: [String: [String]] = [
        "data": [], "eval": [], "finetune": ["--out", model.file("never").path], "patch": ["--mode", "activation"],
        "knockout": ["--heads", "0.1"], "faithfulness": ["--circuit", circuit], "heads": [], "circuit discover": [],
        "circuit validate": ["--circuit", circuit], "circuit show": [circuit], "circuit diff": [circuit, circuit],
        "reproduce": ["--plan", "quick"], "report": ["x"], "verify": ["x"], "model info": [], "model check": [],
        "model pretrain": [], "model random": ["--out", model.file("never").path], "model diff": ["a", "b"],
        "attention": ["--heads", "0.1", "--mean"], "compare": [model.model.path, other.model.path], "bench": [],
        "predict": ["a"], "lens": [], "cache": ["--sites", "z", "--out", model.file("never").path],
    ]
    private static let promptCommands = [
        "data", "eval", "finetune", "patch", "knockout", "faithfulness", "heads", "circuit discover",
        "circuit validate", "lens", "cache",
    ]
    private static let ablating = ["knockout", "faithfulness", "circuit validate"]
    private static let measuring = promptCommands.filter { !["data", "finetune", "cache"].contains($0) }

    /// A value for each flag that takes one.
    private static let values: [String: String] = [
        "--abc": "wang", "--names": names, "--templates": "t.json", "--dataset": "clean", "--count": "2",
        "--seed": "3", "--answers": "given", "--irregular": "warn", "--mean-group": "global", "--ablate": "mean",
        "--threads": "1", "--backend": "auto", "--precision": "fp32", "--memory": "1", "--donor": "x", "--site": "z",
        "--position": "END", "--sender": "heads", "--receiver": "logits", "--path-mlp": "freeze", "--path-ln": "freeze",
        "--knockout": "0.1", "--component": "z", "--direction": "both", "--circuit": circuit, "--random-sets": "2",
        "--exact": "2", "--aggregate": "mean-of-ratios", "--copying": "0.5", "--correlation": "0.5",
        "--attribution-share": "3", "--inhibition-effect": "3", "--backup-effect": "3", "--logits-effect": "3",
        "--sender-effect": "3", "--query-effect": "3", "--s2-effect": "3", "--s1-effect": "3", "--most": "2",
        "--attention": "0.1", "--edges": "9", "--rank": "signed", "--steps": "3", "--rule": "left", "--resamples": "3",
        "--against": "x.json", "--threshold": "0.1", "--save-scores": "x.json", "--minimality-sets": "class",
        "--objective": "gap", "--greedy-runs": "2", "--greedy-steps": "2", "--greedy-candidates": "2",
        "--greedy-prompts": "2", "--chart": "x.svg", "--eval-dataset": "clean", "--layers": "2", "--heads": "2",
        "--width": "8", "--model": "x", "--from": "x", "--text": "x", "--eval-count": "2", "--data": "x",
        "--recipe": "plain", "--lr": "0.1", "--schedule": "linear", "--warm-up": "2", "--clip": "1",
        "--weight-decay": "0.1", "--dropout": "0.1", "--batch": "2", "--block": "8", "--loss": "all",
        "--prompt": "0", "--order": "file", "--metric": "kl", "--abc-count": "9", "--epochs": "2", "--max-steps": "2",
        "--color": "always", "--format": "json", "--stages": "base", "--out": "x",
    ]
    private static let switches: Set = [
        "--bos", "--held-out", "--drop-unequal", "--per-prompt", "--denoise", "--estimate", "--curve", "--all",
        "--quiet", "--dry-run",
    ]

    struct Case: Sendable, CustomTestStringConvertible {
        let command: String
        /// In which nothing depends on the flags.
        let context: [String]
        let flags: [String]

        init(_ command: String, _ context: [String], _ flags: [String]) {
            (self.command, self.context, self.flags) = (command, context, flags)
        }

        var testDescription: String { "\(command) \(context.joined(separator: " "))" }
    }

    static let cases = ofPrompts + ofMeasurements + ofOne + ofAttention + ofComparison

    /// The same for every command on prompts.
    private static let ofPrompts: [Case] = promptCommands.flatMap { command -> [Case] in
        [
            Case(command, [], ["--answers", "--drop-unequal", "--irregular"]),
            Case(command, ["--dataset", "agreement"], ["--abc", "--names"]),
            Case(command, ["--data", whole], ["--dataset", "--count", "--templates", "--held-out", "--bos"]),
            Case(command, ["--data", pairs], ["--bos", "--abc", "--names"]),
            // Training uses the list for held-out prompts as well, and evaluation for other names.
            Case(command, ["--data", whole], command == "finetune" ? [] : ["--abc"]),
            Case(command, ["--data", whole], ["eval", "finetune"].contains(command) ? [] : ["--names"]),
        ]
    }

    /// The same for every command that measures.
    private static let ofMeasurements: [Case] = measuring.flatMap { command -> [Case] in
        let figures = command == "circuit discover" ? [] : [Case(command, ["--count", "2"], ["--per-prompt"])]
        guard ablating.contains(command) else { return figures }
        return figures + [
            Case(command, ["--ablate", "zero", "--count", "2"], ["--mean-group", "--abc", "--abc-count"]),
            Case(command, ["--data", whole], ["--abc-count"]),
        ]
    }

    private static let ofOne: [Case] = [
        Case("data", ["--data", whole], ["--seed"]),
        Case(
            "data", ["--sentences", sentences],
            [
                "--data", "--answers", "--drop-unequal", "--irregular", "--dataset", "--count", "--seed",
                "--templates", "--held-out",
            ]
        ),
        Case("data", ["--sentences", sentences, "--abc", "s2-to-io"], ["--names"]),
        Case("data", [], ["--threads", "--backend", "--precision", "--memory"]),
        Case("model info", [], ["--threads", "--backend", "--precision", "--quiet"]),
        Case("model random", [], ["--backend", "--precision"]),
        Case("model random", ["--like", "gpt2"], ["--layers", "--heads", "--width"]),
        Case("model diff", [], ["--backend", "--precision", "--memory"]),
        Case("model check", [], ["--precision", "--memory"]), Case("model pretrain", [], ["--precision"]),
        Case("circuit show", [], ["--threads", "--backend", "--precision"]),
        Case("circuit diff", [], ["--threads", "--backend", "--precision"]),
        Case("report", [], ["--threads", "--backend", "--precision", "--model"]),
        Case("heads", ["--format", "csv", "--out", "x.csv", "--count", "2"], ["--per-prompt"]),
        Case(
            "patch", [],
            [
                "--sender", "--receiver", "--path-mlp", "--path-ln", "--knockout", "--donor", "--component",
                "--direction", "--circuit", "--random-sets", "--exact", "--ablate", "--mean-group",
            ]
        ),
        Case("patch", ["--metric", "kl", "--count", "2"], ["--aggregate"]),
        Case(
            "patch", ["--mode", "path"],
            [
                "--site", "--position", "--denoise", "--estimate", "--exact", "--donor", "--component",
                "--direction",
                "--circuit", "--random-sets", "--ablate", "--mean-group",
            ]
        ),
        Case(
            "patch", ["--mode", "cross-model", "--donor", model.model.path, "--count", "2"],
            [
                "--site", "--denoise", "--sender", "--receiver", "--path-mlp", "--path-ln", "--knockout", "--abc",
                "--random-sets",
            ]
        ),
        Case("patch", ["--mode", "cross-model", "--circuit", "none"], ["--random-sets"]),
        Case("lens", ["--count", "2"], ["--abc"]), Case("cache", ["--count", "2"], ["--abc"]),
        Case(
            "lens", ["a"],
            [
                "--data", "--answers", "--drop-unequal", "--irregular", "--dataset", "--count", "--seed", "--templates",
                "--names", "--held-out", "--abc", "--metric", "--per-prompt",
            ]
        ),
        Case("knockout", [], ["--circuit"]), Case("knockout", ["--heads", "0.1@END"], ["--position"]),
        Case(
            "heads", ["--analyses", "ov"],
            [
                "--attribution-share", "--copying", "--correlation", "--inhibition-effect", "--backup-effect",
                "--ablate", "--mean-group",
            ]
        ),
        Case("heads", ["--analyses", "dla", "--count", "2"], ["--abc"]),
        Case("heads", ["--format", "json"], ["--all"]),
        Case(
            "heads", ["--dataset", "agreement", "--count", "2"],
            [
                "--copying", "--correlation", "--inhibition-effect", "--backup-effect", "--circuit", "--ablate",
                "--mean-group",
            ]
        ),
        Case(
            "circuit discover", [],
            [
                "--sender-effect", "--edges", "--rank", "--steps", "--rule", "--resamples", "--curve", "--against",
                "--threshold", "--save-scores", "--ablate", "--mean-group",
            ]
        ),
        Case(
            "circuit discover", ["--method", "eap"],
            ["--logits-effect", "--sender-effect", "--most", "--steps", "--rule", "--threshold"]
        ),
        Case(
            "circuit discover", ["--method", "walk"],
            ["--backup-effect", "--query-effect", "--s2-effect", "--s1-effect", "--attention", "--edges"]
        ),
        Case(
            "circuit discover", ["--dataset", "agreement", "--count", "2"],
            ["--backup-effect", "--query-effect", "--s2-effect", "--s1-effect", "--attention"]
        ),
        Case("circuit validate", ["--no-minimality"], ["--minimality-sets"]),
        Case(
            "circuit validate", ["--completeness", "none"],
            [
                "--random-sets", "--objective", "--greedy-runs", "--greedy-steps", "--greedy-candidates",
                "--greedy-prompts",
            ]
        ),
        Case("eval", ["--format", "json"], ["--color"]), Case("patch", ["--format", "markdown"], ["--color"]),
        Case(
            "reproduce", ["--show"],
            [
                "--stages", "--recipe", "--dry-run", "--model", "--memory", "--precision", "--threads", "--backend",
                "--quiet", "--out", "--format", "--color",
            ]
        ),
        Case(
            "verify", ["--against", "y"],
            ["--model", "--donor", "--precision", "--threads", "--backend", "--memory"]
        ),
        Case("finetune", ["--text", sentences], ["--dataset", "--count", "--data", "--abc", "--bos", "--names"]),
        Case("finetune", ["--eval-count", "0", "--count", "2"], ["--eval-dataset", "--abc"]),
        Case("finetune", ["--data", whole, "--eval-count", "0"], ["--names", "--abc"]),
        Case("finetune", [], ["--held-out", "--block"]),
        Case(
            "finetune", ["--resume"],
            [
                "--from", "--model", "--text", "--eval-count", "--eval-dataset", "--precision", "--data",
                "--dataset", "--count", "--seed", "--recipe", "--lr", "--schedule", "--warm-up", "--clip",
                "--weight-decay", "--dropout", "--batch", "--block", "--loss", "--order", "--names", "--abc",
            ]
        ),
    ]

    private static let ofAttention: [Case] = [
        Case(
            "attention", ["Mary and John"],
            [
                "--data", "--answers", "--drop-unequal", "--irregular", "--dataset", "--count", "--seed",
                "--templates", "--names", "--held-out", "--abc", "--prompt",
            ]
        ),
        Case("attention", [], ["--answers", "--drop-unequal", "--irregular", "--prompt", "--abc"]),
        Case("attention", ["--dataset", "agreement"], ["--names"]),
        Case(
            "attention", ["--data", whole], ["--dataset", "--count", "--templates", "--held-out", "--bos", "--names"]),
    ]

    private static let ofComparison: [Case] = [
        Case("compare", [], ["--answers", "--drop-unequal", "--irregular", "--circuit", "--memory", "--abc"]),
        Case("compare", ["--dataset", "agreement"], ["--names"]),
        Case("compare", ["--data", whole], ["--dataset", "--count", "--templates", "--held-out", "--bos", "--names"]),
        Case("compare", ["--data", pairs], ["--bos", "--names"]),
    ]

    @Test(arguments: cases)
    func itIsRefused(_ idle: Case) async throws {
        for flag in idle.flags {
            let value = try Self.switches.contains(flag) ? [] : [#require(Self.values[flag], "\(flag)")]
            let isNaming =
                flag == "--model"
                || ["verify", "circuit show", "circuit diff", "report", "reproduce", "bench", "compare"]
                    .contains(idle.command)
                || idle.command.hasPrefix("model ") && !["model info", "model check"].contains(idle.command)
                || idle.context == ["--resume"]
            var line =
                idle.command.split(separator: " ").map(String.init) + Self.commands[idle.command]! + idle.context
                + [flag] + value + (isNaming ? [] : ["--model", Self.model.model.path])
            // Other cases run at the same time.
            if let folder = line.firstIndex(of: Self.model.file("never").path) { line[folder] += UUID().uuidString }
            let run = try await Program.run(line)
            let complaints = run.complaints.filter { $0.hasPrefix("ioi: ") }
            #expect(run.status == 64 && complaints.count == 1 && run.output.isEmpty, "\(line): \(run.errors)")
            #expect(complaints.first?.hasPrefix("ioi: \(flag): ") == true, "\(line): \(run.errors)")
        }
    }

    /// Flags that act whatever else is given.
    private static let acting: Set = [
        "--model", "--dataset", "--seed", "--count", "--quiet", "--out", "--format", "--version", "--help", "--metric",
        "--threads", "--backend", "--precision", "--memory", "--sentences", "--data", "--held-out", "--templates",
        "--mode", "--scale", "--positions", "--granularity", "--aggregate", "--surface", "--class", "--mlps", "--each",
        "--heads", "--analyses", "--donor", "--attention", "--method", "--save", "--completeness", "--no-minimality",
        "--epochs", "--save-at", "--checkpoint-every", "--max-steps", "--keep-optimizer", "--resume", "--text",
        "--from",
        "--recipe", "--lr", "--schedule", "--warm-up", "--clip", "--weight-decay", "--dropout", "--batch", "--loss",
        "--order", "--eval-count", "--circuit", "--random-sets", "--plan", "--stages", "--dry-run", "--charts", "--csv",
        "--tolerance", "--relative", "--against", "--junit", "--preset", "--like", "--layers", "--width", "--tokenizer",
        "--length", "--position", "--curve", "--ablate", "--color", "--show", "--chart", "--page", "--mean",
        "--measure",
        "--top", "--answer", "--sites", "--shard", "--moments",
    ]

    /// A new flag needs a case above, or a word that it always acts.
    @Test func everyFlagIsAccountedFor() async throws {
        for (command, _) in Self.commands {
            let help = try await Program.run(command.split(separator: " ").map(String.init) + ["--help"]).output
            let flags = help.matches(of: /(?m)^  (?:-\w, )?(--[a-z0-9-]+)/).map { String($0.1) }
            #expect(flags.count > 3, "\(command)")
            let idle = Set(Self.cases.filter { $0.command == command }.flatMap(\.flags))
            for flag in flags where !Self.acting.contains(flag) {
                // Beside prompts that have their tokens it does not.
                if command == "predict", flag == "--bos" { continue }
                #expect(idle.contains(flag), "\(command) \(flag)")
            }
        }
    }

    /// The same flags beside prompts that lack what they give.
    @Test func whereTheyActTheyAreTaken() async throws {
        let few = Self.file(
            "few.jsonl",
            "{\"text\": \"Then, Mary and John went to the store. John gave a drink to\", \"io\": \"Mary\", \"s\": \"John\"}\n"
        )
        for arguments in [
            ["data", "--data", few, "--abc", "s2-to-io", "--bos"], ["data", "--data", few, "--names", Self.names],
            ["eval", "--data", Self.whole, "--names", Self.names],
            ["knockout", "--heads", "0.1", "--data", few, "--bos"],
            ["data", "--sentences", Self.sentences, "--names", Self.names, "--abc", "wang", "--bos"],
        ] {
            let run = try await Program.run(arguments + ["--model", Self.model.model.path])
            #expect(run.status == 0, "\(arguments): \(run.errors)")
        }
    }
}
