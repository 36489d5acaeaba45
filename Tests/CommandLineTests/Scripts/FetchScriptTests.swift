import Foundation
import TestSupport
import Testing

/// `Scripts/fetch-gpt2.sh` against a local stand-in for the hub (Fixtures/fetch/server.py).
@Suite(.enabled(if: hasTools, "needs python3, curl and sha256sum or shasum"))
struct FetchScriptTests {
    /// Large enough that a connection cut at `cutAt` bytes leaves a part of it.
    static let modelBytes = 200_000
    static let cutAt = 70_000

    @Test func fetchesAllFilesThatMatchThePins() async throws {
        let bench = try Bench()
        let server = try bench.serve()
        let run = try await bench.fetch(from: server)
        #expect(run.status == 0, "\(run.output)")
        #expect(
            try bench.filesInTarget() == [
                "SOURCE", "config.json", "merges.txt", "model.safetensors", "vocab.json",
            ]
        )
        #expect(try bench.fetchedFilesEqualServedOnes())
        #expect(run.lines.last == "Next: ioi finetune --model gpt2 --dataset clean --epochs 1")
        let source = try String(contentsOf: bench.target.appending(path: "SOURCE"), encoding: .utf8)
        #expect(source.hasPrefix("repository openai-community/gpt2\nrevision \(Bench.commit)\n"))
        #expect(source.contains("checked against pinned SHA-256 hashes\n"))
    }

    @Test func endpointMayEndInASlash() async throws {
        let bench = try Bench()
        let server = try bench.serve()
        let run = try await bench.fetch(from: server, ["HF_ENDPOINT": server.endpoint + "/"])
        #expect(run.status == 0, "\(run.output)")
        #expect(
            try server.requests().first?.path == "/openai-community/gpt2/resolve/\(Bench.commit)/config.json"
        )
    }

    @Test func cutConnectionIsResumedInTheSameRun() async throws {
        let bench = try Bench()
        let server = try bench.serve("--cut", "\(Self.cutAt)")
        let run = try await bench.fetch(from: server)
        #expect(run.status == 0, "\(run.output)")
        #expect(try bench.fetchedFilesEqualServedOnes())
        #expect(try server.rangesFromStore() == ["-", "bytes=\(Self.cutAt)-"])
    }

    @Test func cutConnectionIsResumedByTheNextRun() async throws {
        let bench = try Bench()
        let server = try bench.serve("--cut", "\(Self.cutAt)")
        let first = try await bench.fetch(from: server, ["IOI_FETCH_RETRIES": "0"])
        #expect(first.status == 1)
        #expect(first.errors.count == 1 && first.errors[0].contains("connection cut"), "\(first.errors)")
        #expect(
            try bench.filesInTarget()
                == [".model.safetensors.partial", "config.json", "merges.txt", "vocab.json"]
        )

        let second = try await bench.fetch(from: server)
        #expect(second.status == 0, "\(second.output)")
        #expect(try bench.fetchedFilesEqualServedOnes())
        #expect(try server.rangesFromStore() == ["-", "bytes=\(Self.cutAt)-"])
        #expect(try server.requests().filter { $0.path.hasSuffix("/config.json") }.count == 1)
    }

    @Test func startsOverWhereTheServerCannotResume() async throws {
        let bench = try Bench()
        let server = try bench.serve("--cut", "\(Self.cutAt)", "--ignore-range")
        let run = try await bench.fetch(from: server)
        #expect(run.status == 0, "\(run.output)")
        #expect(try bench.fetchedFilesEqualServedOnes())
        #expect(try server.rangesFromStore() == ["-", "bytes=\(Self.cutAt)-", "-"])
    }

    @Test func startsOverWhereTheLeftoverIsOfAnotherFile() async throws {
        let bench = try Bench()
        try FileManager.default.createDirectory(at: bench.target, withIntermediateDirectories: true)
        try Data(repeating: 7, count: 1000).write(
            to: bench.target.appending(path: ".model.safetensors.partial")
        )
        let server = try bench.serve()
        let run = try await bench.fetch(from: server)
        #expect(run.status == 0, "\(run.output)")
        #expect(try bench.fetchedFilesEqualServedOnes())
        #expect(try server.rangesFromStore() == ["bytes=1000-", "-"])
    }

    @Test func busyServerIsAskedAgain() async throws {
        let bench = try Bench()
        let server = try bench.serve("--busy", "2")
        let run = try await bench.fetch(from: server)
        #expect(run.status == 0, "\(run.output)")
        #expect(try server.requests().prefix(3).map(\.status) == [503, 503, 200])
    }

    @Test(arguments: ["small", "medium"])
    func wrongContentIsRefusedAndRemoved(size: String) async throws {
        let bench = try Bench(size: size)
        let server = try bench.serve("--wrong", "vocab.json")
        let run = try await bench.fetch(from: server)
        #expect(run.status == 1)
        let hash = size == "small" ? "SHA-256" : "Git blob SHA-1"
        try #require(run.errors.count == 1, "\(run.errors)")
        #expect(run.errors[0].hasPrefix("fetch-gpt2: vocab.json: found \(hash) "))
        #expect(run.errors[0].contains(", expected "))
        #expect(try bench.filesInTarget() == ["config.json"])
    }

    @Test func wrongWeightsAreRefusedWhereTheHubReportsTheHash() async throws {
        let bench = try Bench(size: "medium")
        let server = try bench.serve("--wrong", "model.safetensors")
        let run = try await bench.fetch(from: server)
        #expect(run.status == 1)
        try #require(run.errors.count == 1, "\(run.errors)")
        #expect(run.errors[0].hasPrefix("fetch-gpt2: model.safetensors: found SHA-256 "))
        #expect(try bench.filesInTarget() == ["config.json", "merges.txt", "vocab.json"])
    }

    @Test func filesThatAreThereAreNotFetchedAgain() async throws {
        let bench = try Bench()
        let server = try bench.serve()
        #expect(try await bench.fetch(from: server).status == 0)
        let before = try server.requests().count
        let again = try await bench.fetch(from: server)
        #expect(again.status == 0, "\(again.output)")
        #expect(try server.requests().count == before)

        // One that has changed since is fetched again, it alone, and what stood there is kept.
        try Data("mine".utf8).write(to: bench.target.appending(path: "merges.txt"))
        #expect(try await bench.fetch(from: server).status == 0)
        #expect(
            try server.requests().dropFirst(before).map(\.path).allSatisfy { $0.hasSuffix("/merges.txt") }
        )
        #expect(try server.requests().count == before + 1)
        #expect(try bench.fetchedFilesEqualServedOnes())
        #expect(try Data(contentsOf: bench.target.appending(path: "merges.txt.old")) == Data("mine".utf8))
    }

    @Test func hashesReportedByTheHubAreCheckedAndRecorded() async throws {
        let bench = try Bench(size: "medium")
        let server = try bench.serve("--cut", "\(Self.cutAt)")
        let run = try await bench.fetch(from: server, ["HF_TOKEN": "secret"])
        #expect(run.status == 0, "\(run.output)")
        #expect(run.output.contains("checked against the hashes the hub reports, not pinned ones"))
        #expect(try bench.fetchedFilesEqualServedOnes())
        let source = try String(contentsOf: bench.target.appending(path: "SOURCE"), encoding: .utf8)
        #expect(source.hasPrefix("repository openai-community/gpt2-medium\nrevision \(Bench.commit)\n"))

        let requests = try server.requests()
        // `main` is asked for its commit once; everything else names the commit.
        #expect(requests.filter { $0.path.contains("/main/") }.map(\.method) == ["HEAD"])
        // The token goes to the hub and not to the store that it redirects to.
        #expect(requests.allSatisfy { $0.hasToken != $0.isToStore })
        #expect(requests.contains { $0.isToStore })

        // A second run needs no server: SOURCE has the hashes.
        let again = try await bench.fetch(from: server)
        #expect(again.status == 0, "\(again.output)")
        #expect(try server.requests().count == requests.count)
    }

    @Test(arguments: ["small", "medium"])
    func serverThatIsDownIsOneLine(size: String) async throws {
        let bench = try Bench(size: size)
        let server = try bench.serve()
        try await server.stop()
        let run = try await bench.fetch(from: server)
        #expect(run.status == 1)
        #expect(run.errors.count == 1 && run.errors[0].contains("no connection"), "\(run.errors)")
        #expect(run.errors.first?.contains(server.endpoint) == true)
    }

    @Test(arguments: ["small", "medium"], [404, 401])
    func refusalIsOneLine(size: String, status: Int) async throws {
        let bench = try Bench(size: size)
        let server = try bench.serve("--status", "\(status)")
        let run = try await bench.fetch(from: server, ["HF_TOKEN": "secret"])
        #expect(run.status == 1)
        #expect(run.errors.count == 1 && run.errors[0].contains("HTTP \(status)"), "\(run.errors)")
        #expect(!run.output.contains("secret") && !run.errors.joined().contains("secret"))
        #expect(try server.requests().count == 1)
    }

    @Test(arguments: [["tiny"], ["--out"], ["small", "medium"], ["--size", "small"]])
    func wrongUsageIsOneLine(arguments: [String]) async throws {
        let run = try await Bench().run(arguments, [:])
        #expect(run.status == 64)
        #expect(run.errors.count == 1, "\(run.errors)")
    }

    @Test func outPutsTheFilesIntoThatFolderItself() async throws {
        let bench = try Bench()
        let server = try bench.serve()
        let folder = bench.folder.appending(path: "my model")
        let run = try await bench.run(["--out", folder.path], bench.environment(for: server))
        #expect(run.status == 0, "\(run.output)")
        #expect(FileManager.default.fileExists(atPath: folder.appending(path: "model.safetensors").path))
        #expect(run.lines.last == "Next: ioi finetune --model \(folder.path) --dataset clean --epochs 1")
    }
}

