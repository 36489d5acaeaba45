import Foundation
import TestSupport
import Testing

/// Fixtures/fetch/server.py as a process of its own.
final class FetchServer {
    struct Request {
        let method: String
        let path: String
        let range: String
        let status: Int
        let hasToken: Bool
        var isToStore: Bool { path.hasPrefix("/store/") }
    }

    private static let script = Fixtures.folder.appending(path: "fetch/server.py")

    let endpoint: String
    private let log: URL
    private let process = Process()
    /// The server ends when this closes, so it does not outlive tests that crash.
    private let input = Pipe()

    init(log: URL, arguments: [String]) throws {
        self.log = log
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", Self.script.path, "--log", log.path] + arguments
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
