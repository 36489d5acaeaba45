import ArgumentParser
import IOIKit

/// Where the heads of a circuit are kept.
struct CircuitPositionsOptions: ParsableArguments {
    private enum Positions: String, CaseIterable {
        case circuit, all
    }

    @Option(
        help: ArgumentHelp(
            "Where its heads stay: at their classes' positions or everywhere (default: circuit).",
            valueName: "circuit|all"
        )
    )
    var positions: String?

    /// - Throws: `IOIError` of kind `usage` for positions that there are not.
    func areEverywhere() throws -> Bool { try choice("--positions", positions, default: Positions.circuit) == .all }
}
