import ArgumentParser
import IOIKit

/// Which heads path patching adds to a circuit.
struct PathWalkOptions: ParsableArguments {
    private static let standard = PathWalk()

    @Option(help: ArgumentHelp("Minimum effect on the logits, in % of LD, of either sign.", valueName: "%"))
    var logitsEffect = standard.logits.threshold

    @Option(help: ArgumentHelp("The same with the name movers knocked out.", valueName: "%"))
    var backupEffect = standard.backups.threshold

    @Option(help: ArgumentHelp("Minimum effect through the name movers' queries.", valueName: "%"))
    var queryEffect = standard.queries.threshold

    @Option(help: ArgumentHelp("Minimum effect through keys or values at S2.", valueName: "%"))
    var s2Effect = standard.s2.threshold

    @Option(help: ArgumentHelp("Minimum effect through keys or values at S1+1.", valueName: "%"))
    var s1Effect = standard.s1Next.threshold

    @Option(
        help: ArgumentHelp("Keep at most this many heads of a class, the strongest (default: all).", valueName: "n"))
    var most: Int?

    @Option(
        help: ArgumentHelp("Minimum mean attention for a head to be named by what it attends to.", valueName: "share"))
    var attention = standard.attention

    static let flags = [
        "--logits-effect", "--backup-effect", "--query-effect", "--s2-effect", "--s1-effect", "--most", "--attention",
    ]

    func walk(seed: UInt64) -> PathWalk {
        var walk = PathWalk()
        walk.seed = seed
        walk.logits = .init(threshold: logitsEffect, limit: most)
        walk.backups = .init(threshold: backupEffect, limit: most)
        walk.queries = .init(threshold: queryEffect, limit: most)
        walk.s2 = .init(threshold: s2Effect, limit: most)
        walk.s1Next = .init(threshold: s1Effect, limit: most)
        walk.attention = attention
        return walk
    }
}
