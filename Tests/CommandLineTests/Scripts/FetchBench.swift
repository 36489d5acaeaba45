import Foundation
import TestSupport
import Testing

/// A temporary folder with files to serve, the manifest that pins them, and a place for what is fetched.
final class FetchBench {
    static let commit = String(repeating: "0123456789", count: 4)
    let folder: URL
    let target: URL
    private let script: String
    private let arguments: [String]
    private let mirror: String
    private let group: String
    private let files: [String: Data]
    private var manifest: URL { folder.appending(path: "manifest") }

    /// For `fetch-gpt2.sh`.
    convenience init(size: String = "small") throws {
        try self.init(
            script: "fetch-gpt2.sh", arguments: [size], mirror: "HF_ENDPOINT", group: "small",
            target: size == "small" ? "gpt2" : "gpt2-\(size)",
            files: [
                "config.json": Data("{\"n_layer\": 12}".utf8),
                "vocab.json": Data("{\"a\": 0}\n".utf8),
                "merges.txt": Data("#version: 0.2\na b\n".utf8),
                "model.safetensors": Data(
                    (0..<FetchScriptTests.modelBytes).map { UInt8(truncatingIfNeeded: $0 / 7) }
                ),
            ]
        )
    }

    /// - Parameters:
    ///   - script: its name in `Scripts`.
    ///   - arguments: what it is called with.
    ///   - mirror: the environment variable that names the server.
    ///   - group: what the manifest calls the files.
    ///   - target: the folder for them, in that of models.
    ///   - files: the files by name.
    init(
        script: String,
        arguments: [String],
        mirror: String,
        group: String,
        target: String,
        files: [String: Data]
    ) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "ioi-fetch-\(UUID().uuidString)")
        self.target = folder.appending(path: "models/\(target)")
        (self.script, self.arguments, self.mirror) = (script, arguments, mirror)
        (self.group, self.files) = (group, files)
        let served = folder.appending(path: "served")
        try FileManager.default.createDirectory(at: served, withIntermediateDirectories: true)
        for (name, content) in files {
            try content.write(to: served.appending(path: name))
        }
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    func serve(_ arguments: String...) throws -> FetchServer {
        try FetchServer(
            log: folder.appending(path: "requests"),
            arguments: [
                "--root", folder.appending(path: "served").path, "--commit", Self.commit, "--pin",
                manifest.path, "--group", group,
            ] + arguments
        )
    }

    func environment(for server: FetchServer) -> [String: String] {
        [mirror: server.endpoint, "IOI_FETCH_MANIFEST": manifest.path]
    }

    func fetch(from server: FetchServer, _ extra: [String: String] = [:]) async throws -> FetchRun {
        try await run(arguments, environment(for: server).merging(extra) { $1 })
    }

    func run(_ arguments: [String], _ extra: [String: String]) async throws -> FetchRun {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["bash", Fixtures.repository.appending(path: "Scripts/\(script)").path] + arguments
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
        return FetchRun(
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

struct FetchRun {
    let status: Int
    let output: String
    let errors: [String]
    var lines: [Substring] { output.split(separator: "\n") }
}

/// A constant of the file: in the suite itself the attribute that reads it would depend on itself.
let hasFetchTools = onPath("python3") && onPath("curl") && (onPath("sha256sum") || onPath("shasum"))

private func onPath(_ tool: String) -> Bool {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)") }
}

/// Runs a process and gives its exit code. `Process.waitUntilExit` can wait for ever on Linux when it is called
/// from several threads at once.
func runToEnd(_ process: Process) async throws -> Int {
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
