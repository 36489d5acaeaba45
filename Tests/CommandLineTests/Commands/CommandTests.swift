import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The program itself: output, exit codes, one-line errors.
@Suite struct CommandTests: FinetuneRuns {
    static let model = TemporaryModel.shared
    static var path: String { model.model.path }

    /// A fresh path in the model's folder.
    static func fresh() -> URL { TemporaryModel.fresh() }

    @Test func dataWritesTheContractsLines() async throws {
        let file = Self.fresh()
        let run = try await Program.run(
            [
                "data", "--model", Self.path, "--dataset", "name-moving", "--count", "5", "--seed", "3", "--out",
                file.path,
            ]
        )
        #expect(run.status == 0)
        #expect(run.output.isEmpty)
        #expect(run.errors.hasPrefix("model model at \(Self.path)\n"))
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 5)
        for line in lines {
            let prompt = try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            )
            let keys = [
                "id", "dataset", "template", "order", "text", "tokens", "answer", "answer_token", "io", "io_token",
                "s", "s_token", "place", "object", "positions", "abc_text", "abc_tokens",
            ]
            #expect(Set(prompt.keys) == Set(keys))
            #expect(prompt["answer"] as? String != prompt["io"] as? String)
        }
        let piped = try await Program.shell("\"$IOI\" data --model '\(Self.path)' --count 1 | head -c 5")
        #expect(piped.output == "{\"id\"")
    }

    @Test func evalReadsWhatDataWrote() async throws {
        let file = Self.fresh()
        _ = try await Program.run(
            ["data", "--model", Self.path, "--count", "40", "--seed", "1", "--held-out", "--out", file.path]
        )
        struct Document: Decodable {
            let schema: String
            let command: String
            let model: ModelRecord
            let dataset: DatasetRecord
            let environment: EnvironmentRecord
            let seconds: Double
            let results: Evaluation
        }
        func document(_ arguments: [String]) async throws -> Document {
            let run = try await Program.run(
                ["eval", "--model", Self.path, "--format", "json", "--threads", "2"] + arguments
            )
            #expect(run.status == 0, "\(run.errors)")
            return try JSONDecoder().decode(Document.self, from: Data(run.output.utf8))
        }
        let read = try await document(["--data", file.path, "--seed", "1", "--per-prompt"])
        let made = try await document(["--count", "40", "--seed", "1", "--held-out"])
        #expect(read.schema == "ioi/1" && read.command == "eval" && read.environment.threads == 2)
        #expect(read.dataset.sha256 == made.dataset.sha256)
        #expect(read.results.all == made.results.all)
        #expect(read.results.byOrder == made.results.byOrder)
        #expect(made.results.perPrompt == nil)
        let each = try #require(read.results.perPrompt)
        #expect(each.count == 40)
        let mean = each.map(\.logitDifference).reduce(0, +) / 40
        #expect(abs(mean - read.results.all.logitDifference.mean) < 1e-12)
        #expect(try read.model.sha256 == Self.model.load().sha256())
    }

    @Test func evalTakesAUsersOwnPromptsAndATokenizerlessModel() async throws {
        let file = Self.fresh()
        _ = try await Program.run(["data", "--model", Self.path, "--count", "4", "--out", file.path])
        let own = Self.fresh()
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            let prompt = try JSONSerialization.jsonObject(with: Data(line.utf8)) as! [String: Any]
            let few = ["text", "io", "s"].reduce(into: [String: Any]()) { $0[$1] = prompt[$1] }
            return String(decoding: try JSONSerialization.data(withJSONObject: few), as: UTF8.self)
        }
        try lines.joined(separator: "\n").write(to: own, atomically: true, encoding: .utf8)
        let bare = Self.fresh()
        try FileManager.default.createDirectory(at: bare, withIntermediateDirectories: true)
        for name in ["config.json", "model.safetensors"] {
            try FileManager.default.copyItem(
                at: Self.model.model.appendingPathComponent(name), to: bare.appendingPathComponent(name)
            )
        }
        func means(_ model: String, _ file: URL) async throws -> [Substring] {
            let run = try await Program.run(["eval", "--model", model, "--data", file.path, "--format", "csv"])
            #expect(run.status == 0, "\(run.errors)")
            return run.output.split(separator: "\n")[1].split(separator: ",", omittingEmptySubsequences: false)
        }
        let expected = try await means(Self.path, file)
        #expect(!expected.contains(""))
        // Derived counterfactuals are others.
        let derived = try await means(Self.path, own)
        #expect(derived.dropLast(3) == expected.dropLast(3) && derived.suffix(2) == expected.suffix(2))
        // Without a tokenizer the names have no tokens.
        #expect(try await means(bare.path, file) == expected.dropLast(2) + ["", ""])
        let refused = try await Program.run(["eval", "--model", bare.path, "--data", own.path])
        #expect(refused.status == 1 && refused.complaints.count == 1)
    }

    /// IO over S says little of a model that names neither.
    @Test func accuracyNeverStandsWithoutTop1() async throws {
        let arguments = ["eval", "--model", Self.path, "--count", "40"]
        let lines = try await Program.run(arguments).output.split(separator: "\n")
        #expect(lines.count { $0.contains("IO over S") } == 2)
        let splits = try #require(lines.last { $0.contains("IO over S") })
        #expect(splits.hasSuffix("IO over S  IO first of all"))
        let csv = try await Program.run(arguments + ["--format", "csv"]).output.split(separator: "\n")
        let columns = csv[0].split(separator: ",").map(String.init)
        let place = try #require(columns.firstIndex(of: "top1"))
        #expect(columns[place - 1] == "accuracy")
        for row in csv.dropFirst() where row.hasPrefix("ABBA,") || row.hasPrefix("BABA,") {
            let (group, top1) = (row.prefix(4), Double(row.split(separator: ",")[place])!)
            let line = try #require(lines.first { $0.hasPrefix("\(group) ") })
            #expect(line.hasSuffix(" \(String(format: "%.1f", 100 * top1)) %"))
        }
    }

    static let wrongUsage: [[String]] = [
        ["nonsense"],
        ["eval", "--cuont", "3"],
        ["eval", "--count", "0"],
        ["eval", "--count", "many"],
        ["eval", "--format", "xml"],
        ["eval", "--threads", "0"],
        ["eval", "--dataset", "dirty"],
        ["eval", "--data", "x.jsonl", "--count", "3"],
        ["data", "--abc", "xyz"],
        ["finetune", "--epochs", "0"],
        ["finetune", "--lr", "0"],
        ["finetune", "--lr", "nan"],
        ["finetune", "--weight-decay", "-1"],
        ["finetune", "--batch", "0"],
        ["finetune", "--loss", "some"],
        ["finetune", "--dropout", "1"],
        ["finetune", "--recipe", "best"],
        ["finetune", "--block", "16"],
        ["finetune", "--recipe", "published", "--loss", "answer"],
        ["finetune", "--recipe", "published", "--block", "49"],
        ["finetune", "--recipe", "published", "--bos"],
        ["finetune", "--text", "a.txt", "--count", "3"],
        ["finetune", "--text", "a.txt", "--data", "b.jsonl"],
        ["eval", "--backend", "best"],
        ["finetune", "--epochs", "3", "--save-at", "4"],
        ["finetune", "--save-at", "1,,2"],
        ["finetune", "--checkpoint-every", "0"],
        ["finetune", "--resume"],
        ["finetune", "--held-out"],
        ["finetune", "--from", "missing"],
    ]

    static let wrongFiles: [[String]] = [
        ["eval", "--data", "missing.jsonl"],
        ["data", "--names", "missing.txt"],
        ["data", "--templates", "missing.json"],
        ["finetune", "--data", "missing.jsonl"],
        ["finetune", "--text", "missing.txt"],
    ]

    @Test(arguments: wrongUsage)
    func wrongUsageIsOneComplaint(_ line: [String]) async throws { try await expectComplaint(line, 64) }

    @Test(arguments: wrongFiles)
    func aWrongFileIsOneComplaint(_ line: [String]) async throws { try await expectComplaint(line, 1) }

    func expectComplaint(_ line: [String], _ status: Int32) async throws {
        let run = try await Program.run(line + ["--model", Self.path])
        #expect(run.status == status, "\(line): \(run.errors)")
        #expect(run.complaints.count == 1, "\(line): \(run.errors)")
        #expect(run.complaints.first?.hasPrefix("ioi: ") == true)
        #expect(run.output.isEmpty)
    }

    @Test func aModelThatIsNotThereIsOneComplaint() async throws {
        for (arguments, status) in [
            (["eval", "--model", "./missing"], Int32(1)), (["finetune", "--from", "missing"], 1),
            (["eval", "--model", "gpt5"], 64),
        ] {
            let run = try await Program.run(arguments)
            #expect(run.status == status && run.complaints.count == 1, "\(run.errors)")
        }
        let nothing = ["IOI_MODELS": "/nowhere", "HOME": "/nowhere", "HF_HOME": "/nowhere", "IOI_DATA": ""]
        let run = try await Program.run(["eval", "--model", "gpt2-xl"], environment: nothing)
        #expect(run.status == 1 && run.complaints.count == 1 && run.errors.contains("fetch-gpt2.sh"))
    }

    /// Weights that are no numbers, cut off, or of another shape; before any training.
    @Test func aBrokenModelIsOneComplaint() async throws {
        let original = try Data(contentsOf: Self.model.model.appendingPathComponent("model.safetensors"))
        var poisoned = original
        poisoned.replaceSubrange(original.count - 4..<original.count, with: [0, 0, 0xc0, 0x7f])
        let config = try String(
            contentsOf: Self.model.model.appendingPathComponent("config.json"), encoding: .utf8
        )
        let other = config.replacingOccurrences(of: "\"n_positions\" : 48", with: "\"n_positions\" : 47")
        #expect(other != config)
        for (weights, config, word) in [
            (poisoned, config, "NaN"), (original.dropLast(8), config, "model.safetensors"),
            (original, other, "wpe.weight"), (original, "{", "config.json"),
        ] {
            let folder = Self.fresh()
            try FileManager.default.copyItem(at: Self.model.model, to: folder)
            try weights.write(to: folder.appendingPathComponent("model.safetensors"))
            try config.write(to: folder.appendingPathComponent("config.json"), atomically: true, encoding: .utf8)
            let run = try await Program.run(["finetune", "--model", folder.path, "--out", "run"], in: folder)
            #expect(run.status == 1 && run.complaints.count == 1, "\(run.errors)")
            #expect(run.errors.contains(word))
            #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("run").path))
        }
    }

    @Test func helpTeachesAndVersionsSay() async throws {
        for command in [[], ["data"], ["eval"], ["finetune"], ["model"], ["bench"]] {
            let run = try await Program.run(command + ["--help"])
            #expect(run.status == 0 && run.output.contains("USAGE: ioi"))
        }
        // The version alone comes first, for scripts.
        let version = try await Program.run(["--version"]).output.split(separator: "\n").map(String.init)
        #expect(version.first == ioiVersion)
        #expect(version[1].wholeMatch(of: /commit (unknown|[0-9a-f]{7,40}(-dirty)?)/) != nil)
        let libraries = Backend.allCases.filter(\.isAvailable).map(\.library) + [Ranks.library].compactMap { $0 }
        #expect(version[2...].elementsEqual(libraries))
    }

    @Test func modelInfoSaysTheShape() async throws {
        let run = try await Program.run(["model", "info", "--model", Self.path, "--format", "csv"])
        #expect(run.status == 0)
        #expect(run.output.contains("layers,2\n") && run.output.contains("heads,4\n"))
    }

    @Test func randomModelsAreRepeatableAndNeverOverwrite() async throws {
        let (first, second) = (Self.fresh(), Self.fresh())
        for folder in [first, second] {
            let run = try await Program.run(
                ["model", "random", "--layers", "1", "--heads", "2", "--width", "8", "--out", folder.path]
            )
            #expect(run.status == 0, "\(run.errors)")
        }
        func digest(_ folder: URL) throws -> String {
            try Digest.sha256(of: folder.appendingPathComponent("model.safetensors"))
        }
        #expect(try digest(first) == digest(second))
        let again = try await Program.run(["model", "random", "--out", first.path])
        #expect(again.status == 1 && again.complaints.count == 1)
    }

    /// A file-size limit stands in for a full disk: the same one-line error, nothing half-written left.
    @Test func aFullDiskIsOneComplaint() async throws {
        let folder = Self.fresh()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let data = try await Program.shell(
            "ulimit -f 8; exec \"$IOI\" data --model '\(Self.path)' --count 2000 --out data.jsonl", in: folder
        )
        #expect(data.status == 1 && data.complaints.count == 1, "\(data.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)

        let training = try await Program.shell(
            "ulimit -f 64; exec \"$IOI\" finetune --model '\(Self.path)' --count 32 --epochs 1 --eval-count 0 --out run",
            in: folder
        )
        #expect(training.status == 1 && training.complaints.count == 1, "\(training.errors)")
        let checkpoints = folder.appendingPathComponent("run/checkpoints").path
        #expect(try FileManager.default.contentsOfDirectory(atPath: checkpoints).isEmpty)
    }

    /// The command in a run's report makes the same run again.
    @Test func theCommandRepeatsTheRun() async throws {
        let model = try TemporaryModel()
        _ = try Self.start(model, "run").train()
        let record = try RunFolder(model.file("run")).record()
        let report = try RunReport(of: model.file("run"))
        #expect(report.html.contains(">\(record.commandLine.xml)</td>"))
        let words = record.commandLine.split(separator: " ").dropFirst().map(String.init)
        let run = try await Program.run(words + ["--out", model.file("again").path])
        #expect(run.status == 0, "\(run.errors)")
        let weights = "checkpoints/epoch-004/model.safetensors"
        #expect(try Self.digest(model, "again/\(weights)") == Self.digest(model, "run/\(weights)"))
        #expect(try RunFolder(model.file("again")).record() == record)
        #expect(run.output.contains("\nnext: ioi report \(model.file("again").path)\n"))
        let shown = try await Program.run(["report", model.file("again").path, "--csv", model.file("tables").path])
        #expect(shown.status == 0 && shown.output == "\(model.file("again/report.html").path)\n")
        #expect(FileManager.default.fileExists(atPath: model.file("tables/evaluation.csv").path))
    }
}
