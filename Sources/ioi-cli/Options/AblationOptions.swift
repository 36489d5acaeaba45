import ArgumentParser
import IOIKit

/// What knocked-out values are replaced by.
struct AblationOptions<Command: CommandDefaults>: ParsableArguments {
    @Option(help: ArgumentHelp("Replace a knocked-out value by this.", valueName: "kind"))
    var ablate = Command.ablation

    @Option(
        help: ArgumentHelp(
            "Take means position by position over prompts of the same template and positions, or over all prompts.",
            valueName: "group"
        )
    )
    var meanGroup = Ablation.Group.template

    var flags: [String] { ["--ablate", "--mean-group"] }

    /// The first of these flags that the user gave.
    var given: String? { Given.first(of: flags) }

    /// - Throws: `IOIError` of kind `usage` if a flag has no effect.
    func ablation(seed: UInt64) throws -> Ablation {
        try Given.refuse([
            (["--mean-group"], ablate != .mean, "does not go with --ablate \(ablate.rawValue), which takes no mean")
        ])
        return Ablation(ablate, group: meanGroup, seed: seed)
    }
}

/// Which prompts ablation means are taken over.
struct ReferenceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Take means over this many prompts, the measured ones among them (default: these only).",
            valueName: "n"
        )
    )
    var abcCount: Int?
}
