/// The flags that stand on the command line.
///
/// An option that has a default does not know whether the user gave it, but a flag without effect must be refused.
enum Given {
    private static let flags = Set(CommandLine.arguments.map { $0.prefix { $0 != "=" } })

    static func has(_ flag: String) -> Bool { flags.contains(flag[...]) }

    /// The first of some flags that the user gave.
    static func first(of flags: [String]) -> String? { flags.first(where: has) }
}
