import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `mpirun -n R ioi finetune` trains as one process does.
@Suite(.enabled(if: RankedProgram.obstacle == nil, Comment(rawValue: RankedProgram.obstacle ?? "")))
struct FinetuneRanksTests: FinetuneRuns {
    static let model = try! TemporaryModel()

    /// Two epochs of 8, 8 and 2 examples, fewer than some numbers of ranks.
    static let common = [
        "--model", model.model.path, "--count", "18", "--batch", "8", "--epochs", "2", "--lr", "1e-4", "--eval-count",
        "6", "--threads", "1",
    ]

    enum Form: String, CaseIterable {
        case answers, limited, published, blocks

        var flags: [String] {
            switch self {
            case .answers: ["--recipe", "plain"]
            case .limited: ["--recipe", "plain", "--clip", "0.5", "--dropout", "0.2", "--warm-up", "2"]
            // A limit and dropout on blocks of the prompts' text.
            case .published: ["--recipe", "published", "--block", "20"]
            case .blocks: ["--recipe", "published", "--block", "16", "--clip", "1e9"]
            }
        }

        /// Its run by one process.
        func whole() async throws -> URL {
            let url = FinetuneRanksTests.model.file("whole-\(rawValue)-\(UUID().uuidString)")
            try await FinetuneRanksTests.finetune(1, self, url)
            return url
        }
    }

    static func finetune(_ ranks: Int, _ form: Form, _ url: URL, _ more: [String] = []) async throws {
        let arguments = ["finetune"] + common + form.flags + ["--out", url.path] + more
        let run =
            ranks == 1 ? try await Program.run(arguments) : try await RankedProgram.run(ranks, arguments)
        #expect(run.status == 0, "\(run.errors)")
    }

    /// Losses to 10⁻⁶ of themselves, weights and moments to rounding, and what else lies in the folder the same.
    static func expectEqual(_ run: URL, _ whole: URL, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let (losses, expected) = (try RunFolder(run).metrics(), try RunFolder(whole).metrics())
        #expect(losses.count == expected.count && losses.count > 1, sourceLocation: sourceLocation)
        for (found, expected) in zip(losses, expected) {
            #expect(found.step == expected.step && found.epoch == expected.epoch && found.lr == expected.lr)
            #expect(abs(found.loss - expected.loss) <= 1e-6 * expected.loss, sourceLocation: sourceLocation)
        }
        let (last, lastOfWhole) = (try RunFolder(run).savedCheckpoints(), try RunFolder(whole).savedCheckpoints())
        #expect(last.map(\.folder.lastPathComponent) == lastOfWhole.map(\.folder.lastPathComponent))
        let (checkpoint, other) = (try #require(last.last), try #require(lastOfWhole.last))
        let config = try model.load().config
        let workers = Workers(count: 1)
        let weights = try [checkpoint, other].map { try $0.parameters(config, workers: workers) }
        expectClose(config, weights[0].values, weights[1].values, sourceLocation)
        let settings = try RunFolder(whole).record().settings
        let moments = try [checkpoint, other].map { try $0.optimizer(config, settings: settings, workers: workers) }
        expectClose(config, moments[0].first.values, moments[1].first.values, sourceLocation)
        expectClose(config, moments[0].second.values, moments[1].second.values, sourceLocation)
        #expect(moments[1].second.values(of: "wpe.weight")!.contains { $0 > 0 }, sourceLocation: sourceLocation)
        func names(_ url: URL) throws -> [String] {
            try FileManager.default.subpathsOfDirectory(atPath: url.path).sorted()
        }
        #expect(try names(run) == names(whole), sourceLocation: sourceLocation)
    }

    private static func expectClose(
        _ config: GPT2Config,
        _ found: (_ name: String) -> [Float]?,
        _ expected: (_ name: String) -> [Float]?,
        _ sourceLocation: SourceLocation
    ) {
        let d = config.width
        for entry in GPT2Parameters.entries(of: config) {
            var (values, others) = (found(entry.name)!, expected(entry.name)!)
            // The keys' biases change no pattern, so that their gradients are rounding errors alone.
            if entry.name.hasSuffix("c_attn.bias") {
                for index in d..<2 * d { (values[index], others[index]) = (0, 0) }
            }
            let difference = zip(values, others).map { abs($0 - $1) }.max()!
            let scale = others.map(abs).max()!
            #expect(
                difference <= 1e-5 * scale, "\(entry.name): \(difference) of \(scale)", sourceLocation: sourceLocation)
        }
    }

