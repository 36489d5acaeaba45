import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

/// `Scripts/install.sh` with the program that was built beside the tests.
@Suite struct InstallScriptTests {
    private let folder: ModelTestFolder

    init() throws { folder = try ModelTestFolder() }

    private static let kernels = ProcessInfo.processInfo.environment.filter { $0.key.hasPrefix("OPENBLAS_") }
        .map { "\($0.key)=\($0.value)" }

    private func install(_ arguments: String...) async throws -> Program.Outcome {
        let script = ModelLocation.sourcePackage.appendingPathComponent("Scripts/install.sh")
        return try await Program.run(
            URL(fileURLWithPath: "/usr/bin/env"), ["bash", script.path] + arguments, in: folder.url, environment: [:])
    }

    /// All files and folders below a folder.
    private func tree(_ name: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.file(name).path).sorted()
    }

    /// Runs a program with nothing in its environment but which kernels OpenBLAS is to use.
    private func bare(_ program: String, _ arguments: [String]) async throws -> Program.Outcome {
        try await Program.run(
            URL(fileURLWithPath: "/usr/bin/env"), ["-i"] + Self.kernels + [folder.file(program).path] + arguments,
            in: nil,
            environment: [:])
    }

    @Test func whatIsInstalledRunsMovesAndGoes() async throws {
        try folder.put("root/usr/share/man/man1/other.1", "another's")
        let before = try tree("root")
        let arguments = ["--prefix", "/usr/local/ioi 2", "--destdir", "root"]
        let installed = try await install(
            arguments[0], arguments[1], arguments[2], arguments[3], "--binary", Program.url.path)
        #expect(installed.status == 0 && installed.errors.isEmpty, "\(installed.errors)")
        let prefix = "root/usr/local/ioi 2"
        for file in [
            "bin/ioi", "share/ioi/templates.json", "share/ioi/embedded/model.safetensors", "share/man/man1/ioi.1",
            "share/bash-completion/completions/ioi", "share/zsh/site-functions/_ioi",
            "share/fish/vendor_completions.d/ioi.fish",
        ] {
            #expect(FileManager.default.fileExists(atPath: folder.file("\(prefix)/\(file)").path), "\(file)")
        }

        // Its data are those beside it, wherever it is and through a link.
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link").path, withDestinationPath: "\(prefix)/bin/ioi")
        let share = folder.file("\(prefix)/share/ioi").path
        let linked = try await bare("link", ["eval", "--model", "embedded", "--count", "2", "--quiet"])
        #expect(linked.status == 0 && linked.errors.contains(" at \(share)/embedded"), "\(linked.errors)")
        try FileManager.default.moveItem(at: folder.file(prefix), to: folder.file("moved"))
        let moved = try await bare("moved/bin/ioi", ["eval", "--model", "embedded", "--count", "2", "--quiet"])
        #expect(moved.status == 0 && moved.errors.contains(" at \(folder.file("moved/share/ioi/embedded").path)"))
        #expect(try await bare("moved/bin/ioi", ["--version"]).output == Program.run(["--version"]).output)
        try FileManager.default.moveItem(at: folder.file("moved"), to: folder.file(prefix))

        // Once more, over itself.
        let files = try tree("root")
        let again = try await install(
            arguments[0], arguments[1], arguments[2], arguments[3], "--binary", Program.url.path)
        #expect(again.status == 0 && again.errors.isEmpty, "\(again.errors)")
        #expect(try tree("root") == files)

        let removed = try await install(arguments[0], arguments[1], arguments[2], arguments[3], "--uninstall")
        #expect(removed.status == 0 && removed.errors.isEmpty, "\(removed.errors)")
        #expect(try tree("root") == before)
    }

    @Test func theFilesOfOthersStay() async throws {
        try folder.put("p/share/man/man1/ioi-eval.1", "another's")
        let refused = try await install("--prefix", "p", "--binary", Program.url.path)
        #expect(refused.status == 1 && refused.errors.contains("ioi-eval.1: is there already"), "\(refused.errors)")
        #expect(try tree("p") == ["share", "share/man", "share/man/man1", "share/man/man1/ioi-eval.1"])

        _ = try await install("--prefix", "q", "--binary", Program.url.path)
        try folder.put("q/share/zsh/site-functions/_other")
        let removed = try await install("--prefix", "q", "--uninstall")
        #expect(removed.status == 0 && removed.errors.contains("holds other files and stays"))
        #expect(try tree("q") == ["share", "share/zsh", "share/zsh/site-functions", "share/zsh/site-functions/_other"])
    }

    @Test(arguments: [
        (["--perfix", "p"], 64, "found '--perfix'"), (["--prefix"], 64, "--prefix: found no value"),
        (["--uninstall", "--binary", "x"], 64, "--binary: does not go with --uninstall"),
        (["--binary", "nothing"], 1, "nothing: found no program"),
        (["--uninstall", "--prefix", "none"], 1, "none/share/ioi/installed: missing"),
    ])
    func mistakesAreOneLine(_ arguments: [String], _ status: Int32, _ words: String) async throws {
        let script = ModelLocation.sourcePackage.appendingPathComponent("Scripts/install.sh")
        let run = try await Program.run(
            URL(fileURLWithPath: "/usr/bin/env"), ["bash", script.path] + arguments, in: folder.url, environment: [:])
        #expect(run.status == status && run.errors.contains(words), "\(run.errors)")
        #expect(run.errors.split(separator: "\n").count == 1)
        #expect(try folder.names.isEmpty)
    }

    /// A page has every flag of its command's help, and troff finds nothing wrong with it.
    @Test func everyFlagHasItsPlaceInAManPage() async throws {
        let script = ModelLocation.sourcePackage.appendingPathComponent("Scripts/make-man.py")
        let made = try await Program.run(
            URL(fileURLWithPath: "/usr/bin/env"), ["python3", script.path, Program.url.path, "man"], in: folder.url,
            environment: [:])
        #expect(made.status == 0, "\(made.errors)")
        let pages = try folder.file("man").subpaths
        #expect(pages.contains("ioi.1") && pages.contains("ioi-circuit-show.1") && !pages.contains("ioi-help.1"))
        var flags = 0
        for page in pages {
            let text = try String(contentsOf: folder.file("man/\(page)"), encoding: .utf8)
            #expect(text.utf8.allSatisfy { $0 < 128 }, "\(page)")
            let options = text.split(separator: "\n").filter { $0.hasPrefix("\\fB\\-") }
            let words = page.dropLast(2).split(separator: "-").dropFirst().map(String.init)
            let help = try await Program.run(words + ["--help"])
            #expect(help.status == 0, "\(page)")
            // Flags stand at the beginnings of the help's lines.
            for match in help.output.matches(of: /\n  (?:-[a-z], )?(--[a-z0-9-]+)/) {
                flags += 1
                let flag = "\\fB\(match.1.replacing("-", with: "\\-"))\\fR"
                #expect(options.contains { $0.contains(flag) }, "\(page): \(match.1)")
            }
        }
        #expect(flags > 300)
        let groff = URL(fileURLWithPath: "/usr/bin/groff")
        guard FileManager.default.isExecutableFile(atPath: groff.path) else {
            print("skipped: groff is not installed")
            return
        }
        let formatted = try await Program.run(
            groff, ["-man", "-Tutf8", "-ww", "-z"] + pages, in: folder.file("man"), environment: ["LANG": "C.UTF-8"])
        #expect(formatted.status == 0 && formatted.errors.isEmpty, "\(formatted.errors)")
    }

    /// The shells read their completions, where they are installed.
    @Test(arguments: [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
    func completionsAreScripts(_ shell: String, _ flags: [String]) async throws {
        let script = try await Program.run(["--generate-completion-script", shell]).output
        let file = try folder.put("completion", script)
        let found = try await Program.shell("command -v \(shell)")
        guard found.status == 0 else { return print("skipped: \(shell) is not installed") }
        let read = try await Program.run(
            URL(fileURLWithPath: "/usr/bin/env"), [shell] + flags + [file.path], in: nil, environment: [:])
        #expect(read.status == 0 && read.errors.isEmpty, "\(read.errors)")
    }
}

extension URL {
    fileprivate var subpaths: [String] {
        get throws { try FileManager.default.subpathsOfDirectory(atPath: path).sorted() }
    }
}
