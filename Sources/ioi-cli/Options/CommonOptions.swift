import ArgumentParser
import Foundation
import IOIKit

/// What every command that computes needs to know of its options.
protocol ExecutionOptions: ParsableArguments {
    var quiet: Bool { get }

    func workers() throws -> Workers
}

/// The option of every command that says more than its results.
struct QuietOptions: ParsableArguments {
    @Flag(help: "Show no progress and no hints, only errors and the model's name.")
    var quiet = false
}

/// The options of every command that computes.
struct ThreadOptions: ExecutionOptions {
    @Option(
        help: ArgumentHelp(
            "Number of threads (default: one for each core, divided among the processes of mpirun).",
            discussion: "Equal seeds, numbers of threads and backends give identical results.", valueName: "n"
        )
    )
    var threads: Int?

    @OptionGroup var speech: QuietOptions

    var quiet: Bool { speech.quiet }

    /// - Throws: `IOIError` of kind `usage` if the number of threads is out of range.
    func workers() throws -> Workers {
        if let threads { try checkFlag("--threads", threads, in: 1...1024) }
        return Workers(count: threads ?? IOI.ranks.threads)
    }
}

/// The options of every command that multiplies matrices.
struct RunOptions: ExecutionOptions {
    @OptionGroup var threading: ThreadOptions

    @Option(
        help: ArgumentHelp(
            "The library of matrix products; auto is oneDNN where it is installed and the processor has AVX-512, else "
                + "OpenBLAS.", valueName: "name"
        )
    )
    var backend = BackendChoice.auto

    var quiet: Bool { threading.quiet }
    var threads: Int? { threading.threads }

    /// The threads, which also multiply with the backend that was asked for.
    ///
    /// - Throws: `IOIError` of kind `usage` if the number of threads is out of range or the backend is not installed.
    func workers() throws -> Workers {
        try backend.backend.use()
        return try threading.workers()
    }
}

/// The options of every command whose matrix products may have another precision.
struct ProductOptions: ExecutionOptions {
    @Option(
        help: ArgumentHelp(
            "The precision of matrix products (default: fp32).",
            discussion: """
                bf16 is for training and first looks: factors have 8 significant bits, sums 24. bf16x3 is as exact as \
                fp32, for processors with matrix units for bfloat16 (AMX). Both need oneDNN.
                """, valueName: "name"
        )
    )
    var precision: Precision?

    @OptionGroup var run: RunOptions

    var quiet: Bool { run.quiet }
    var threads: Int? { run.threads }

    /// The threads, which also multiply with the backend and in the precision that were asked for.
    ///
    /// - Throws: `IOIError` of kind `usage` if the number of threads is out of range, or the backend or the precision
    ///   cannot be had.
    func workers() throws -> Workers {
        let workers = try run.workers().with(precision ?? .fp32)
        try workers.precision.check(with: workers.backend)
        return workers
    }
}

extension Precision: ExpressibleByArgument {}

/// How much memory patched runs may use.
struct MemoryOptions: ParsableArguments {
    @Option(help: ArgumentHelp("GB for caches and patched runs, besides the weights.", valueName: "gb"))
    var memory = 1.0

    /// - Throws: `IOIError` of kind `usage` if the size is out of range.
    func settings(workers: Workers) throws -> RunSettings {
        var settings = RunSettings.ofCommand(workers: workers)
        try checkFlag("--memory", memory, in: 0.05...1000)
        settings.memory = Int(memory * 1e9)
        return settings
    }
}

/// - Throws: `IOIError` of kind `usage` if the value of a flag is out of range.
func checkFlag<Value: Comparable>(_ flag: String, _ value: Value, in range: ClosedRange<Value>) throws {
    guard range.contains(value) else {
        throw IOIError.usage("\(flag): found \(value), expected \(range.lowerBound) to \(range.upperBound)")
    }
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json, csv, latex, markdown

    /// What the extensions of files mean.
    static let extensions: KeyValuePairs<String, OutputFormat> = [
        "json": .json, "csv": .csv, "tex": .latex, "md": .markdown, "txt": .text,
    ]

    /// The form that a file's extension names; nil for devices and files without one.
    ///
    /// - Throws: `IOIError` of kind `usage` for an extension without a meaning.
    init?(of path: String) throws {
        let found = (path as NSString).pathExtension
        guard !found.isEmpty, !path.isDevice else { return nil }
        guard let format = Self.extensions.first(where: { $0.key == found.lowercased() })?.value else {
            throw IOIError.usage("--out: \(path): found .\(found), expected .json, .csv, .tex, .md or .txt")
        }
        self = format
    }
}

/// The form of standard output.
struct FormatOptions: ParsableArguments {
    @Option(help: "Print text for people, the results document, or a table.")
    var format: OutputFormat = .text

    @Option(
        help: ArgumentHelp(
            "Colour text: where the terminal has colours and NO_COLOR is not set, always (for less -R), or never.",
            valueName: "when"))
    var color = ColourChoice.auto

    func validate() throws {
        if color == .always, format != .text {
            throw ValidationError("--color: found always, which has no effect with --format \(format.rawValue)")
        }
        Terminal.colour = color
    }