    @Test(arguments: Form.allCases) func anyNumberOfRanksTrainsAsOneProcess(_ form: Form) async throws {
        let whole = try await form.whole()
        for ranks in 2...4 {
            let run = Self.model.file("\(form)-\(ranks)")
            try await Self.finetune(ranks, form, run)
            try Self.expectEqual(run, whole)
            #expect(
                try String(contentsOf: run.appendingPathComponent("config.json"), encoding: .utf8)
                    == String(contentsOf: whole.appendingPathComponent("config.json"), encoding: .utf8))
        }
    }

    @Test(arguments: [Form.answers, .published]) func anotherNumberOfRanksResumes(_ form: Form) async throws {
        let whole = try await form.whole()
        let run = Self.model.file("resumed-\(form)")
        // A run that ends early and is prolonged has another course of the rate, so it is stopped by its checkpoints.
        try await Self.finetune(3, form, run, ["--checkpoint-every", "1", "--keep-optimizer"])
        for (ranks, steps) in [(2, 2), (1, 3), (4, 4)] {
            try Self.rewind(run, to: steps)
            let arguments = ["finetune", "--resume", "--out", run.path]
            let outcome =
                ranks == 1 ? try await Program.run(arguments) : try await RankedProgram.run(ranks, arguments)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("resuming after step \(steps) of"))
        }
        let (losses, expected) = (try RunFolder(run).metrics(), try RunFolder(whole).metrics())
        #expect(losses.count == expected.count)
        for (found, expected) in zip(losses, expected) { #expect(abs(found.loss - expected.loss) <= 1e-6 * found.loss) }
    }

    /// Removes the checkpoints after a step, as if the run had been killed then.
    static func rewind(_ run: URL, to step: Int) throws {
        for checkpoint in try RunFolder(run).savedCheckpoints() where checkpoint.step > step {
            try FileManager.default.removeItem(at: checkpoint.folder)
        }
    }

    @Test func aBatchNeedsAnExampleForEachRank() async throws {
        let run = Self.model.file("too-many")
        let arguments = ["finetune"] + Self.common + ["--batch", "2", "--out", run.path]
        let outcome = try await RankedProgram.run(3, arguments)
        #expect(outcome.status != 0)
        let complaints = outcome.complaints.filter { $0.hasPrefix("ioi") || $0.contains("batch") }
        #expect(complaints == ["ioi: --batch: found 2, expected at least 3, an example for each process"])
        #expect(!FileManager.default.fileExists(atPath: run.path))
    }

    @Test func aRunThatLosesARankResumes() async throws {
        let run = Self.model.file("killed")
        let (status, count) = try await Self.stopped(3, run, "killed") { kill($0[1], SIGKILL) }
        #expect(status != 0 && count == 3)
        try await Self.expectResumed(run, InterruptTests.metricLines(Self.model, "killed"))
    }

    /// mpirun hands SIGUSR1 on to all ranks (unless it is blocked, as it is below the tests); a signal may also reach one
    /// rank alone.
    @Test(arguments: [false, true]) func anInterruptedRunSavesAndResumes(_ isForOne: Bool) async throws {
        let name = "interrupted-\(isForOne)"
        let run = Self.model.file(name)
        let (status, count) = try await Self.stopped(2, run, name) { ranks in
            for rank in isForOne ? ranks.suffix(1) : ranks { kill(rank, isForOne ? SIGTERM : SIGUSR1) }
        }
        #expect(status != 0 && count == 2)
        let lines = InterruptTests.metricLines(Self.model, name)
        #expect(try RunFolder(run).savedCheckpoints().last?.step == lines)
        try await Self.expectResumed(run, lines)
    }

    /// Starts a run on some ranks, and stops it after some steps.
    ///
    /// - Returns: its status, and the number of its processes.
    private static func stopped(
        _ count: Int,
        _ run: URL,
        _ name: String,
        by stop: @escaping @Sendable ([pid_t]) -> Void
    ) async throws -> (status: Int32, count: Int) {
        try await onOwnThread {
            let process = try RankedProgram.start(count, long(run))
            while InterruptTests.metricLines(model, name) < 8, process.isRunning { usleep(2000) }
            let ranks = RankedProgram.processes(of: process)
            if ranks.count == count { stop(ranks) }
            while process.isRunning { usleep(2000) }
            return (process.terminationStatus, ranks.count)
        }
    }

    private static let steps = 640

    /// A run which is stopped before its end, of which the first 30 steps are to be compared.
    private static func long(_ run: URL) -> [String] {
        [
            "finetune", "--model", model.model.path, "--count", "\(8 * steps)", "--batch", "8", "--epochs", "1", "--lr",
            "1e-4",
            "--checkpoint-every", "7", "--eval-count", "0", "--threads", "1", "--recipe", "plain", "--out", run.path,
        ]
    }

    private static func expectResumed(_ run: URL, _ steps: Int) async throws {
        #expect(steps < Self.steps)
        let resumed = try await RankedProgram.run(2, ["finetune", "--resume", "--out", run.path])
        #expect(resumed.status == 0, "\(resumed.errors)")
        let whole = model.file(UUID().uuidString)
        let other = try await Program.run(long(whole))
        #expect(other.status == 0, "\(other.errors)")
        let (losses, expected) = (try RunFolder(run).metrics(), try RunFolder(whole).metrics())
        #expect(losses.count == Self.steps && expected.count == Self.steps)
        // Rounding errors grow from step to step.
        for (found, expected) in zip(losses, expected).prefix(30) {
            #expect(abs(found.loss - expected.loss) <= 1e-6 * expected.loss)
        }
    }
}