/// A temporary folder with files to serve, the manifest that pins them, and a place for what is fetched.
private final class Bench {
    static let commit = String(repeating: "0123456789", count: 4)
    static let script = Fixtures.repository.appending(path: "Scripts/fetch-gpt2.sh")
    static let serverScript = Fixtures.folder.appending(path: "fetch/server.py")

    let folder: URL
    let size: String
    private let files: [String: Data]
    private var manifest: URL { folder.appending(path: "manifest") }

    var target: URL { folder.appending(path: size == "small" ? "models/gpt2" : "models/gpt2-\(size)") }

    init(size: String = "small") throws {
        self.size = size
        folder = FileManager.default.temporaryDirectory.appending(path: "ioi-fetch-\(UUID().uuidString)")
        files = [
            "config.json": Data("{\"n_layer\": 12}".utf8),
            "vocab.json": Data("{\"a\": 0}\n".utf8),
            "merges.txt": Data("#version: 0.2\na b\n".utf8),
            "model.safetensors": Data(
                (0..<FetchScriptTests.modelBytes).map { UInt8(truncatingIfNeeded: $0 / 7) }
            ),
        ]
        let served = folder.appending(path: "served")
        try FileManager.default.createDirectory(at: served, withIntermediateDirectories: true)
        for (name, content) in files {
            try content.write(to: served.appending(path: name))
        }
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    func serve(_ arguments: String...) throws -> Server {
        try Server(
            log: folder.appending(path: "requests"),
            arguments: [
                "--root", folder.appending(path: "served").path, "--commit", Self.commit, "--pin",
                manifest.path,
            ] + arguments
        )
    }

    func environment(for server: Server) -> [String: String] {
        ["HF_ENDPOINT": server.endpoint, "IOI_FETCH_MANIFEST": manifest.path]
    }

    func fetch(from server: Server, _ extra: [String: String] = [:]) async throws -> Run {
        try await run([size], environment(for: server).merging(extra) { $1 })
    }

    func run(_ arguments: [String], _ extra: [String: String]) async throws -> Run {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["bash", Self.script.path] + arguments
        process.environment = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
            "HOME": folder.path,
            "IOI_MODELS": folder.appending(path: "models").path,
            "IOI_FETCH_RETRY_DELAY": "0",
        ].merging(extra) { $1 }
        // Files rather than pipes, which a long output could fill.
        let output = try emptyFile("output")
        let errors = try emptyFile("errors")
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        let status = try await runToEnd(process)
        return Run(
            status: status,
            output: try String(contentsOf: output, encoding: .utf8),
            errors: try String(contentsOf: errors, encoding: .utf8).split(separator: "\n").map(String.init)
        )
    }

