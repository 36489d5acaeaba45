import ArgumentParser
import Foundation
import IOIKit

/// The options of every command that computes.
struct RunOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Number of threads (default: one for each core).",
            discussion: "Equal seeds and equal numbers of threads give identical results.", valueName: "n"
        )
    )
    var threads: Int?

    @Flag(help: "Show no progress and no hints, only errors and the model's name.")
    var quiet = false

    /// - Throws: `IOIError` of kind `usage` if the number of threads is out of range.
    func workers() throws -> Workers {
        if let threads { try checkFlag("--threads", threads, in: 1...1024) }
        return Workers(count: threads)
    }
}

/// How much memory patched runs may use.
struct MemoryOptions: ParsableArguments {
    @Option(help: ArgumentHelp("GB for caches and patched runs, besides the weights.", valueName: "gb"))
    var memory = 1.0

    /// - Throws: `IOIError` of kind `usage` if the size is out of range.
    func settings(workers: Workers) throws -> RunSettings {
        var settings = RunSettings(workers: workers)
        try checkFlag("--memory", memory, in: 0.05...1000)
        settings.memory = Int(memory * 1e9)
        settings.isInterrupted = { Interrupt.isPending }
        return settings
    }
}

/// - Throws: `IOIError` of kind `usage` if the value of a flag is out of range.
func checkFlag<Value: Comparable>(_ flag: String, _ value: Value, in range: ClosedRange<Value>) throws {
    guard range.contains(value) else {
        throw IOIError.usage("\(flag): found \(value), expected \(range.lowerBound) to \(range.upperBound)")
    }
}
