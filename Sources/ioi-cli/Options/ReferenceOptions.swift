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

    /// - Parameters:
    ///   - source: where the measured prompts come from.
    ///   - ablation: what the means are for.
    /// - Throws: `IOIError` of kind `usage` where there are no more prompts or no means, and for a number below the
    ///   source's own.
    func count(_ source: PromptSource, _ ablation: Ablation) throws -> Int? {
        guard let abcCount else { return nil }
        guard source.file == nil else {
            throw IOIError.usage("--abc-count: does not go with --data, whose prompts are already made")
        }
        guard ablation.kind == .mean else { throw IOIError.usage("--abc-count: needs --ablate mean") }
        try checkFlag("--abc-count", abcCount, in: source.count...10_000_000)
        return abcCount
    }
}
