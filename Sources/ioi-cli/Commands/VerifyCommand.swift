import ArgumentParser
import Foundation
import IOIKit

struct VerifyCommand: SharedCommand, ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Measure again what results files record and compare. For continuous integration.",
        discussion: """
            Runs the command that each results file (--out, or --format json) records, with its options, model and \
            prompts, and shows each figure that differs by more than rounding explains. With --against nothing is run: two \
            files are compared. Counts, heads and texts must be equal, and so must model and prompts, which are \
            identified by their hashes; times and numbers of threads may differ. Prompts, circuits, templates and models \
            are read from where they were.

            With --model M, model M is measured in place of the recorded one, and its different hash is only noted.

            Exit codes: 0 all within tolerance, 3 a figure differs, 1 a file cannot be measured again, 64 wrong usage.

            ioi eval --model gpt2 --held-out --out baseline/eval.json
            ioi verify baseline/*.json --junit verify.xml
            ioi verify baseline/*.json --model new/model --relative 0.05
            ioi verify monday.json --against tuesday.json
            """
    )

    @Argument(
        help: ArgumentHelp("Results files of the commands that measure.", valueName: "results.json"),
        completion: .file(extensions: ["json"])
    )
    var files: [String]

    struct Measurement: ParsableArguments {
        private static let standard = FigureComparison.Tolerance()

        @Option(help: ArgumentHelp("Tolerance in a figure's own units, added to --relative.", valueName: "x"))
        var tolerance = standard.absolute

        @Option(help: ArgumentHelp("Tolerance as a share of the recorded figure.", valueName: "x"))
        var relative = standard.relative

        @Option(
            help: ArgumentHelp("Compare with this results file; run nothing.", valueName: "file"),
            completion: .file(extensions: ["json"])
        )
        var against: String?

        @Option(
            help: ArgumentHelp(
                "Measure this model in place of the recorded one, or of the one called NAME. May be repeated.",
                valueName: "[name=]dir"
            ),
            completion: .directory
        )
        var model: [String] = []

        @Option(help: ArgumentHelp("The same for donors.", valueName: "[name=]dir"), completion: .directory)
        var donor: [String] = []
    }

    struct JUnitOptions: ParsableArguments {
        @Option(
            help: ArgumentHelp("Write the comparison as JUnit XML.", valueName: "f.xml"),
            completion: .file(extensions: ["xml"])
        )
        var junit: String?
    }

    @OptionGroup(title: Section.measurement) var measurement: Measurement
    @OptionGroup(title: Section.execution) var memory: MemoryOptions
    @OptionGroup(title: Section.execution) var common: ProductOptions
    @OptionGroup(title: Section.output) var report: JUnitOptions
    @OptionGroup(title: Section.output) var output: OutputOptions

    private struct Document: Encodable {
        let schema = "ioi/1"
        let command = "verify"
        let options: FigureComparison.Tolerance
        let environment: EnvironmentRecord
        let seconds: Double
        let results: VerificationResults
    }

    func run() throws {
        let started = ContinuousClock.now
        try Given.refuse([
            (
                ["--model", "--donor", "--precision", "--threads", "--backend", "--memory"],
                measurement.against != nil, "does not go with --against, which runs nothing"
            )
        ])
        let workers = try common.workers()
        let settings = try memory.settings(workers: workers)
        let tolerance = try allowed()
        let outputs = try output.open([("--junit", report.junit)])
        let results =
            try measurement.against.map { try compare(against: $0, tolerance) } ?? measure(tolerance, settings)
        outputs.write("--junit") { JUnitReport(results).xml }
        try output.write(
            to: outputs, isQuiet: common.quiet,
            json: {
                try JSONEncoder.readable.encode(
                    Document(
                        options: tolerance, environment: EnvironmentRecord(workers: workers),
                        seconds: (ContinuousClock.now - started) / .seconds(1), results: results
                    )
                )
            },
            csv: { results.csv },
            text: { Printout(results.text, tables: [results.table]) }
        )
        guard results.passed else { throw ExitCode(3) }
    }

    private func allowed() throws -> FigureComparison.Tolerance {
        var allowed = FigureComparison.Tolerance()
        for (flag, value, part) in [
            ("--tolerance", measurement.tolerance, \FigureComparison.Tolerance.absolute),
            ("--relative", measurement.relative, \.relative),
        ] {
            guard value >= 0, value.isFinite else {
                throw IOIError.usage("\(flag): found \(value), expected a number of 0 or more")
            }
            allowed[keyPath: part] = value
        }
        return allowed
    }

    private func compare(against other: String, _ tolerance: FigureComparison.Tolerance) throws -> VerificationResults {
        guard files.count == 1 else {
            throw IOIError.usage(
                "--against: found \(files.count) results files, expected one to compare with it")
        }
        return try Verification.compare(files[0], against: other, tolerance: tolerance)
    }

    private func measure(
        _ tolerance: FigureComparison.Tolerance,
        _ settings: RunSettings
    ) throws -> VerificationResults {
        let job = try Verification(
            files, tolerance: tolerance, models: try measurement.model.map(ModelReplacement.init),
            donors: try measurement.donor.map(ModelReplacement.init)
        )
        Interrupt.listen()
        var progress = ProgressLine("", total: 1000, isQuiet: true)
        var place = ""
        defer { progress.clear() }
        do {
            return try job.run(settings: settings, precision: common.precision) { step in
                progress.clear()
                place = "\(step.index + 1) of \(files.count)"
                Terminal.say(step.model, as: "model")
                if let donor = step.donor { Terminal.say(donor, as: "donor") }
                if !common.quiet { Terminal.say("\(place): \(step.command) (\(step.file))") }
                progress = ProgressLine("\(place): \(step.command)", total: 1000, isQuiet: common.quiet)
            } progress: {
                progress.show(Int($0 * 1000))
            }
        } catch is PatchInterruption {
            throw interrupted(at: place)
        } catch is ACDC.Interruption {
            throw interrupted(at: place)
        }
    }

    private func interrupted(at place: String) -> ExitCode {
        Terminal.complain("interrupted at \(place)")
        return ExitCode(130)
    }
}

