import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Runs that are stopped in the middle, gently or not, by real signals to the real program.
@Suite struct InterruptTests: FinetuneRuns {
    /// Of a run of 320 steps, so that a signal comes before its end on a busy machine as well.
    static func arguments(_ model: TemporaryModel, _ name: String) -> [String] {
        [
            "finetune", "--model", model.model.path, "--count", "2560", "--epochs", "4", "--save-at", "1,2",
            "--checkpoint-every", "7", "--lr", "1e-3", "--eval-count", "16", "--threads", "2", "--out",
            model.file(name).path,
        ]
    }

    static func metricLines(_ model: TemporaryModel, _ name: String) -> Int {
        let text = try? String(contentsOf: model.file("\(name)/metrics.jsonl"), encoding: .utf8)
        return text?.split(separator: "\n").count ?? 0
    }

    /// Waits until the run has done some steps.
    static func wait(_ model: TemporaryModel, _ name: String, steps: Int, while process: Process) async throws {
        while metricLines(model, name) < steps, process.isRunning {
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    static func stop(_ process: Process, _ number: Int32) async throws -> Int32 {
        kill(process.processIdentifier, number)
        while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
        return process.terminationStatus
    }

    /// Stops a command again and again, each time a little later so that some of its work gets done on a slow machine as
    /// well, until it ends. Its results are then those of a run that nothing stopped.
    ///
    /// - Parameter milliseconds: before the first stop.
    static func expectSameResultsOfStopped(
        _ arguments: [String],
        first milliseconds: Double,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let (out, whole) = (CommandTests.fresh(), CommandTests.fresh())
        let run = try await Program.run(arguments + ["--out", whole.path])
        #expect(run.status == 0, "\(run.errors)", sourceLocation: sourceLocation)
        var (stops, status): (Int, Int32) = (0, 130)
        while status == 130, stops < 40 {
            let process = try Program.start(arguments + ["--out", out.path])
            try await Task.sleep(for: .milliseconds(milliseconds * pow(1.15, Double(stops))))
            status = try await stop(process, SIGINT)
            stops += 1
            // Before it listens, a signal just ends the program.
            if status == SIGINT { status = 130 }
            #expect(status == 0 || status == 130, sourceLocation: sourceLocation)
            #expect(
                FileManager.default.fileExists(atPath: out.path) == (status == 0), sourceLocation: sourceLocation
            )
        }
        #expect(status == 0 && stops > 1, sourceLocation: sourceLocation)
        #expect(!FileManager.default.fileExists(atPath: out.path + ".partial"), sourceLocation: sourceLocation)
        func results(_ file: URL) throws -> NSDictionary? {
            let document = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
            return document?["results"] as? NSDictionary
        }
        #expect(try results(out) != nil && results(out) == results(whole), sourceLocation: sourceLocation)
    }

    static func expectSame(_ model: TemporaryModel, _ names: String...) throws {
        let path = "checkpoints/epoch-004/model.safetensors"
        let digests = try names.map { try Digest.sha256(of: model.file("\($0)/\(path)")) }
        #expect(Set(digests).count == 1)
        let losses = try names.map { try Self.losses(model, $0).map(\.loss) }
        #expect(losses.allSatisfy { $0 == losses[0] })
        #expect(losses[0].count >= 40)
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func aSignalSavesAndTheRunGoesOnAsIfNever(_ number: Int32) async throws {
        // Large enough that a busy machine sends the signal before the end.
        let model = try TemporaryModel(layers: 4, heads: 4, width: 128)
        #expect(try await Program.run(Self.arguments(model, "whole")).status == 0)
        let process = try Program.start(Self.arguments(model, "stopped"))
        try await Self.wait(model, "stopped", steps: 3, while: process)
        let status = try await Self.stop(process, number)
        #expect(status == 130)
        let saved = try RunFolder(model.file("stopped")).savedCheckpoints().last
        #expect(saved?.step == Self.metricLines(model, "stopped"))
        let resumed = try await Program.run(["finetune", "--resume", "--out", model.file("stopped").path])
        #expect(resumed.status == 0, "\(resumed.errors)")
        try Self.expectSame(model, "whole", "stopped")
    }

    /// On prompts, and on blocks of text with dropout.
    @Test(arguments: [[], ["--recipe", "published", "--block", "16", "--batch", "32"]])
    func kill9NeverLosesACheckpoint(_ recipe: [String]) async throws {
        let model = try TemporaryModel(layers: 2, heads: 4, width: 64)
        #expect(try await Program.run(Self.arguments(model, "whole") + recipe).status == 0)
        var process = try Program.start(Self.arguments(model, "killed") + recipe)
        var known: Set<String> = []
        for round in 1...12 {
            try await Self.wait(model, "killed", steps: 3 * round, while: process)
            // Anywhere in the steps, savings and measurements that follow.
            try await Task.sleep(for: .milliseconds(3 * round))
            _ = try await Self.stop(process, SIGKILL)
            let saved = try RunFolder(model.file("killed")).savedCheckpoints()
            for checkpoint in saved {
                _ = try GPT2(ModelLocation(folder: checkpoint.folder), workers: Workers(count: 1))
            }
            let names = Set(saved.map(\.folder.lastPathComponent))
            #expect(known.isSubset(of: names))
            known = names
            #expect(saved.isEmpty || saved.last!.holdsOptimizer)
            process = try Program.start(["finetune", "--resume", "--out", model.file("killed").path])
        }
        while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
        #expect(process.terminationStatus == 0)
        try Self.expectSame(model, "whole", "killed")
    }
}
