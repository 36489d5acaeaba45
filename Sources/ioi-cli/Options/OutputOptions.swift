import ArgumentParser
import Foundation
import IOIKit

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json, csv
}

/// The form of standard output.
struct FormatOptions: ParsableArguments {
    @Option(help: "Print text for people, the results document, or a table.")
    var format: OutputFormat = .text
}

/// Whether the results hold the figures of each prompt.
struct PerPromptOptions: ParsableArguments {
    @Flag(help: "Include the figures of each prompt in the JSON.")
    var perPrompt = false
}

/// Where results go, and in what form.
struct OutputOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Write the results to a file, as JSON unless --format is csv.", valueName: "file"),
        completion: .file(extensions: ["json", "csv"])
    )
    var out: String?

    @OptionGroup var standardOutput: FormatOptions

    var format: OutputFormat { standardOutput.format }

    /// Whether the results document is written, to a file or to standard output.
    var holdsDocument: Bool { format == .json || out != nil }

    /// Writes results to `--out`, and to standard output in the requested form. Text is followed by where the file is and
    /// what to try next, on standard error.
    func write(
        isQuiet: Bool,
        json: () throws -> Data,
        csv: () -> String,
        text: () -> String,
        next: () -> String? = { nil }
    ) throws {
        // The document costs a hash of the model, so it is made once and only if needed.
        let isDocumentNeeded = format == .json || out != nil && format == .text
        let document = isDocumentNeeded ? try json() : Data(csv().utf8)
        if let out { try AtomicFile.write(document, to: URL(fileURLWithPath: out)) }
        switch format {
        case .text:
            print(text())
            guard !isQuiet else { return }
            // Standard output is complete before standard error continues.
            fflush(nil)
            if let out { Terminal.say("results in \(out)") }
            if let next = next() { Terminal.say("next: \(next)") }
        case .json: print(String(decoding: document, as: UTF8.self))
        case .csv: print(String(decoding: document, as: UTF8.self), terminator: "")
        }
    }
}