extension VerificationResults {
    /// Each file, followed by its figures that moved.
    fileprivate var text: String {
        let all = files.reduce(0) { $0 + $1.compared }
        let moved = files.reduce(0) { $0 + $1.moved.count }
        let failed = files.filter { !$0.moved.isEmpty }
        let end =
            passed
            ? "passed: all \(all) figures of \(Self.count(files.count, "file")) within tolerance"
            : "FAILED: \(moved) of \(all) figures moved, in \(failed.count) of \(Self.count(files.count, "file"))\n"
                + "where that is meant, run the command of the file again with --out, and keep what it writes"
        return (files.flatMap(Self.lines) + ["", end]).joined(separator: "\n")
    }

    private static func lines(_ file: File) -> [String] {
        let start = "\(file.file): \(file.command), \(count(file.compared, "figure")), "
        return [start + (file.moved.isEmpty ? "all within tolerance" : "\(file.moved.count) moved")]
            + file.moved.map { "  " + $0.text } + file.notes.map { "  note: " + $0 }
    }

    private static func count(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "s")" }

    /// A row for each file.
    fileprivate var table: TextTable {
        var table = TextTable(header: ["file", "command", "figures", "moved"])
        table.leftColumns = [0, 1]
        table.rows = files.map { [$0.file, $0.command, "\($0.compared)", "\($0.moved.count)"] }
        return table
    }

    /// A line for each figure that moved.
    fileprivate var csv: String {
        let lines = files.flatMap { file in
            file.moved.map { move -> String in
                let values = [move.recorded, move.found].map { $0.map(Self.field) ?? "" }
                let distances = [move.difference.map { "\($0)" } ?? "", "\(move.tolerance)"]
                return ([file.file, move.path] + values + distances).map(\.csvField).joined(separator: ",")
            }
        }
        return csvTable("file,path,recorded,found,difference,tolerance", lines)
    }

    /// Numbers with all their digits.
    private static func field(_ value: JSONValue) -> String {
        if case .number(let number) = value { "\(number)" } else { value.description }
    }
}
