import ArgumentParser
import IOIKit

/// Which prompts the means that stand in for knocked-out values are taken over.
struct ReferenceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Take means over so many prompts of the same kind, the measured ones first (default: just those).",
            valueName: "n"
        )
    )
    var abcCount: Int?
}
