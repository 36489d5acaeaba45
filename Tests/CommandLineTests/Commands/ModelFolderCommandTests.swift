import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Model folders that others made, by the program itself.
@Suite struct ModelFolderCommandTests: FinetuneRuns {
    /// A model without a tokenizer, which is in a folder of its own.
    private static let parted: (model: TemporaryModel, tokenizer: String) = {
        let model = try! TemporaryModel()
        let folder = model.file("tokenizer")
        try! FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in ["vocab.json", "merges.txt"] {
            try! FileManager.default.moveItem(
                at: model.model.appendingPathComponent(name), to: folder.appendingPathComponent(name))
        }
        return (model, folder.path)
    }()
    private static var path: String { parted.model.model.path }

    private static func eval(_ path: String, _ flags: String...) async throws -> Program.Outcome {
        try await Program.run(["eval", "--model", path, "--count", "3", "--threads", "1"] + flags)
    }

    @Test func aTokenizerElsewhereIsUsedAndRecorded() async throws {
        let none = try await Self.eval(Self.path)
        #expect(none.status == 1 && none.complaints.count == 1)
        #expect(none.complaints[0].hasPrefix("ioi: \(Self.path): no tokenizer.json, nor vocab.json and merges.txt"))
        let file = CommandTests.fresh()
        let run = try await Self.eval(Self.path, "--tokenizer", Self.parted.tokenizer, "--out", file.path, "--quiet")
        #expect(run.status == 0, "\(run.errors)")
        let model = try #require(VerifyCommandTests.json(file)["model"] as? [String: String])
        #expect(model["tokenizer"] == Self.parted.tokenizer)
        let verified = try await VerifyCommandTests.verify([file], "--tolerance", "0", "--relative", "0")
        #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
    }

    @Test func aTokenizerThatCannotActIsRefused() async throws {
        let tokenizer = ["--tokenizer", Self.parted.tokenizer]
        let commands = [
            ["eval", "--model", CommandTests.path], ["model", "check", "--model", CommandTests.path],
            ["circuit", "show", "--model", CommandTests.path], ["finetune", "--resume", "--out", "x"],
            ["eval", "--model", Self.path, "--tokenizer", Self.path],
        ]
        for command in commands {
            let run = try await Program.run(command + (command.contains("--tokenizer") ? [] : tokenizer))
            #expect(run.status == 64 && run.output.isEmpty, "\(command)")
            #expect(run.complaints.first?.hasPrefix("ioi: --tokenizer: ") == true, "\(command): \(run.errors)")
        }
    }

    @Test func whatIsUnusualIsSaid() async throws {
        let model = try TemporaryModel()
        let end = try model.load().config.vocabularySize
        try Data("{\"[PAD]\": \(end)}".utf8).write(to: model.model.appendingPathComponent("added_tokens.json"))
        let run = try await Self.eval(model.model.path)
        #expect(run.status == 0)
        #expect(
            run.errors.hasPrefix(
                """
                model model at \(model.model.path)
                model model: tokens added to the vocabulary: "[PAD]"
                model model: added tokens without a row in the embedding: 1

                """
            ),
            "\(run.errors)"
        )
    }
}
