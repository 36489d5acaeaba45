import ArgumentParser
import IOIKit

/// What knocked-out values are replaced by.
struct AblationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What stands in for a knocked-out value: mean, resample, zero, counterfactual or optimal (default: mean).",
            discussion: """
                mean: its mean over the ABC partners of the prompts. resample: its value in the partner of another \
                prompt of the same template and order. counterfactual: its value in the prompt's own partner. optimal: \
                a constant for each head, learned so that a circuit does its best without it; for whole circuits only.
                """,
            valueName: "kind"
        )
    )
    var ablate: String?

    @Option(
        help: ArgumentHelp(
            "Means over prompts of the same template and order, position by position, or over all (default: template).",
            valueName: "template|global"
        )
    )
    var meanGroup: String?

    var given: [String] {
        [("--ablate", ablate != nil), ("--mean-group", meanGroup != nil)].filter(\.1).map(\.0)
    }

    /// - Throws: `IOIError` of kind `usage` for a kind or group that there is not.
    func ablation(seed: UInt64) throws -> Ablation {
        let ablation = Ablation(
            try choice("--ablate", ablate, default: .mean),
            group: try choice("--mean-group", meanGroup, default: .template),
            seed: seed
        )
        guard meanGroup == nil || ablation.kind == .mean else {
            throw IOIError.usage(
                "--mean-group: does not go with --ablate \(ablation.kind.rawValue), which takes no mean")
        }
        return ablation
    }
}
