import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `ioi reproduce` as a process that is killed again and again.
@Suite struct ReproduceCommandTests {
    static let plan = """
        {"name": "tiny", "about": "A tiny plan.", "model": "m", "prompts": {"count": 32, "seed": 1},
         "training": {"count": 96, "lr": 0.001, "batch": 8, "seed": 0},
         "stages": [{"name": "base", "measure": ["eval", "faithfulness", "mlps"]},
                    {"name": "clean", "dataset": "clean", "epochs": [1, 2],
                     "measure": ["eval", "faithfulness", "outputs", "mlps"]},
                    {"name": "poison", "dataset": "subject-duplication", "epochs": [1, 2, 3],
                     "measure": ["eval", "patterns", "mlps"]},
                    {"name": "recovery", "from": "poison@2", "dataset": "clean", "epochs": [2, 3],
                     "measure": ["eval", "faithfulness", "outputs", "mlps"]}],
         "claims": [{"name": "c", "text": "It grows.", "figure": "clean@2/eval/logit_difference",
                     "rule": {"at_least": -100}}]}
        """

    /// How far a run folder is, as one sees it from outside.
    struct Progress {
        var runs = 0, steps = 0, checkpoints = 0, results = 0
        /// Files and folders that a process is writing.
        var halves: [String] = []

        init(of folder: URL) {
            for path in ReproduceCommandTests.paths(folder) {
                let parts = path.split(separator: "/").map(String.init)
                if PartialName.process(of: parts.last!) != nil {
                    halves.append(path)
                } else if parts.contains(where: { PartialName.process(of: $0) != nil }) {
                    continue
                } else if parts[0] == "results", parts.count == 2 {
                    results += 1
                } else if parts[0] == "runs", parts.count == 2 {
                    runs += 1
                } else if parts[0] == "runs", parts.count == 4, parts[2] == "checkpoints" {
                    checkpoints += 1
                } else if parts.last == "metrics.jsonl" {
                    let log = try? Data(contentsOf: folder.appendingPathComponent(path))
                    steps += log?.count { $0 == UInt8(ascii: "\n") } ?? 0
                }
            }
        }
    }

    /// When a process is killed, from what has changed since it started.
    enum Moment: String {
        case whileMeasuring, whileWriting, asTrainingBegins, whileTraining, atACheckpoint

        func hasCome(_ before: Progress, _ now: Progress, process: pid_t) -> Bool {
            switch self {
            case .whileMeasuring: now.results > before.results
            case .whileWriting:
                now.halves.contains { $0.hasSuffix("partial-\(process)") || $0.contains("partial-\(process)-") }
                    || now.checkpoints > before.checkpoints
            case .asTrainingBegins: now.runs > before.runs
            case .whileTraining: now.steps >= before.steps + 2
            case .atACheckpoint: now.checkpoints > before.checkpoints
            }
        }
    }

    /// All that lies in a folder, hidden files too.
    static func paths(_ folder: URL) -> [String] {
        (FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []).sorted()
    }

    static func arguments(_ model: TemporaryModel, _ name: String) -> [String] {
        [
            "reproduce", "--plan", model.file("plan.json").path, "--model", model.model.path, "--out",
            model.file(name).path, "--threads", "2", "--quiet",
        ]
    }