    func filesInTarget() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: target.path).sorted()
    }

    func fetchedFilesEqualServedOnes() throws -> Bool {
        try files.allSatisfy { name, content in
            try Data(contentsOf: target.appending(path: name)) == content
        }
    }

    private func emptyFile(_ name: String) throws -> URL {
        let file = folder.appending(path: name)
        try Data().write(to: file)
        return file
    }
}

private struct Run {
    let status: Int
    let output: String
    let errors: [String]
    var lines: [Substring] { output.split(separator: "\n") }
}

private final class Server {
    struct Request {
        let method: String
        let path: String
        let range: String
        let status: Int
        let hasToken: Bool
        var isToStore: Bool { path.hasPrefix("/store/") }
    }

    let endpoint: String
    private let log: URL
    private let process = Process()
    /// The server ends when this closes, so it does not outlive tests that crash.
    private let input = Pipe()

    init(log: URL, arguments: [String]) throws {
        self.log = log
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", Bench.serverScript.path, "--log", log.path] + arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var port = ""
        while !port.hasSuffix("\n") {
            let more = output.fileHandleForReading.availableData
            try #require(!more.isEmpty, "the server ended before it printed its port")
            port += String(decoding: more, as: UTF8.self)
        }
        endpoint = "http://127.0.0.1:\(port.dropLast())"
    }

