import ArgumentParser
import Foundation
import IOIKit

struct ModelCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check that a model folder is sound and that the model does what is known of it.",
        discussion: """
            For any folder: the config is a GPT-2's, each tensor has its shape, all numbers are finite, the tokenizer \
            fits, and the built-in names, places and objects are one token each. For a model that Data/checks.json \
            knows by name (gpt2) also: the hash; logit difference, accuracy, top-1 and P(IO) on held-out prompts; some \
            continuations, of one the ten most likely tokens with their probabilities as the authors of the paper \
            published them; which heads lead on repeated random tokens; and, with --data and their 100 prompts, the \
            logit differences they published. Each check is one line: ok, FAILED or skipped, \
            what was found, and what was expected.

            Exit codes: 0 nothing failed, 3 something failed, 1 there is no model folder, 64 wrong usage.

            ioi model check --model gpt2
            ioi model check --model gpt2 --data prompts-100.jsonl
            ioi model check --model runs/clean/checkpoints/epoch-001 --format json
            """
    )

    struct DataOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "A file of prompts for which figures were published, recognised by their tokens.", valueName: "f.jsonl"
            ),
            completion: .file(extensions: ["jsonl"])
        )
        var data: String?
    }

    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.prompts) var prompts: DataOptions
    @OptionGroup(title: Section.execution) var common: RunOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    func run() throws {
        let started = ContinuousClock.now
        let workers = try common.workers()
        let outputs = try output.open()
        let check = try check()
        let progress = ProgressLine("model check", total: 1000, isQuiet: common.quiet)
        let results = check.run(workers: workers) { progress.show(Int($0 * 1000)) }
        progress.clear()
        try output.write(
            to: outputs, isQuiet: common.quiet,
            json: {
                try JSONEncoder.readable.encode(
                    ResultsDocument(
                        command: "model check", options: check.options,
                        model: ModelRecord(name: check.name, folder: check.folder, sha256: results.sha256),
                        dataset: results.dataset.map(DatasetRecord.init),
                        environment: EnvironmentRecord(workers: workers),
                        seconds: (ContinuousClock.now - started) / .seconds(1), results: results
                    )
                )
            },
            csv: { results.csv },
            text: { Printout(results.text, tables: [results.table]) },
            next: { results.passed ? "ioi eval --held-out\(model.flag)" : nil }
        )
        guard results.passed else { throw ExitCode(3) }
    }

    private func check() throws -> ModelCheck {
        try model.refuseTokenizer("model check, which is about what a folder holds")
        let data = prompts.data.map { URL(fileURLWithPath: absolutePath($0)) }
        do {
            return try ModelCheck(model.location(), data: data)
        } catch let error as IOIError {
            // A folder without weights is an error elsewhere; here it is a finding.
            guard let path = model.model,
                FileManager.default.fileExists(atPath: path + "/config.json"),
                !FileManager.default.fileExists(atPath: path + "/model.safetensors")
            else { throw error }
            let check = try ModelCheck(folder: URL(fileURLWithPath: path), data: data)
            Terminal.say("model \(check.name) at \(check.folder.path)")
            return check
        }
    }
}

extension ModelCheck.Results {
    /// A line for each check, then the outcome.
    fileprivate var text: String {
        let width = checks.map(\.name.count).max() ?? 0
        let lines = checks.flatMap { check in
            let status = check.status == .failed ? "FAILED" : check.status.rawValue
            let start = status.padded(to: 9) + check.name.padded(to: width + 2)
            let line = start + "\(check.found); expected \(check.expected)"
            guard check.status == .failed, let source = check.source else { return [line] }
            return [line, String(repeating: " ", count: start.count) + "(\(source))"]
        }
        let failed = checks.filter { $0.status == .failed }.map(\.name)
        let skipped = checks.count { $0.status == .skipped }
        let end =
            failed.isEmpty
            ? "passed: \(checks.count - skipped) checks ok, \(skipped) skipped"
            : "FAILED: \(failed.count) of \(checks.count) checks: \(failed.joined(separator: ", "))"
        return (lines + ["", end]).joined(separator: "\n")
    }

    /// A row for each check.
    fileprivate var table: TextTable {
        var table = TextTable(header: ["check", "status", "found", "expected"])
        table.leftColumns = [0, 1, 2, 3]
        table.rows = checks.map { [$0.name, $0.status.rawValue, $0.found, $0.expected] }
        return table
    }

    /// A line for each check.
    fileprivate var csv: String {
        let lines = checks.map { check in
            [check.name, check.status.rawValue, check.found, check.expected].map(\.csvField).joined(separator: ",")
        }
        return csvTable("name,status,found,expected", lines)
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { padding(toLength: width, withPad: " ", startingAt: 0) }
}
