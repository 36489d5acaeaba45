import ArgumentParser
import IOIKit

/// The circuit that a command works on.
struct CircuitOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A circuit file, default for the model's own circuit, gpt2-small, gpt2-small-naive or greater-than.",
            valueName: "file|name"
        ),
        completion: .circuits
    )
    var circuit = "default"

    /// The circuit as results files hold it.
    var name: String { get throws { try Circuit.recordedName(circuit) } }

    /// The flag for a command to try next.
    var flag: String { circuit == "default" ? "" : " --circuit \(circuit.shellWord)" }
}

/// Where the heads of a circuit are kept.
struct CircuitPositionsOptions: ParsableArguments {
    enum Positions: String, CaseIterable, ExpressibleByArgument {
        case circuit, all
    }

    @Option(
        help: ArgumentHelp("Keep the circuit's heads at their classes' positions, or at all.", valueName: "where")
    )
    var positions = Positions.circuit

    var areEverywhere: Bool { positions == .all }
}