    /// Prints what a command found that makes no results document.
    func write(json: () throws -> Data, csv: () -> String, text: () -> Printout) rethrows {
        switch format {
        case .text: print(text().text())
        case .json:
            let document = try json()
            print(document + Data((document.last == UInt8(ascii: "\n") ? "" : "\n").utf8))
        case .csv: print(csv(), terminator: "")
        case .latex: print(text().latex, terminator: "")
        case .markdown: print(text().markdown, terminator: "")
        }
    }
}

/// Whether the results hold the figures of each prompt.
struct PerPromptOptions: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Include the figures of each prompt in the JSON.",
            discussion: "eval, patch, knockout, faithfulness, lens: also in CSV, which then has a row for each prompt.")
    )
    var perPrompt = false
}

/// Where results go, and in what form.
struct OutputOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write the results to a file in the form that its extension names: .json, .csv, .tex, .md or .txt.",
            valueName: "file"),
        completion: .file(extensions: OutputFormat.extensions.map(\.key))
    )
    var out: String?

    @OptionGroup var standardOutput: FormatOptions

    var format: OutputFormat { standardOutput.format }

    /// Tries `--out`, and the files of other flags.
    ///
    /// - Throws: `IOIError` that names the flag whose file cannot be written, or whose extension has no meaning.
    func open(_ others: [(flag: String, path: String?)] = []) throws -> Outputs {
        if let out { _ = try OutputFormat(of: out) }
        return try Outputs([("--out", out)] + others)
    }

    /// The form of the file, which without an extension is CSV with --format csv, else JSON; nil without a file.
    private var fileFormat: OutputFormat? {
        out.map { (try? OutputFormat(of: $0)) ?? (format == .csv ? .csv : .json) }
    }

    /// Whether the results document is written, to a file or to standard output.
    var holdsDocument: Bool { format == .json || fileFormat == .json }

    /// Whether the table is written, to a file or to standard output.
    var holdsTable: Bool { format == .csv || fileFormat == .csv }

    /// Writes results to `--out`, and to standard output in the requested form. Text is followed by where the file is and
    /// what to try next, on standard error.
    ///
    /// Where `--out` cannot be written after all, or is standard output, the document is printed in place of the text.
    func write(
        to outputs: Outputs,
        isQuiet: Bool,
        json: () throws -> Data,
        csv: () -> String,
        text: () -> Printout,
        next: () -> String? = { nil }
    ) throws {
        // The document costs a hash of the model, so it is made once and only if needed.
        let document = holdsDocument ? try json() : nil
        func contents(_ format: OutputFormat) -> Data {
            switch format {
            case .text: Data((text().text(width: 80, isColoured: false) + "\n").utf8)
            case .json: document!
            case .csv: Data(csv().utf8)
            case .latex: Data(text().latex.utf8)
            case .markdown: Data(text().markdown.utf8)
            }
        }
        let isPrinted = outputs["--out"]?.isStandardOutput == true
        let isWritten = outputs.write("--out") { contents(fileFormat!) }
        guard isWritten, !isPrinted else {
            if !isWritten { print(contents(fileFormat!) + Data("\n".utf8)) }
            return try outputs.finish()
        }
        switch format {
        case .text:
            print(text().text())
            if !isQuiet {
                if let out { Terminal.say("results in \(out)") }
                if let next = next() { Terminal.say("next: \(next)") }
            }
        case .json: print(contents(.json) + Data("\n".utf8))
        case .csv, .latex, .markdown: print(contents(format))
        }
        try outputs.finish()
    }
}

/// The flags that stand on the command line.
///
/// An option that has a default does not know whether the user gave it, but a flag without effect must be refused.
enum Given {
    private static let flags = Set(CommandLine.arguments.map { $0.prefix { $0 != "=" } })

    static func has(_ flag: String) -> Bool { flags.contains(flag[...]) }

    /// The first of some flags that the user gave.
    static func first(of flags: [String]) -> String? { flags.first(where: has) }

    /// Flags that may change nothing about what a command is told to do.
    typealias Rule = (flags: [String], isIdle: Bool, reason: String)

    /// Refuses flags without effect, which results would otherwise record as if they had had one.
    ///
    /// - Throws: `IOIError` of kind `usage` for the first flag that was given though it is idle.
    static func refuse(_ rules: [Rule]) throws {
        for rule in rules where rule.isIdle {
            if let flag = first(of: rule.flags) { throw IOIError.usage("\(flag): \(rule.reason)") }
        }
    }

    /// - Parameters:
    ///   - idle: options without effect, by their names in results files, and why: ``TaskDataset/idle``.
    ///   - active: those that have an effect on something else.
    static func refuse(_ idle: [String: String], but active: [String] = []) throws {
        try refuse(
            idle.sorted { $0.key < $1.key }.map {
                ([FieldFlag.named($0.key)], !active.contains($0.key), $0.value)
            }
        )
    }
}

/// The titles of the sections of every command's help, in the order in which they appear.
enum Section {
    static let measurement = "Measurement"
    static let ablation = "Ablation"
    static let model = "Model"
    static let prompts = "Prompts"
    static let training = "Training"
    static let execution = "Execution"
    static let output = "Output"
}
