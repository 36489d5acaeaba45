import Dispatch
import Foundation

/// The threads that share a piece of work.
///
/// Work is cut by item numbers alone, into as many contiguous shares as there are workers, so which worker computes
/// what never depends on timing: the same seed and the same number of threads give the same bytes.
public struct Workers: Sendable {
    /// How many threads compute at once.
    public let count: Int

    /// - Parameter count: the number of threads; as many as the machine has cores when nil.
    public init(count: Int? = nil) {
        self.count = max(1, count ?? ProcessInfo.processInfo.activeProcessorCount)
    }

    /// Calls `body` with shares of `0 ..< items`, all at once, and returns when all are done.
    ///
    /// - Parameter grain: the smallest share worth a thread of its own; share borders are multiples of it.
    package func share(_ items: Int, grain: Int = 1, _ body: (Range<Int>) -> Void) {
        let grains = (items + grain - 1) / grain
        let shares = min(count, grains)
        guard shares > 1 else {
            if items > 0 { body(0..<items) }
            return
        }
        // The call returns only when every share is done, so nothing that the body borrows is outlived.
        nonisolated(unsafe) let body = body
        DispatchQueue.concurrentPerform(iterations: shares) { share in
            let lower = grains * share / shares * grain
            let upper = min(items, grains * (share + 1) / shares * grain)
            body(lower..<upper)
        }
    }

    /// What `body` makes of each of `0 ..< items`, in their order.
    package func map<Value: Sendable>(_ items: Int, _ body: (Int) -> Value) -> [Value] {
        var values = [Value?](repeating: nil, count: items)
        values.withUnsafeMutableBufferPointer { values in
            nonisolated(unsafe) let values = values
            share(items) { shares in
                for index in shares { values[index] = body(index) }
            }
        }
        return values.map { $0! }
    }
}
