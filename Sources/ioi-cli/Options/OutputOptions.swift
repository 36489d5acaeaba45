import ArgumentParser
import Foundation
import IOIKit

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json, csv
}

/// Where results go, and in what form.
struct OutputOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Write the results to a file (JSON, unless --format says csv).", valueName: "file"))
    var out: String?

    @Option(help: "What standard output gets: text for people, the results document, or a table.")
    var format: OutputFormat = .text

    /// Whether the results document is wanted, as a file or on standard output.
    var holdsDocument: Bool { format == .json || out != nil }

    /// Writes results to `--out`, and to standard output in the form asked for. People are told besides where the file
    /// lies, and what to try next.
    func write(
        isQuiet: Bool,
        json: () throws -> Data,
        csv: () -> String,
        text: () -> String,
        next: () -> String? = { nil }
    ) throws {
        // The document costs a hash of the model, so it is made once, and only where it is wanted.
        let isDocumentWanted = format == .json || out != nil && format == .text
        let document = isDocumentWanted ? try json() : Data(csv().utf8)
        if let out { try AtomicFile.write(document, to: URL(fileURLWithPath: out)) }
        switch format {
        case .text:
            print(text())
            guard !isQuiet else { return }
            // Standard output is whole before standard error goes on.
            fflush(nil)
            if let out { Terminal.say("results in \(out)") }
            if let next = next() { Terminal.say("next: \(next)") }
        case .json: print(String(decoding: document, as: UTF8.self))
        case .csv: print(String(decoding: document, as: UTF8.self), terminator: "")
        }
    }
}
