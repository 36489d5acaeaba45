import CSystem

/// Work on a thread of its own, which no signal interrupts.
package enum BackgroundThread {
    private final class Work {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// - Returns: false if the system makes no more threads; `body` is not called then.
    package static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        let work = Unmanaged.passRetained(Work(body))
        let isStarted = threads_start(work.toOpaque()) { work in
            Unmanaged<Work>.fromOpaque(work!).takeRetainedValue().body()
        }
        if !isStarted { work.release() }
        return isStarted
    }
}
