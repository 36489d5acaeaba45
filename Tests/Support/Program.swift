import Foundation

/// The program that was built beside the tests.
package enum Program {
    package struct Outcome {
        package let status: Int32
        package let output: String
        package let errors: String
        /// The lines on standard error but for those that name the model and say what is unusual about counterfactuals.
        package var complaints: [String] {
            errors.split(separator: "\n").map(String.init).filter {
                !$0.hasPrefix("model ") && !$0.hasPrefix("counterfactuals: ")
            }
        }
    }

    package static let url: URL = {
        #if os(macOS)
            let bundles = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }!.bundleURL
            return bundles.deletingLastPathComponent().appendingPathComponent("ioi")
        #else
            return Bundle.main.bundleURL.appendingPathComponent("ioi")
        #endif
    }()

    /// Runs it to its end.
    package static func run(
        _ arguments: [String],
        in folder: URL? = nil,
        environment: [String: String] = [:]
    ) async throws -> Outcome {
        try await run(url, arguments, in: folder, environment: environment)
    }

    /// Runs a line of the shell, in which "$IOI" is the program.
    package static func shell(_ line: String, in folder: URL? = nil) async throws -> Outcome {
        try await run(
            URL(fileURLWithPath: "/bin/sh"), ["-c", line], in: folder, environment: ["IOI": url.path]
        )
    }

    /// Starts it and leaves it running; what it says is thrown away.
    package static func start(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = url
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Runs another program.
    package static func run(
        _ executable: URL,
        _ arguments: [String],
        in folder: URL?,
        environment: [String: String]
    ) async throws -> Outcome {
        await Turns.shared.take()
        defer { Task { await Turns.shared.giveBack() } }
        // Files, not pipes, so that long output cannot fill one up.
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("ioi-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        func handle(_ name: String) throws -> FileHandle {
            let file = scratch.appendingPathComponent(name)
            try Data().write(to: file)
            return try FileHandle(forWritingTo: file)
        }
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = folder ?? scratch
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try handle("output")
        process.standardError = try handle("errors")
        let status = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        func text(_ name: String) throws -> String {
            try String(contentsOf: scratch.appendingPathComponent(name), encoding: .utf8)
        }
        return Outcome(status: status, output: try text("output"), errors: try text("errors"))
    }
}

/// Lets a few programs run at a time. Tests start hundreds at once, which take more open files than Foundation can start
/// another program with.
private actor Turns {
    static let shared = Turns(12)

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    func take() async {
        guard free == 0 else {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func giveBack() {
        guard waiting.isEmpty else { return waiting.removeFirst().resume() }
        free += 1
    }
}
