import ArgumentParser
import Foundation
import IOIKit

/// How much room patched runs may take.
struct MemoryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "GB that caches and stacked runs may take, beside the weights (default: 1).", valueName: "gb"
        )
    )
    var memory: Double?

    /// - Throws: `IOIError` of kind `usage` for a size that cannot be.
    func settings(workers: Workers) throws -> RunSettings {
        var settings = RunSettings(workers: workers)
        if let memory {
            try checkFlag("--memory", memory, in: 0.05...1000)
            settings.memory = Int(memory * 1e9)
        }
        settings.isInterrupted = { Interrupt.isPending }
        return settings
    }
}

/// What every command that patches takes.
struct PatchRunOptions: ParsableArguments {
    @OptionGroup var memory: MemoryOptions

    @Flag(help: "Put the logit differences of each prompt in the JSON as well.")
    var perPrompt = false

    /// - Throws: `IOIError` of kind `usage` for a size that cannot be.
    func settings(workers: Workers) throws -> RunSettings { try memory.settings(workers: workers) }

    /// Runs `body` so that Ctrl-C ends it with what it has measured saved, and says so.
    ///
    /// - Parameter dataset: nil where work has many stages, of which how many prompts are done says little.
    /// - Throws: what `body` throws, and the exit code of an interruption.
    static func stoppable<Results>(
        _ dataset: Dataset? = nil,
        out: String?,
        _ body: () throws -> Results
    ) throws -> Results {
        Interrupt.listen()
        do {
            return try body()
        } catch let interruption as PatchInterruption {
            throw stopped(dataset.map { (interruption.measures.count, $0.count, "prompts") }, out: out)
        } catch let interruption as ACDC.Interruption {
            throw stopped((interruption.done, interruption.total, "edges"), out: out)
        }
    }

    private static func stopped(_ progress: (done: Int, all: Int, things: String)?, out: String?) -> ExitCode {
        let done = progress.map { " after \($0.done) of \($0.all) \($0.things)" } ?? ""
        if let out, FileManager.default.fileExists(atPath: out + ".partial") {
            Terminal.complain(
                "interrupted\(done); what was measured is kept in \(out).partial, and the same command goes on from there"
            )
        } else {
            let hint = out == nil ? "; with --out what was measured would be kept" : ""
            Terminal.complain("interrupted\(done)\(hint)")
        }
        return ExitCode(130)
    }
}

/// - Throws: `IOIError` of kind `usage` where a text is none of the choices.
func choice<Value: RawRepresentable<String> & CaseIterable>(
    _ flag: String,
    _ text: String?,
    default standard: Value
) throws -> Value {
    guard let text else { return standard }
    guard let value = Value(rawValue: text) else {
        let choices = Value.allCases.map(\.rawValue).joined(separator: ", ")
        throw IOIError.usage("\(flag): found \"\(text)\", expected one of \(choices)")
    }
    return value
}

/// - Throws: `IOIError` of kind `usage` where a text is no position.
func position(_ flag: String, _ text: String) throws -> PositionSelection {
    guard let position = PositionSelection(text) else {
        throw IOIError.usage("\(flag): found \"\(text)\", expected one of \(PositionSelection.choices)")
    }
    return position
}

/// The parts of a list that is separated by commas.
func list(_ text: String?) -> [String] {
    text.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? []
}
