import Foundation
import IOIKit
import TestSupport
import Testing

/// `Scripts/fetch-paper-data.sh` against a local stand-in for GitHub (Fixtures/fetch/server.py).
@Suite(.enabled(if: hasFetchTools, "needs python3, curl and sha256sum or shasum"))
struct FetchPaperDataTests {
    private static let cutAt = 70_000
    private static let names = ["IOIDatasetv2.0.txt", "corrIOIDupe.txt", "corrIOIname.txt", "corrIOInoio.txt"]

    /// Files of other contents, the last one fetched so large that a cut connection leaves a part of it.
    private func bench() throws -> FetchBench {
        try FetchBench(
            script: "fetch-paper-data.sh", arguments: [], mirror: "IOI_PAPER_ENDPOINT", group: "paper-data",
            target: "paper-data",
            files: Dictionary(
                uniqueKeysWithValues: Self.names.enumerated().map { index, name in
                    let size = name == "corrIOIDupe.txt" ? 2 * Self.cutAt : 100
                    return (name, Data((0..<size).map { UInt8(truncatingIfNeeded: $0 / 7 + index) }))
                }
            )
        )
    }

    @Test func fetchesTheFourFiles() async throws {
        let bench = try bench()
        let server = try bench.serve()
        let run = try await bench.fetch(from: server)
        #expect(run.status == 0, "\(run.output) \(run.errors)")
        #expect(try bench.filesInTarget() == [Self.names[0], "SOURCE"].sorted() + Self.names.dropFirst())
        #expect(try bench.fetchedFilesEqualServedOnes())
        #expect(
            try server.requests().map(\.path).sorted()
                == Self.names.map { "/osu-srml/neuro-amp-circuits/\(FetchBench.commit)/\($0)" }
        )
        let source = try String(contentsOf: bench.target.appending(path: "SOURCE"), encoding: .utf8)
        #expect(
            source.hasPrefix(
                "repository osu-srml/neuro-amp-circuits\nrevision \(FetchBench.commit)\n"
                    + "checked against pinned SHA-256 hashes\nlicence none stated in the repository\nfile 100 "
            )
        )
        #expect(run.lines.last == "Next: ioi eval --dataset published-clean")
    }

    @Test func cutConnectionIsResumedByTheNextRun() async throws {
        let bench = try bench()
        let server = try bench.serve("--cut", "\(Self.cutAt)")
        let first = try await bench.fetch(from: server, ["IOI_FETCH_RETRIES": "0"])
        #expect(first.status == 1)
        #expect(first.errors.count == 1 && first.errors[0].contains("connection cut"), "\(first.errors)")
        #expect(try bench.filesInTarget().contains(".corrIOIDupe.txt.partial"))
        #expect(try !bench.filesInTarget().contains("corrIOIDupe.txt"))
        let before = try server.requests().count

        let second = try await bench.fetch(from: server)
        #expect(second.status == 0, "\(second.output)")
        #expect(try bench.fetchedFilesEqualServedOnes())
        #expect(try server.requests().dropFirst(before).map(\.range) == ["bytes=\(Self.cutAt)-"])
    }

    @Test func wrongContentIsRefusedAndRemoved() async throws {
        let bench = try bench()
        let server = try bench.serve("--wrong", "corrIOIname.txt")
        let run = try await bench.fetch(from: server)
        #expect(run.status == 1)
        try #require(run.errors.count == 1, "\(run.errors)")
        #expect(run.errors[0].hasPrefix("fetch-paper-data: corrIOIname.txt: found SHA-256 "))
        #expect(try bench.filesInTarget() == ["IOIDatasetv2.0.txt"])
    }

    @Test func filesThatAreThereAreNotFetchedAgain() async throws {
        let bench = try bench()
        let server = try bench.serve()
        #expect(try await bench.fetch(from: server).status == 0)
        let before = try server.requests().count
        let again = try await bench.fetch(from: server)
        #expect(again.status == 0, "\(again.output)")
        #expect(again.lines.contains("corrIOIname.txt: already there"))
        #expect(try server.requests().count == before)
    }

    @Test func serverThatIsDownIsOneLine() async throws {
        let bench = try bench()
        let server = try bench.serve()
        try await server.stop()
        let run = try await bench.fetch(from: server)
        #expect(run.status == 1)
        try #require(run.errors.count == 1, "\(run.errors)")
        #expect(run.errors[0].contains("no connection") && run.errors[0].contains("IOI_PAPER_ENDPOINT"))
        #expect(!FileManager.default.fileExists(atPath: bench.target.path))
    }

    @Test(arguments: [["small"], ["--out"], ["--size", "small"]])
    func wrongUsageIsOneLine(arguments: [String]) async throws {
        let run = try await bench().run(arguments, [:])
        #expect(run.status == 64)
        #expect(run.errors.count == 1, "\(run.errors)")
    }

    @Test func folderIsTheOneThatTheProgramLooksIn() async throws {
        let bench = try bench()
        let server = try bench.serve()
        let folder = bench.folder.appending(path: "mine").path
        let run = try await bench.fetch(from: server, ["IOI_PAPER_DATA": folder])
        #expect(run.status == 0 && run.lines.last == "Next: ioi eval --dataset published-clean", "\(run.output)")
        #expect(FileManager.default.fileExists(atPath: folder + "/SOURCE"))
        let other = bench.folder.appending(path: "other").path
        let out = try await bench.run(["--out", other], bench.environment(for: server))
        #expect(out.lines.last == "Next: IOI_PAPER_DATA=\(other) ioi eval --dataset published-clean")
        #expect(FileManager.default.fileExists(atPath: other + "/SOURCE"))
    }

    @Test func helpSaysWhoseTheFilesAre() async throws {
        let run = try await bench().run(["--help"], [:])
        #expect(run.status == 0 && run.errors.isEmpty)
        #expect(run.output.contains("states no licence") && run.output.contains("the authors'"))
    }
}
