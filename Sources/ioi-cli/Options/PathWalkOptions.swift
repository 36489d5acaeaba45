import ArgumentParser
import IOIKit

/// Which heads a walk by path patching takes.
struct PathWalkOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Least effect on the logits, in % of LD, of either sign (default: 2).", valueName: "%")
    )
    var logitsEffect: Double?

    @Option(help: ArgumentHelp("The same with the name movers knocked out (default: 2).", valueName: "%"))
    var backupEffect: Double?

    @Option(help: ArgumentHelp("Least effect through the name movers' queries (default: 2).", valueName: "%"))
    var queryEffect: Double?

    @Option(help: ArgumentHelp("Least effect through keys or values at S2 (default: 1).", valueName: "%"))
    var s2Effect: Double?

    @Option(help: ArgumentHelp("Least effect through keys or values at S1+1 (default: 1).", valueName: "%"))
    var s1Effect: Double?

    @Option(help: ArgumentHelp("The most heads of a class, the strongest (default: all).", valueName: "n"))
    var most: Int?

    @Option(
        help: ArgumentHelp(
            "The mean attention from which on a head is named by what it attends to (default: 0.2).", valueName: "share"
        )
    )
    var attention: Double?

    /// The flags that were given.
    var given: [String] {
        thresholds.filter { $0.value != nil }.map(\.flag) + (most == nil ? [] : ["--most"])
            + (attention == nil ? [] : ["--attention"])
    }

    private var thresholds: [(flag: String, value: Double?, step: WritableKeyPath<PathWalk, PathWalk.Criterion>)] {
        [
            ("--logits-effect", logitsEffect, \.logits), ("--backup-effect", backupEffect, \.backups),
            ("--query-effect", queryEffect, \.queries), ("--s2-effect", s2Effect, \.s2),
            ("--s1-effect", s1Effect, \.s1Next),
        ]
    }

    /// - Throws: `IOIError` of kind `usage` for a value that cannot be.
    func walk(seed: UInt64) throws -> PathWalk {
        var walk = PathWalk()
        walk.seed = seed
        for (flag, value, step) in thresholds {
            if let value {
                try checkFlag(flag, value, in: 0...1000)
                walk[keyPath: step].threshold = value
            }
            walk[keyPath: step].limit = most
        }
        if let most { try checkFlag("--most", most, in: 1...100_000) }
        if let attention {
            try checkFlag("--attention", attention, in: 0...1)
            walk.attention = attention
        }
        return walk
    }
}