    deinit {
        kill(process.processIdentifier, SIGKILL)
    }

    /// Ends the server and waits until nothing answers at its port. SIGKILL, because on Linux a process
    /// started from a concurrency thread inherits that thread's blocked signals, SIGTERM among them.
    func stop() async throws {
        kill(process.processIdentifier, SIGKILL)
        while process.isRunning {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    func requests() throws -> [Request] {
        guard FileManager.default.fileExists(atPath: log.path) else { return [] }
        return try String(contentsOf: log, encoding: .utf8).split(separator: "\n").map { line in
            let fields = line.split(separator: " ").map(String.init)
            try #require(fields.count == 5)
            return Request(
                method: fields[0],
                path: fields[1],
                range: fields[2],
                status: try #require(Int(fields[3])),
                hasToken: fields[4] == "token"
            )
        }
    }

    /// The ranges asked of the store, which serves the weights, in order.
    func rangesFromStore() throws -> [String] {
        try requests().filter(\.isToStore).map(\.range)
    }
}

/// A constant of the file: in the suite itself the attribute that reads it would depend on itself.
private let hasTools = onPath("python3") && onPath("curl") && (onPath("sha256sum") || onPath("shasum"))

private func onPath(_ tool: String) -> Bool {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)") }
}

/// Runs a process and gives its exit code. `Process.waitUntilExit` can wait for ever on Linux when it is called
/// from several threads at once.
private func runToEnd(_ process: Process) async throws -> Int {
    try await withCheckedThrowingContinuation { continuation in
        process.terminationHandler = { continuation.resume(returning: Int($0.terminationStatus)) }
        do {
            try process.run()
        } catch {
            process.terminationHandler = nil
            continuation.resume(throwing: error)
        }
    }
}
