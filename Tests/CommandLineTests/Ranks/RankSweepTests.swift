import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// `mpirun -n R ioi …` measures what one process measures.
@Suite(.enabled(if: RankedProgram.obstacle == nil, Comment(rawValue: RankedProgram.obstacle ?? "")))
struct RankSweepTests {
    static let model = try! TemporaryModel(seed: 2)
    static let donor = try! TemporaryModel(seed: 4)
    static let circuit: URL = {
        let file = model.file("circuit.json")
        try! JSONEncoder.readable.encode(TemporaryModel.circuit).write(to: file)
        return file
    }()

    /// With several prompts for each rank, and with fewer, whose patched runs are divided.
    static let commands: [[String]] = [
        ["eval", "--count", "7", "--per-prompt"],
        ["patch", "--mode", "path", "--receiver", "logits", "--count", "7", "--per-prompt"],
        ["patch", "--mode", "path", "--receiver", "q:1.0,1.2@END", "--count", "1", "--per-prompt"],
        ["patch", "--mode", "activation", "--count", "7", "--per-prompt"],
        ["patch", "--mode", "activation", "--metric", "kl", "--count", "1", "--per-prompt"],
        ["patch", "--mode", "cross-model", "--donor", donor.model.path, "--count", "4", "--per-prompt"],
        ["knockout", "--heads", "all", "--each", "--count", "70", "--per-prompt"],
        ["knockout", "--heads", "all", "--each", "--ablate", "resample", "--count", "7", "--per-prompt"],
        ["faithfulness", "--circuit", circuit.path, "--count", "7", "--per-prompt", "--random-sets", "2"],
        ["faithfulness", "--circuit", circuit.path, "--ablate", "mean", "--abc-count", "60", "--count", "2"],
        [
            "circuit", "validate", "--circuit", circuit.path, "--count", "7", "--greedy-runs", "1", "--greedy-steps",
            "2", "--greedy-candidates", "3",
        ],
        ["circuit", "discover", "--method", "path", "--count", "12", "--model", "embedded"],
        [
            "circuit", "discover", "--method", "acdc", "--metric", "logit-difference", "--threshold", "0", "--count",
            "5",
        ],
        ["circuit", "discover", "--method", "acdc", "--metric", "kl", "--threshold", "1e-6", "--count", "2"],
        ["circuit", "discover", "--method", "eap", "--edges", "20", "--count", "7", "--curve"],
        ["circuit", "discover", "--method", "eap-ig", "--steps", "2", "--edges", "20", "--count", "2"],
        ["heads", "--analyses", "dla,copying,scatter,ov", "--count", "7"],
        ["heads", "--analyses", "inhibition", "--circuit", circuit.path, "--count", "3"],
        ["lens", "--count", "7", "--per-prompt"],
    ]

    @Test(arguments: commands) func anyNumberOfRanksMeasuresWhatOneProcessDoes(_ command: [String]) async throws {
        let whole = try await Self.measure(1, command)
        for ranks in [2, 3] { try Self.expectEqual(await Self.measure(ranks, command), whole) }
    }

    struct Measured {
        let output, errors: String
        let document: JSONValue
    }

