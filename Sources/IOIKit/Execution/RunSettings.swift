/// Settings that affect how runs are carried out but not their results, beyond rounding.
public struct RunSettings: Sendable {
    /// The bytes available to caches and stacked runs, in addition to the weights. The minimum is what a few prompts
    /// need.
    public var memory: Int
    public var workers: Workers
    /// Polled during the work; returning true stops it with a ``PatchInterruption``.
    public var isInterrupted: @Sendable () -> Bool = { false }
    /// The processes that share the work.
    public var ranks = Ranks.alone
    /// What the measurements of one experiment share; nil for none, since weights may change between measurements.
    var shared: SharedPasses?

    public static let defaultMemory = 1_000_000_000

    public init(workers: Workers, memory: Int = defaultMemory) {
        self.memory = memory
        self.workers = workers
    }

    /// Whether this process or another that shares the work is interrupted.
    var isStopping: Bool { isInterrupted() || ranks.isToldToStop }

    /// - Throws: ``PatchInterruption`` without measures when interrupted.
    func checkInterruption() throws {
        if isStopping { throw PatchInterruption(measures: PatchMeasures(cells: 0)) }
    }

    /// The maximum number of stacked rows: enough for matrix products to run at full speed.
    static let stackedRows = 2048
    /// The maximum number of prompts cached at once.
    static let prompts = 64
}
