import ArgumentParser
import IOIKit

/// What every command that computes takes.
struct RunOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Threads that compute at once (default: one for each core).",
            discussion: "The same seed and the same number of threads give the same bytes.", valueName: "n"
        )
    )
    var threads: Int?

    @Flag(help: "No progress and no hints on standard error; the model's name and errors remain.")
    var quiet = false

    /// - Throws: `IOIError` of kind `usage` for a number of threads that cannot be.
    func workers() throws -> Workers {
        if let threads { try checkFlag("--threads", threads, in: 1...1024) }
        return Workers(count: threads)
    }
}

/// - Throws: `IOIError` of kind `usage` where a flag's value is out of its range.
func checkFlag<Value: Comparable>(_ flag: String, _ value: Value, in range: ClosedRange<Value>) throws {
    guard range.contains(value) else {
        throw IOIError.usage("\(flag): found \(value), expected \(range.lowerBound) to \(range.upperBound)")
    }
}