    static func measure(_ ranks: Int, _ command: [String]) async throws -> Measured {
        let file = CommandTests.fresh()
        let model = command.contains("--model") ? [] : ["--model", model.model.path]
        let arguments = command + model + ["--threads", "1", "--quiet", "--out", file.path]
        let run = try await ranks == 1 ? Program.run(arguments) : RankedProgram.run(ranks, arguments)
        #expect(run.status == 0, "\(run.errors)")
        let document = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: file))
        return Measured(output: run.output, errors: run.errors, document: document)
    }

    /// With oneDNN a prompt's values do not depend on the prompts beside it; with OpenBLAS they do by rounding.
    static func expectEqual(
        _ found: Measured,
        _ whole: Measured,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let isExact = Backend.current == .oneDNN
        let moved = difference(found.document, whole.document, at: "", isExact ? 0 : 1e-5)
        #expect(moved == nil, sourceLocation: sourceLocation)
        // Once, by rank 0.
        #expect(!whole.errors.isEmpty && found.errors == whole.errors, sourceLocation: sourceLocation)
        if isExact { #expect(found.output == whole.output, sourceLocation: sourceLocation) }
    }

    /// The first field in which two documents differ, but for times.
    private static func difference(_ a: JSONValue, _ b: JSONValue, at path: String, _ tolerance: Double) -> String? {
        switch (a, b) {
        case (.number(let x), .number(let y)):
            return abs(x - y) <= tolerance * max(1, abs(y)) ? nil : "\(path): \(x) and \(y)"
        case (.array(let x), .array(let y)) where x.count == y.count:
            return x.indices.lazy.compactMap { difference(x[$0], y[$0], at: "\(path)[\($0)]", tolerance) }.first
        case (.object(let x), .object(let y)) where x.keys == y.keys:
            return x.keys.sorted().lazy.filter { !$0.hasPrefix("seconds") }
                .compactMap { difference(x[$0]!, y[$0]!, at: "\(path).\($0)", tolerance) }.first
        default: return a == b ? nil : "\(path): \(a) and \(b)"
        }
    }

    // MARK: Files

    @Test func standardInputReachesAllRanks() async throws {
        let prompts = Self.model.file("prompts.jsonl")
        let data = ["data", "--model", Self.model.model.path, "--count", "5", "--out", prompts.path]
        #expect(try await Program.run(data).status == 0)
        let whole = try await Self.measure(1, ["eval", "--data", prompts.path, "--per-prompt"])
        let out = CommandTests.fresh()
        let run = try await Mpirun.shell(
            "mpirun -n 3 \"$IOI\" eval --data - --per-prompt --model '\(Self.model.model.path)' --threads 1 --quiet "
                + "--out '\(out.path)' < '\(prompts.path)'")
        #expect(run.status == 0, "\(run.errors)")
        let found = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: out))
        guard case .object(let a) = found, case .object(let b) = whole.document else { throw IOIError("no object") }
        #expect(a["results"] != nil && a["results"] == b["results"])
    }

    @Test func rankZeroWritesAllFiles() async throws {
        let folder = Self.model.file("listing")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let model = ["--model", Self.model.model.path, "--count", "3", "--quiet"]
        let patch = try await RankedProgram.run(
            3,
            ["patch", "--mode", "activation", "--chart", "map.svg", "--out", "map.json", "--format", "csv"] + model,
            in: folder)
        let alone = try await Program.run(["patch", "--mode", "activation", "--format", "csv"] + model)
        #expect(patch.status == 0 && patch.output == alone.output, "\(patch.errors)")
        let verify = try await RankedProgram.run(
            2, ["verify", "map.json", "--junit", "v.xml", "--out", "v.json"], in: folder)
        #expect(verify.status == 0 && verify.output.contains("passed: all"), "\(verify.errors)")
        #expect(verify.output.components(separatedBy: "passed").count == 2)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names == ["map.json", "map.svg", "v.json", "v.xml"])
    }

    @Test func aPlansMeasurementsAreThoseOfOneProcess() async throws {
        let plan = Self.model.file("plan.json")
        let text = """
            {"name": "tiny", "about": "A tiny plan.", "model": "\(Self.model.model.path)",
             "prompts": {"count": 6, "seed": 1}, "claims": [],
             "training": {"count": 16, "lr": 0.001, "batch": 8, "seed": 0},
             "stages": [{"name": "base", "measure": ["eval", "mlps", "heads"]}]}
            """
        try Data(text.utf8).write(to: plan)
        func results(_ ranks: Int) async throws -> [String: JSONValue] {
            let folder = Self.model.file("plan-\(ranks)")
            let arguments = ["reproduce", "--plan", plan.path, "--threads", "1", "--quiet", "--out", folder.path]
            let run = try await ranks == 1 ? Program.run(arguments) : RankedProgram.run(ranks, arguments)
            #expect(run.status == 0, "\(run.errors)")
            var found: [String: JSONValue] = [:]
            for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
                guard name.hasSuffix(".json") else { found[name] = .null; continue }
                let data = try Data(contentsOf: folder.appendingPathComponent(name))
                found[name] = try JSONDecoder().decode(JSONValue.self, from: data)
            }
            return found
        }
        let (whole, shared) = try await (results(1), results(3))
        #expect(whole.count > 2 && whole.keys == shared.keys)
        for (name, value) in whole {
            guard case .object(let a) = value, case .object(let b) = shared[name] else { continue }
            #expect(a["results"] == b["results"])
        }
    }

    // MARK: Errors

    @Test func whatAllRanksRefuseIsOneLine() async throws {
        for (flags, complaint) in [
            (["eval", "--count", "many"], "ioi: --count: found \"many\", expected a number"),
            (
                ["compare", "a", "b"],
                "ioi: found 2 processes for ioi compare, which does not divide its work, expected one"
            ),
        ] {
            let run = try await Mpirun.run(["-n", "2", Program.url.path] + flags)
            #expect(run.status == 64 && run.output.isEmpty)
            #expect(Self.complaints(run) == [complaint])
        }
    }

    @Test func whatCannotBeWrittenIsOneLine() async throws {
        let run = try await Mpirun.run(
            [
                "-n", "2", Program.url.path, "eval", "--model", Self.model.model.path, "--count", "3", "--out",
                "/dev/full",
            ])
        #expect(run.status == 1)
        #expect(Self.complaints(run).count == 1 && Self.complaints(run)[0].hasPrefix("ioi: /dev/full: "))
    }

    /// Rank 1 has another path to its prompts, where there are none.
    @Test func anErrorOfOneRankEndsAll() async throws {
        let prompts = Self.model.file("own.jsonl")
        let data = ["data", "--model", Self.model.model.path, "--count", "5", "--out", prompts.path]
        #expect(try await Program.run(data).status == 0)
        func rank(_ prompts: String) -> [String] {
            ["-n", "1", Program.url.path, "eval", "--model", Self.model.model.path, "--data", prompts]
        }
        for (first, second, line) in [
            (prompts.path, "/dev/null", "ioi: rank 1: /dev/null: "), ("/dev/null", prompts.path, "ioi: /dev/null: "),
        ] {
            let run = try await Mpirun.run(rank(first) + [":"] + rank(second))
            #expect(run.status == 1 && run.output.isEmpty)
            let complaints = Self.complaints(run)
            #expect(complaints.count == 1 && complaints[0].hasPrefix(line), "\(run.errors)")
        }
    }

    private static func complaints(_ run: Program.Outcome) -> [String] {
        run.complaints.filter { $0.hasPrefix("ioi:") }
    }

    // MARK: Signals

    /// Work of several seconds.
    static let long = [
        "patch", "--mode", "activation", "--site", "z", "--count", "900", "--model", larger.model.path, "--threads",
        "1",
        "--memory", "0.05",
    ]
    static let larger = try! TemporaryModel(layers: 4, heads: 8, width: 128)

    @Test func aKilledRankEndsAll() async throws {
        let folder = Self.model.file("killed")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let (status, found) = try await onOwnThread { () -> (Int32, Int) in
            let process = try Mpirun.start(2, Self.long + ["--out", folder.path + "/map.json"])
            var ranks: [pid_t] = []
            while ranks.count < 2, process.isRunning {
                usleep(5000)
                ranks = RankedProgram.processes(of: process)
            }
            // Both joined, and at work.
            sleep(1)
            if let last = ranks.last { kill(last, SIGKILL) }
            while process.isRunning { usleep(5000) }
            // The other ends, though nobody may ask for its status.
            while ranks.contains(where: Self.isRunning) { usleep(5000) }
            return (process.terminationStatus, ranks.count)
        }
        #expect(found == 2 && status != 0)
        // Rank 0 is told to stop, so it may have saved; a lock without a process that holds it keeps nobody out.
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(names).isSubset(of: ["map.json.partial", ".map.json.lock"]))
    }

    private static func isRunning(_ process: pid_t) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        return status.split(separator: ")").last?.hasPrefix(" Z") == false
    }

    /// Stopped again and again, each time a little later, with another number of ranks after each save, until it ends.
    /// mpirun passes SIGUSR1 on, and SIGINT as SIGTERM.
    @Test(arguments: [SIGUSR1, SIGINT])
    func whatIsInterruptedResumesWithAnyNumberOfRanks(_ number: Int32) async throws {
        let (out, whole) = (CommandTests.fresh(), CommandTests.fresh())
        let run = try await Program.run(Self.long + ["--out", whole.path])
        #expect(run.status == 0, "\(run.errors)")
        var (stops, saves): (Int, Set<Int>) = (0, [])
        func isDone() -> Bool { FileManager.default.fileExists(atPath: out.path) }
        while !isDone(), stops < 30 {
            let (ranks, pause) = (2 + saves.count % 2, pow(1.25, Double(stops)))
            let status = try await onOwnThread {
                let process = try Mpirun.start(ranks, Self.long + ["--out", out.path])
                usleep(UInt32(1e6 * pause))
                kill(process.processIdentifier, number)
                while process.isRunning { usleep(5000) }
                return process.terminationStatus
            }
            stops += 1
            if let partial = try? Data(contentsOf: URL(fileURLWithPath: out.path + ".partial")) {
                saves.insert(partial.count)
            }
            // mpirun that was interrupted fails also where its processes had ended.
            #expect(status != 0 || isDone())
        }
        #expect(isDone() && !saves.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: out.path + ".partial"))
        func results(_ file: URL) throws -> JSONValue? {
            guard case .object(let document) = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: file))
            else { return nil }
            return document["results"]
        }
        #expect(try results(out) != nil && results(out) == results(whole))
    }
}

/// mpirun with any arguments. It gives its processes a second to save.
private enum Mpirun {
    private static let environment = [
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none", "OMPI_MCA_odls_base_sigkill_timeout": "1",
        "IOI": Program.url.path,
    ]

    static func run(_ arguments: [String]) async throws -> Program.Outcome {
        try await Program.run(
            URL(fileURLWithPath: "/usr/bin/env"), ["mpirun"] + arguments, in: nil, environment: environment)
    }

    static func shell(_ line: String) async throws -> Program.Outcome {
        try await Program.run(URL(fileURLWithPath: "/bin/sh"), ["-c", line], in: nil, environment: environment)
    }

    /// Starts it and leaves it running; what it says is thrown away.
    static func start(_ ranks: Int, _ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["mpirun", "-n", "\(ranks)", Program.url.path] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        // Threads of tests may block signals, and mpirun, which inherits that, would never see them.
        var (none, before) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try process.run()
        return process
    }
}
