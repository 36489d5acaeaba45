import ArgumentParser
import Foundation
import IOIKit

struct CircuitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "circuit",
        abstract:
            "The heads that do the task between them: find them, look at them, compare them, put them to the test.",
        subcommands: [
            CircuitShowCommand.self, CircuitDiscoverCommand.self, CircuitValidateCommand.self, CircuitDiffCommand.self,
        ]
    )
}

struct CircuitShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "The classes of a circuit, their heads, and where each is kept.",
        discussion: """
            With --model, and for default, the heads are checked against the model. --format json writes the circuit \
            as a file that every --circuit takes.

            ioi circuit show --model gpt2
            ioi circuit show found.json
            """
    )

    @Argument(help: ArgumentHelp("default, the circuit that belongs to the model, or a file.", valueName: "circuit"))
    var circuit = "default"

    @OptionGroup var model: ModelOptions

    @Option(help: "What standard output gets.")
    var format: OutputFormat = .text

    func run() throws {
        let circuit = try model.circuits([circuit])[0]
        switch format {
        case .text: print(circuit.text())
        case .csv: print(circuit.csv, terminator: "")
        case .json: print(String(decoding: circuit.json, as: UTF8.self), terminator: "")
        }
    }
}

struct CircuitDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "What two circuits share, and which heads the second gains, loses and moves to other classes.",
        discussion: """
            ioi circuit diff default found.json --model gpt2
            ioi circuit diff base.json tuned.json
            """
    )

    @Argument(help: ArgumentHelp("The first circuit: default or a file.", valueName: "a"))
    var first: String

    @Argument(help: ArgumentHelp("The second circuit: default or a file.", valueName: "b"))
    var second: String

    @OptionGroup var model: ModelOptions

    @Option(help: "What standard output gets.")
    var format: OutputFormat = .text

    func run() throws {
        let circuits = try model.circuits([first, second])
        let diff = CircuitDiff(from: circuits[0], to: circuits[1])
        switch format {
        case .text: print(diff.text())
        case .csv: print(diff.csv, terminator: "")
        case .json: print(String(decoding: try JSONEncoder.readable.encode(diff), as: UTF8.self))
        }
    }
}

extension ModelOptions {
    /// Circuits that are asked for by their file or as `default`. A model, of which the config alone is read, has to do
    /// with it only where there is a `default` or the user names one.
    fileprivate func circuits(_ names: [String]) throws -> [Circuit] {
        guard model != nil || names.contains("default") else {
            return try names.map { try Circuit(contentsOf: URL(fileURLWithPath: $0)) }
        }
        let location = try location()
        let config = try GPT2Config(contentsOf: location.configFile)
        do {
            return try names.map { try Circuit.named($0, for: config, at: location) }
        } catch let error as IOIError where error.field == "circuit" {
            // Here it is an argument, not an option.
            throw IOIError.usage("circuit: \(error.problem)")
        }
    }
}
