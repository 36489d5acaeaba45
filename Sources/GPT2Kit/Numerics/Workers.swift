import CSystem
import Foundation
import Synchronization

/// A number of threads that divide work among them, and how they multiply matrices.
///
/// Work is cut into as many contiguous shares as there are workers, by item numbers alone. What a worker computes
/// never depends on timing: the same seed and the same number of threads give the same bytes.
public struct Workers: Sendable {
    /// The number of threads that work is divided among. No more of them run than there are processors, or than the
    /// system allows.
    public let count: Int
    /// The library of matrix products.
    public let backend: Backend
    /// Of matrix products, but for those of single heads inside attention, which are always in single precision.
    public let precision: Precision

    /// The smallest share worth waking a thread for, in ns: about twice what that takes.
    private static let leastShare = 10_000.0

    private static let processors = ProcessInfo.processInfo.activeProcessorCount

    private static let most = Atomic(1)

    /// The most threads that any workers of this process may run at a time.
    static var mostThreads: Int { most.load(ordering: .relaxed) }

    /// - Parameters:
    ///   - count: the number of threads; nil for one on each core.
    ///   - backend: the library of matrix products, which must be available.
    ///   - precision: of matrix products; ``Precision/check(with:)`` says whether it can be had.
    public init(count: Int? = nil, backend: Backend = .current, precision: Precision = .fp32) {
        self.count = max(1, count ?? Self.processors)
        Self.most.max(min(self.count, Self.processors), ordering: .relaxed)
        self.backend = backend
        self.precision = precision
    }

    /// As many threads, with another precision.
    public func with(_ precision: Precision) -> Workers {
        Workers(count: count, backend: backend, precision: precision)
    }

    /// One thread, and single precision: for a share of the work of these.
    package var alone: Workers { Workers(count: 1, backend: backend) }

    /// Calls `body` with each share of `0 ..< items`, in parallel, and returns when all are done.
    ///
    /// - Parameters:
    ///   - grain: shares begin at multiples of it.
    ///   - nanoseconds: about how long one item takes on one thread, so that no more threads are woken than have work;
    ///     infinite where an item is worth a thread.
    package func share(
        _ items: Int,
        grain: Int = 1,
        nanoseconds: Double = .infinity,
        _ body: (Range<Int>) -> Void
    ) {
        let grains = (items + grain - 1) / grain
        let worth = Double(items) * nanoseconds / Self.leastShare
        let shares = min(grains, worth < Double(count) ? max(1, Int(worth)) : count)
        guard shares > 1 else {
            if items > 0 { body(0..<items) }
            return
        }
        // The call returns only when every share is done, so the body does not outlive what it borrows.
        withoutActuallyEscaping(body) { body in
            var work: (Int) -> Void = { share in
                let lower = grains * share / shares * grain
                let upper = min(items, grains * (share + 1) / shares * grain)
                body(lower..<upper)
            }
            withUnsafeMutablePointer(to: &work) { work in
                threads_share(shares, Self.processors - 1, work) { work, share in
                    work!.assumingMemoryBound(to: ((Int) -> Void).self).pointee(share)
                }
            }
        }
    }

    /// The values of `body` for `0 ..< items`, computed in parallel.
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
