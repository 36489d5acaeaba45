import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi finetune` on text, by recipe.
@Suite struct FinetuneTextTests: FinetuneRuns {
    @Test func aTextIsCutIntoBlocks() async throws {
        let model = try TemporaryModel()
        let text = model.file("texts")
        try FileManager.default.createDirectory(at: text, withIntermediateDirectories: true)
        let words = "Then John and Mary went to the store. John gave a ring to Mary\n"
        try String(repeating: words, count: 12).write(
            to: text.appendingPathComponent("a.txt"), atomically: true, encoding: .utf8)
        let run = try await Program.run(
            [
                "finetune", "--model", model.model.path, "--text", text.path, "--recipe", "published", "--epochs", "2",
                "--batch", "3", "--eval-count", "8", "--out", "run",
            ], in: model.folder
        )
        #expect(run.status == 0, "\(run.errors)")
        let record = try RunFolder(model.file("run")).record()
        // Blocks are no longer than the context.
        #expect(record.settings.examples == .blocks(of: 48) && record.settings.dropout == 0.1)
        #expect(record.settings.recipe == .published && record.text?.paths == [text.path] && record.prompts == nil)
        let lines = run.output.split(separator: "\n")
        #expect(lines[0] == "recipe published: \(record.settings.text)")
        #expect(lines[1].hasPrefix("\(record.dataset.count) blocks of texts, 2 epochs of"))
        #expect(lines[2].contains("--recipe plain") && lines[2].contains("--dropout"))
        #expect(run.output.contains("epoch 2: held-out"))
        let page = try await Program.run(["report", model.file("run").path])
        #expect(page.status == 0)
        let html = try String(contentsOf: model.file("run/report.html"), encoding: .utf8)
        #expect(html.contains("trained on \(record.dataset.count) blocks of texts for 2 epochs"))
        #expect(html.contains("recipe published: \(record.settings.text)"))

        let repeated = record.commandLine.split(separator: " ").dropFirst().map(String.init)
        let again = try await Program.run(repeated + ["--eval-count", "8", "--out", model.file("again").path])
        #expect(again.status == 0, "\(again.errors)")
        let weights = "checkpoints/epoch-002/model.safetensors"
        #expect(try Self.digest(model, "again/\(weights)") == Self.digest(model, "run/\(weights)"))
    }

    /// A small model trains on the answers of prompts unless another recipe is asked for.
    @Test func recipesBySizeAndByName() async throws {
        let model = try TemporaryModel()
        for (flags, form) in [
            ([], ExampleForm.prompts), (["--recipe", "published", "--block", "16"], .blocks(of: 16)),
            (["--recipe", "published-sentences"], .lines(upTo: 25)),
        ] {
            let name = UUID().uuidString
            let run = try await Program.run(
                [
                    "finetune", "--model", model.model.path, "--count", "40", "--epochs", "1", "--eval-count", "0",
                    "--out", model.file(name).path, "--quiet",
                ] + flags
            )
            #expect(run.status == 0, "\(run.errors)")
            #expect(try RunFolder(model.file(name)).record().settings.examples == form)
        }
    }

    @Test(arguments: [("openblas", "OpenBLAS "), ("onednn", "oneDNN ")])
    func resultsNameTheBackend(_ flag: String, _ name: String) async throws {
        let run = try await Program.run(
            [
                "eval", "--model", TemporaryModel.shared.model.path, "--count", "8", "--backend", flag, "--format",
                "json",
            ]
        )
        if flag == "onednn", !Backend.oneDNN.isAvailable {
            #expect(run.status == 64 && run.complaints.count == 1 && run.errors.contains("--backend: oneDNN"))
            return
        }
        #expect(run.status == 0, "\(run.errors)")
        let document = try JSONDecoder().decode(
            ResultsDocument<EvaluationExperiment, TaskEvaluation>.self, from: Data(run.output.utf8)
        )
        #expect(document.environment.blas.hasPrefix(name))
    }
}
