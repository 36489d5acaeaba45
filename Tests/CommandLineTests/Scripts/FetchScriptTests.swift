import Foundation
import TestSupport
import Testing

/// `Scripts/fetch-gpt2.sh` against a local stand-in for the hub (Fixtures/fetch/server.py).
@Suite(.enabled(if: hasFetchTools, "needs python3, curl and sha256sum or shasum"))
struct FetchScriptTests {
    /// Large enough that a connection cut at `cutAt` bytes leaves a part of it.
    static let modelBytes = 200_000
    static let cutAt = 70_000

    @Test func fetchesAllFilesThatMatchThePins() async throws {
        let bench = try FetchBench()
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
        #expect(source.hasPrefix("repository openai-community/gpt2\nrevision \(FetchBench.commit)\n"))
        #expect(source.contains("checked against pinned SHA-256 hashes\n"))
    }

    @Test func endpointMayEndInASlash() async throws {
        let bench = try FetchBench()
        let server = try bench.serve()
        let run = try await bench.fetch(from: server, ["HF_ENDPOINT": server.endpoint + "/"])
        #expect(run.status == 0, "\(run.output)")
        #expect(
            try server.requests().first?.path == "/openai-community/gpt2/resolve/\(FetchBench.commit)/config.json"
        )
    }

    @Test func cutConnectionIsResumedInTheSameRun() async throws {
        let bench = try FetchBench()
        let server = try bench.serve("--cut", "\(Self.cutAt)")
        let run = try await bench.fetch(from: server)
        #expect(run.status == 0, "\(run.output)")
        #expect(try bench.fetchedFilesEqualServedOnes())
        #expect(try server.rangesFromStore() == ["-", "bytes=\(Self.cutAt)-"])
    }

    @Test func cutConnectionIsResumedByTheNextRun() async throws {
        let bench = try FetchBench()
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
        let bench = try FetchBench()
        let server = try bench.serve("--cut", "\(Self.cutAt)", "--ignore-range")
        let run = try await bench.fetch(from: server)
        #expect(run.status == 0, "\(run.output)")
        #expect(try bench.fetchedFilesEqualServedOnes())
        #expect(try server.rangesFromStore() == ["-", "bytes=\(Self.cutAt)-", "-"])
    }

    @Test func startsOverWhereTheLeftoverIsOfAnotherFile() async throws {
        let bench = try FetchBench()
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
        let bench = try FetchBench()
        let server = try bench.serve("--busy", "2")
        let run = try await bench.fetch(from: server)
        #expect(run.status == 0, "\(run.output)")
        #expect(try server.requests().prefix(3).map(\.status) == [503, 503, 200])
    }

    @Test(arguments: ["small", "medium"])
    func wrongContentIsRefusedAndRemoved(size: String) async throws {
        let bench = try FetchBench(size: size)
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
        let bench = try FetchBench(size: "medium")
        let server = try bench.serve("--wrong", "model.safetensors")
        let run = try await bench.fetch(from: server)
        #expect(run.status == 1)
        try #require(run.errors.count == 1, "\(run.errors)")
        #expect(run.errors[0].hasPrefix("fetch-gpt2: model.safetensors: found SHA-256 "))
        #expect(try bench.filesInTarget() == ["config.json", "merges.txt", "vocab.json"])
    }

    @Test func filesThatAreThereAreNotFetchedAgain() async throws {
        let bench = try FetchBench()
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
        let bench = try FetchBench(size: "medium")
        let server = try bench.serve("--cut", "\(Self.cutAt)")
        let run = try await bench.fetch(from: server, ["HF_TOKEN": "secret"])
        #expect(run.status == 0, "\(run.output)")
        #expect(run.output.contains("checked against the hashes the hub reports, not pinned ones"))
        #expect(try bench.fetchedFilesEqualServedOnes())
        let source = try String(contentsOf: bench.target.appending(path: "SOURCE"), encoding: .utf8)
        #expect(source.hasPrefix("repository openai-community/gpt2-medium\nrevision \(FetchBench.commit)\n"))

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
        let bench = try FetchBench(size: size)
        let server = try bench.serve()
        try await server.stop()
        let run = try await bench.fetch(from: server)
        #expect(run.status == 1)
        #expect(run.errors.count == 1 && run.errors[0].contains("no connection"), "\(run.errors)")
        #expect(run.errors.first?.contains(server.endpoint) == true)
    }

    @Test(arguments: ["small", "medium"], [404, 401])
    func refusalIsOneLine(size: String, status: Int) async throws {
        let bench = try FetchBench(size: size)
        let server = try bench.serve("--status", "\(status)")
        let run = try await bench.fetch(from: server, ["HF_TOKEN": "secret"])
        #expect(run.status == 1)
        #expect(run.errors.count == 1 && run.errors[0].contains("HTTP \(status)"), "\(run.errors)")
        #expect(!run.output.contains("secret") && !run.errors.joined().contains("secret"))
        #expect(try server.requests().count == 1)
    }

    @Test(arguments: [["tiny"], ["--out"], ["small", "medium"], ["--size", "small"]])
    func wrongUsageIsOneLine(arguments: [String]) async throws {
        let run = try await FetchBench().run(arguments, [:])
        #expect(run.status == 64)
        #expect(run.errors.count == 1, "\(run.errors)")
    }

    @Test func outPutsTheFilesIntoThatFolderItself() async throws {
        let bench = try FetchBench()
        let server = try bench.serve()
        let folder = bench.folder.appending(path: "my model")
        let run = try await bench.run(["--out", folder.path], bench.environment(for: server))
        #expect(run.status == 0, "\(run.output)")
        #expect(FileManager.default.fileExists(atPath: folder.appending(path: "model.safetensors").path))
        #expect(run.lines.last == "Next: ioi finetune --model \(folder.path) --dataset clean --epochs 1")
    }

    @Test(arguments: ["vocab.json", "model.safetensors"])
    func serverThatSendsWithoutEndIsCutOff(file: String) async throws {
        let bench = try FetchBench()
        let server = try bench.serve("--endless", file)
        let run = try await bench.fetch(from: server)
        #expect(run.status == 1)
        #expect(run.errors.count == 1 && run.errors[0].contains("found more than"), "\(run.errors)")
        #expect(try !bench.filesInTarget().contains { $0.contains(file) })
    }

    @Test func serverThatDripsIsGivenUp() async throws {
        let bench = try FetchBench()
        let server = try bench.serve("--drip", "merges.txt")
        let run = try await bench.fetch(from: server, ["IOI_FETCH_PATIENCE": "1", "IOI_FETCH_RETRIES": "0"])
        #expect(run.status == 1)
        #expect(run.errors.count == 1 && run.errors[0].contains("timed out"), "\(run.errors)")
    }

    @Test func nothingOfTheUserIsOverwritten() async throws {
        let bench = try FetchBench()
        let mine = ["merges.txt": "mine", "merges.txt.old": "older", "merges.txt.old.1": "oldest", "SOURCE": "a note"]
        try FileManager.default.createDirectory(at: bench.target, withIntermediateDirectories: true)
        for (name, text) in mine { try Data(text.utf8).write(to: bench.target.appending(path: name)) }
        let run = try await bench.fetch(from: try bench.serve())
        #expect(run.status == 0, "\(run.output)")
        #expect(try bench.fetchedFilesEqualServedOnes())
        let kept = [
            "merges.txt.old.2": "mine", "merges.txt.old": "older", "merges.txt.old.1": "oldest", "SOURCE.old": "a note",
        ]
        for (name, text) in kept {
            #expect(try Data(contentsOf: bench.target.appending(path: name)) == Data(text.utf8), "\(name)")
        }
    }

    @Test func linksAreNotFollowed() async throws {
        let bench = try FetchBench()
        let files = FileManager.default
        try files.createDirectory(at: bench.target, withIntermediateDirectories: true)
        let precious = bench.folder.appending(path: "precious")
        try Data("precious".utf8).write(to: precious)
        for name in [".vocab.json.partial", "merges.txt", "SOURCE"] {
            try files.createSymbolicLink(at: bench.target.appending(path: name), withDestinationURL: precious)
        }
        let run = try await bench.fetch(from: try bench.serve())
        #expect(run.status == 0, "\(run.output)")
        #expect(try bench.fetchedFilesEqualServedOnes())
        #expect(try Data(contentsOf: precious) == Data("precious".utf8))

        // Nor is a link taken for the folder of a fetch that was killed.
        let theirs = bench.folder.appending(path: "theirs")
        try files.createDirectory(at: theirs, withIntermediateDirectories: true)
        try Data("999999999".utf8).write(to: theirs.appending(path: "process"))
        try files.createSymbolicLink(at: bench.target.appending(path: ".fetch"), withDestinationURL: theirs)
        let second = try await bench.fetch(from: try bench.serve())
        #expect(second.status == 1)
        #expect(second.errors.count == 1 && second.errors[0].contains("found a link"), "\(second.errors)")
        #expect(try Data(contentsOf: theirs.appending(path: "process")) == Data("999999999".utf8))
    }

    @Test func configurationOfCurlHasNoSay() async throws {
        let bench = try FetchBench()
        try Data("proxy = \"http://127.0.0.1:9\"\n".utf8).write(to: bench.folder.appending(path: ".curlrc"))
        let run = try await bench.fetch(from: try bench.serve())
        #expect(run.status == 0, "\(run.errors)")
    }

    @Test(arguments: [
        ("HF_ENDPOINT", "-K/etc/passwd"), ("HF_ENDPOINT", "file:///etc"), ("HF_ENDPOINT", "https://a/{b,c}"),
        ("HF_ENDPOINT", "https://a\n-o/tmp/b"), ("HF_ENDPOINT", "https://user:word@a"),
        ("HF_TOKEN", "a\"\noutput = \"/tmp/b"), ("IOI_FETCH_RETRIES", "1+1"), ("IOI_FETCH_RETRIES", "99999999999999"),
        ("IOI_FETCH_RETRY_DELAY", "a[$(touch b)]"), ("IOI_FETCH_PATIENCE", "-1"),
    ])
    func variablesInjectNothing(name: String, value: String) async throws {
        let bench = try FetchBench()
        let server = try bench.serve()
        let run = try await bench.fetch(from: server, [name: value])
        #expect(run.status == 1)
        #expect(run.errors.count == 1 && run.errors[0].hasPrefix("fetch-gpt2: \(name): found "), "\(run.errors)")
        #expect(try server.requests().isEmpty)
    }
}
