import ArgumentParser
import IOIKit

/// Which heads and MLPs path patching adds to a circuit.
struct PathWalkOptions: ParsableArguments {
    private static let standard = PathWalk()

    @Option(
        help: ArgumentHelp("Minimum effect on the logits, in % of what is measured, of either sign.", valueName: "%"))
    var logitsEffect = standard.logits.threshold

    @Option(
        help: ArgumentHelp("Minimum effect through what other classes read, on prompts of any task.", valueName: "%"))
    var senderEffect = NodeWalk().senders.threshold

    @Option(help: ArgumentHelp("IOI: minimum effect on the logits with the name movers knocked out.", valueName: "%"))
    var backupEffect = standard.backups.threshold

    @Option(help: ArgumentHelp("IOI: minimum effect through the name movers' queries.", valueName: "%"))
    var queryEffect = standard.queries.threshold

    @Option(help: ArgumentHelp("IOI: minimum effect through keys or values at S2.", valueName: "%"))
    var s2Effect = standard.s2.threshold

    @Option(help: ArgumentHelp("IOI: minimum effect through keys or values at S1+1.", valueName: "%"))
    var s1Effect = standard.s1Next.threshold

    @Option(
        help: ArgumentHelp("Keep at most this many heads of a class, the strongest (default: all).", valueName: "n"))
    var most: Int?

    @Option(
        help: ArgumentHelp(
            "IOI: minimum mean attention for a head to be named by what it attends to.", valueName: "share"))
    var attention = standard.attention

    static let flags = ["--logits-effect", "--most"]
    static let flagsOfIOI = ["--backup-effect", "--query-effect", "--s2-effect", "--s1-effect", "--attention"]

    func general(seed: UInt64) -> NodeWalk {
        var walk = NodeWalk()
        walk.seed = seed
        walk.logits = .init(threshold: logitsEffect, limit: most)
        walk.senders = .init(threshold: senderEffect, limit: most)
        return walk
    }

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
