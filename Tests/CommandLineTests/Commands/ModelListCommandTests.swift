import Foundation
import TestSupport
import Testing

@testable import IOIKit

/// Models as users name them: lists, run folders, completion.
@Suite struct ModelListCommandTests: FinetuneRuns {
    private struct List: Decodable {
        struct Model: Decodable, Equatable {
            let name, folder: String
            let layers, heads, width, bytes: Int
            let `default`: Bool
            let run: String?
        }
        let models: [Model]
    }

    private let model: TemporaryModel

    init() throws {
        model = try TemporaryModel()
        let models = model.file("models/mine")
        try FileManager.default.createDirectory(
            at: models.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: model.model, to: models)
        _ = try Self.start(model, "runs/clean", heldOut: nil).train()
    }

    private func run(_ arguments: [String]) async throws -> Program.Outcome {
        try await Program.run(
            arguments, in: model.folder,
            environment: [
                "IOI_MODELS": model.file("models").path, "HF_HUB_CACHE": model.file("hub").path, "LANG": "C.UTF-8",
            ])
    }

    @Test func theListNamesWhatModelTakes() async throws {
        let text = try await run(["model", "list"])
        #expect(text.status == 0 && text.errors.isEmpty, "\(text.errors)")
        #expect(text.output.contains("2 × 4 × 32"))
        let json = try await run(["model", "list", "--format", "json"])
        let models = try JSONDecoder().decode(List.self, from: Data(json.output.utf8)).models
        let names = models.map(\.name)
        #expect(names.contains("embedded") && names.contains("mine"))
        let checkpoints = ["001", "003", "004"].map { "runs/clean/checkpoints/epoch-\($0)" }
        #expect(names.suffix(3) == checkpoints[...])
        #expect(models.suffix(3).allSatisfy { $0.run == model.file("runs/clean").path })
        let csv = try await run(["model", "list", "--format", "csv"])
        #expect(csv.output.hasPrefix("name,folder,layers,heads,width,bytes,default,run\n"))
        #expect(csv.output.split(separator: "\n").count == models.count + 1)
        // Each name finds the model that it stands for, and no name the default.
        for listed in models where listed.width < 100 {
            let info = try await run(["model", "info", "--model", listed.name, "--format", "csv"])
            #expect(info.output.contains("folder,\(listed.folder)\n"), "\(listed.name)")
            #expect(text.output.contains(listed.name))
        }
        let marked = models.filter(\.default)
        let standard = try await run(["data", "--count", "1", "--out", "d.jsonl"])
        #expect(marked.count == 1 && standard.errors.contains(" at \(marked[0].folder)"), "\(standard.errors)")
    }

    @Test func aRunIsAModelForEveryFlag() async throws {
        let newest =
            "epoch-004 at \(model.file("runs/clean/checkpoints/epoch-004").path), the newest checkpoint of clean"
        let eval = try await run(["eval", "--model", "runs/clean", "--count", "4", "--out", "e.json"])
        #expect(eval.status == 0 && eval.errors.hasPrefix("model \(newest)"), "\(eval.errors)")
        let same = try await run(
            ["eval", "--model", "runs/clean/checkpoints/epoch-004", "--count", "4", "--format", "csv", "--quiet"])
        let again = try await run(["eval", "--model", "runs/clean", "--count", "4", "--format", "csv", "--quiet"])
        #expect(again.output == same.output && !same.output.isEmpty)
        let patch = try await run(
            [
                "patch", "--mode", "cross-model", "--component", "z", "--model", "mine", "--donor", "runs/clean",
                "--count",
                "2",
            ])
        #expect(patch.status == 0 && patch.errors.contains("donor \(newest)"), "\(patch.errors)")
        let further = try await run(
            [
                "finetune", "--from", "runs/clean", "--count", "8", "--epochs", "1", "--eval-count", "0", "--out",
                "more",
                "--quiet",
            ])
        #expect(further.status == 0 && further.errors.contains("model \(newest)"), "\(further.errors)")
        let against = try await run(["predict", "Mary and John", "--model", "mine", "--against", "runs/clean"])
        #expect(against.status == 0 && against.errors.contains("against \(newest)"), "\(against.errors)")
        let plan = try await run(["eval", "--model", model.folder.path])
        #expect(plan.status == 1 && plan.errors.hasSuffix("/runs/ and clean\n"), "\(plan.errors)")
    }

    /// What a shell asks the program for: names of models and circuits, and paths.
    @Test func completionKnowsModelsAndCircuits() async throws {
        func complete(_ words: [String]) async throws -> [String] {
            let index = words.count - 1
            let flag = words[index - 1]
            let answer = try await run(
                ["---completion"] + words.dropFirst().prefix(1) + ["--", flag, "\(index)", "\(words[index].count)"]
                    + words)
            #expect(answer.status == 0, "\(answer.errors)")
            return answer.output.split(separator: "\n").map(String.init)
        }
        #expect(try await complete(["ioi", "eval", "--model", "m"]).contains("mine"))
        #expect(try await complete(["ioi", "eval", "--model", "runs/"]) == ["runs/clean"])
        #expect(try await complete(["ioi", "faithfulness", "--circuit", "gpt2-small-"]) == ["gpt2-small-naive"])
        try "{}".write(to: model.file("mine.json"), atomically: true, encoding: .utf8)
        #expect(try await complete(["ioi", "faithfulness", "--circuit", "mi"]) == ["mine.json"])
    }
}
