/// How patched runs are carried out; no figure depends on it beyond rounding.
public struct RunSettings: Sendable {
    /// The bytes that caches and stacked runs may take, beside the weights and what a few prompts need at least.
    public var memory: Int
    public var workers: Workers
    /// Asked between pieces of work; where it is true, measuring ends with a `PatchInterruption`.
    public var isInterrupted: @Sendable () -> Bool = { false }

    public static let defaultMemory = 1_000_000_000

    public init(workers: Workers, memory: Int = defaultMemory) {
        self.memory = memory
        self.workers = workers
    }

    /// The most rows that are stacked: enough for products at full speed.
    static let stackedRows = 2048
    /// The most prompts whose caches are held at once.
    static let prompts = 64
}

/// Thrown where measuring was interrupted: what had been measured by then, to be gone on from.
public struct PatchInterruption: Error {
    public let measures: PatchMeasures
}