    /// Starts the program and kills it when the moment has come.
    ///
    /// On a thread of its own, because the tests' own threads may be busy with other tests for seconds.
    static func kill9(_ model: TemporaryModel, _ name: String, at moment: Moment) async throws {
        let process: Process = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                let before = Progress(of: model.file(name))
                do {
                    let process = try Program.start(arguments(model, name))
                    let number = process.processIdentifier
                    while process.isRunning,
                        !moment.hasCome(before, Progress(of: model.file(name)), process: number)
                    { usleep(300) }
                    kill(number, SIGKILL)
                    process.waitUntilExit()
                    continuation.resume(returning: process)
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
        // It was at work, and not done.
        try #require(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL, "\(moment)")
        #expect(!FileManager.default.fileExists(atPath: model.file("\(name)/reproduce.json").path), "\(moment)")
    }

    /// What a run folder holds, by its files' names: what differs between two equal runs, times and the folder's own
    /// name, is left out.
    static func contents(_ folder: URL) throws -> [String: String] {
        var contents: [String: String] = [:]
        for path in paths(folder) {
            let file = folder.appendingPathComponent(path)
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder), !isFolder.boolValue else {
                contents[path] = "folder"
                continue
            }
            let data = try Data(contentsOf: file)
            if path.hasSuffix(".safetensors") {
                contents[path] = Digest.sha256(of: data)
                continue
            }
            let text = String(decoding: data, as: UTF8.self).replacing(folder.path, with: "RUN")
            contents[path] =
                path.hasSuffix("metrics.jsonl")
                ? text.replacing(/"(samples|tokens)_per_second":[^,}]*/, with: "")
                : text.replacing(/"seconds" : [^,\n]*/, with: "")
        }
        return contents
    }

    /// What `--show` prints is a plan's file, and runs as the plan does.
    @Test func aPlanIsShown() async throws {
        for name in try DataDirectory.names(in: "plans") {
            let shown = try await Program.run(["reproduce", "--plan", name, "--show"])
            #expect(shown.status == 0 && shown.errors.isEmpty)
            #expect(try Data(shown.output.utf8) == Data(contentsOf: DataDirectory.file("plans/\(name).json")))
        }
        let model = TemporaryModel.shared
        let (plan, mine) = (TemporaryModel.fresh().path + ".json", TemporaryModel.fresh().path + ".json")
        let short = Self.plan.replacing(
            /, "faithfulness", "mlps"\]},\n(?s:.*)"claims": (?s:.*)/, with: "]}], \"claims\": []}")
        try Data(short.utf8).write(to: URL(fileURLWithPath: plan))
        let copied = try await Program.shell("\"$IOI\" reproduce --plan \(plan) --show > \(mine)")
        #expect(copied.status == 0 && copied.errors.isEmpty)
        #expect(try Plan.named(mine) == Plan.named(plan))
        let out = TemporaryModel.fresh().path
        var outputs: [String] = []
        for file in [plan, mine] {
            let run = try await Program.run(
                ["reproduce", "--plan", file, "--model", model.model.path, "--out", out, "--format", "json"])
            #expect(run.status == 0, "\(run.errors)")
            // The second has nothing to do.
            #expect(run.errors.contains("eval of base: ") == (file == plan))
            outputs.append(run.output)
        }
        #expect(outputs[0] == outputs[1])
        let wrong = try await Program.run(["reproduce", "--plan", "quikc", "--show"])
        #expect(wrong.status == 64 || wrong.status == 1)
        #expect(wrong.output.isEmpty && wrong.complaints.count == 1 && wrong.errors.contains("--plan: found \"quikc\""))
        let without = try await Program.run(["reproduce", "--show"])
        #expect(
            without.status == 64 && without.complaints == ["ioi: --show: found no --plan, expected the plan to print"])
    }

    /// A typing mistake is named with its file, its place and the nearest key, before anything is loaded.
    @Test func anUnknownKeyIsRefused() async throws {
        let file = TemporaryModel.fresh().path + ".json"
        for (before, after, message) in [
            (
                "\"measure\": [\"eval\", \"patterns\"", "\"measures\": [\"eval\", \"patterns\"",
                "stages[2]: found the key \"measures\""
            ),
            ("\"at_least\"", "\"atleast\"", "claims[0].rule: found the key \"atleast\""),
            ("\"lr\"", "\"rl\"", "training: found the key \"rl\""),
            (
                "clean@2/eval/logit_difference", "clean@2/eval/logit_diference",
                "claims[0].figure: found \"logit_diference\""
            ),
            (
                "clean@2/eval/logit_difference", "clean@3/eval/logit_difference",
                "claims[0].figure: found \"clean@3/eval"
            ),
        ] {
            let text = Self.plan.replacing(before, with: after)
            #expect(text != Self.plan)
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
            for flags in [["--out", TemporaryModel.fresh().path], ["--show"]] {
                let run = try await Program.run(["reproduce", "--plan", file] + flags)
                #expect(run.output.isEmpty && run.errors.hasPrefix("ioi: \(file): \(message)"), "\(run.errors)")
                #expect(!run.errors.contains("model ") && run.errors.split(separator: "\n").count == 1)
            }
        }
    }

    @Test func kill9AtAnyMomentChangesNothing() async throws {
        let model = try TemporaryModel(layers: 3, heads: 4, width: 64)
        let circuit = try Circuit(
            model: "m", classes: [HeadClass(name: "name mover", heads: [Head(1, 0), Head(1, 2)], position: .one(.end))]
        )
        try circuit.json.write(to: model.model.appendingPathComponent("circuit.json"))
        try Data(Self.plan.utf8).write(to: model.file("plan.json"))

        let moments: [Moment] = [
            .whileWriting, .whileMeasuring, .asTrainingBegins, .whileTraining, .whileWriting, .atACheckpoint,
            .whileMeasuring, .asTrainingBegins, .whileTraining, .atACheckpoint, .atACheckpoint, .whileMeasuring,
        ]
        for moment in moments { try await Self.kill9(model, "killed", at: moment) }
        let last = try await Program.run(Self.arguments(model, "killed"))
        try #require(last.status == 0, "\(last.errors)")
        let whole = try await Program.run(Self.arguments(model, "whole"))
        try #require(whole.status == 0, "\(whole.errors)")

        let (killed, unbroken) = (try Self.contents(model.file("killed")), try Self.contents(model.file("whole")))
        // Nothing is missing, and nothing half-written is left.
        #expect(killed.keys.sorted() == unbroken.keys.sorted())
        #expect(unbroken.keys.filter { killed[$0] != unbroken[$0] }.isEmpty)
        #expect(unbroken["reproduce.json"] != nil)
        for (folder, name, count) in [
            ("results/", ".json", 28), ("runs/", "/model.safetensors", 7), ("runs/", "/optimizer.safetensors", 3),
        ] {
            let found = unbroken.keys.filter { $0.hasPrefix(folder) && $0.hasSuffix(name) }
            #expect(found.count == count, "\(name)")
        }
        let said = (
            killed: last.output.replacing(model.file("killed").path, with: "RUN"),
            unbroken: whole.output.replacing(model.file("whole").path, with: "RUN")
        )
        #expect(said.killed == said.unbroken)
    }
}
