import ArgumentParser
import Foundation
import IOIKit

struct CircuitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "circuit",
        abstract: "Find, show, compare and validate circuits: the heads, and MLPs, that do the task together.",
        subcommands: [CircuitShowCommand.self, CircuitDrawCommand.self, CircuitDiffCommand.self]
            + Experiments.commands(in: "circuit")
    )
}

struct CircuitShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show the classes of a circuit, their heads and MLPs, and the position of each.",
        discussion: """
            With --model, and for default, heads and MLPs are checked against the model. --format json writes the circuit \
            as a file that every --circuit takes.

            ioi circuit show --model gpt2
            ioi circuit show found.json
            ioi circuit show greater-than
            """
    )

    @Argument(
        help: ArgumentHelp(
            "A circuit file, default for the model's own circuit, gpt2-small, gpt2-small-naive or greater-than.",
            valueName: "circuit"
        ),
        completion: .circuits
    )
    var circuit = "default"

    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.output) var output: FormatOptions

    func run() throws {
        let circuit = try model.circuits([circuit])[0]
        output.write(json: { circuit.json }, csv: { circuit.csv }, text: { Printout(circuit.parts()) })
    }
}

struct CircuitDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract:
            "Compare two circuits: the heads and MLPs that both have, and those that the second gains, loses or moves.",
        discussion: """
            ioi circuit diff default found.json --model gpt2
            ioi circuit diff base.json tuned.json
            """
    )

    @Argument(help: ArgumentHelp("The first circuit: a file or default.", valueName: "a"), completion: .circuits)
    var first: String

    @Argument(help: ArgumentHelp("The second circuit: a file or default.", valueName: "b"), completion: .circuits)
    var second: String

    @OptionGroup(title: Section.model) var model: ModelOptions
    @OptionGroup(title: Section.output) var output: FormatOptions

    func run() throws {
        let circuits = try model.circuits([first, second])
        let diff = CircuitDiff(from: circuits[0], to: circuits[1])
        try output.write(
            json: { try JSONEncoder.readable.encode(diff) }, csv: { diff.csv }, text: { diff.printout })
    }
}

struct CircuitDrawCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draw",
        abstract: "Draw a circuit: its classes, or the ends of its edges, and what reads what.",
        discussion: """
            A circuit with paths between classes has a box for each class. One with edges has a box for each head and MLP; \
            more than \(CircuitDiagram.mostEdges) edges are thin lines on a grid of layers and heads, where the drawing of \
            `ioi circuit discover --chart` has the strongest dark. A .dot file is for Graphviz and has every edge.

            ioi circuit draw gpt2-small --out circuit.svg
            ioi circuit draw found.json --out found.pdf
            ioi circuit draw found.json --out found.dot && dot -Tpdf found.dot -o found.pdf
            """
    )

    @Argument(
        help: ArgumentHelp(
            "A circuit file, default for the model's own circuit, gpt2-small, gpt2-small-naive or greater-than.",
            valueName: "circuit"
        ),
        completion: .circuits
    )
    var circuit = "default"

    @OptionGroup(title: Section.model) var model: ModelOptions

    @Option(
        help: ArgumentHelp(
            "The file; .pdf and .png need rsvg-convert of the package librsvg2-bin.",
            valueName: "f.svg|f.pdf|f.png|f.dot"),
        completion: .file(extensions: PictureFormat.allCases.map(\.rawValue) + ["dot"]))
    var out: String

    func run() throws {
        let isDOT = (out as NSString).pathExtension.lowercased() == "dot"
        let format = isDOT ? nil : try PictureFormat(of: out, flag: "--out", others: [".dot"])
        let outputs = try Outputs([("--out", out)])
        let circuit = try model.circuits([circuit])[0]
        let diagram = circuit.diagram(title: "\(circuit.model): \(circuit.size)")
        try outputs.write("--out") { try format?.data(diagram.svg) ?? Data(CircuitDiagram.dot(circuit).utf8) }
        try outputs.finish()
    }
}

extension ModelOptions {
    /// Circuits by their file or name. A model, of which only the config is read, is needed only if
    /// `default` is among them or the user names one.
    fileprivate func circuits(_ names: [String]) throws -> [Circuit] {
        try refuseTokenizer("circuits, which hold no text")
        do {
            guard model != nil || names.contains("default") else {
                return try names.map { try Circuit(contentsOf: Circuit.file(named: $0)) }
            }
            let location = try location()
            let config = try GPT2Config(contentsOf: location.configFile)
            if names.contains("default") {
                try Self.reportBorrowedCircuit(of: location, config) {
                    try SafetensorsSet.sha256(at: location.weightsFile)
                }
            }
            return try names.map { try Circuit.named($0, for: config, at: location) }
        } catch let error as IOIError where error.field == "circuit" {
            // Here it is an argument, not an option.
            throw IOIError.usage("circuit: \(error.problem)")
        }
    }
}
