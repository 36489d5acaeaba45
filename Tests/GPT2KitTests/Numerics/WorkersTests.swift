import Dispatch
import Synchronization
import Testing

@testable import GPT2Kit

@Suite struct WorkersTests {
    /// The shares of some items.
    private func shares(
        _ items: Int,
        grain: Int = 1,
        nanoseconds: Double = .infinity,
        among count: Int
    ) -> [Range<Int>] {
        let shares = Mutex([Range<Int>]())
        Workers(count: count).share(items, grain: grain, nanoseconds: nanoseconds) { range in
            shares.withLock { $0.append(range) }
        }
        return shares.withLock { $0 }
    }

    @Test(arguments: [1, 2, 3, 8, 32, 128], [0.001, 150, 20_000, .infinity])
    func sharesCoverEverythingOnce(_ count: Int, nanoseconds: Double) {
        for (items, grain) in [
            (0, 1), (1, 1), (7, 1), (100, 1), (100, 32), (5, 32), (64, 32), (65, 32), (1000, 1), (1003, 8),
        ] {
            let shares = shares(items, grain: grain, nanoseconds: nanoseconds, among: count)
            var visits = [Int](repeating: 0, count: items)
            for range in shares { for item in range { visits[item] += 1 } }
            #expect(visits.allSatisfy { $0 == 1 })
            #expect(shares.count <= count)
            #expect(shares.allSatisfy { $0.lowerBound % grain == 0 })
        }
    }

    /// A thread has at least ten microseconds' work.
    @Test func littleWorkWakesFewThreads() {
        #expect(shares(1000, nanoseconds: 9, among: 128).count == 1)
        #expect(shares(1000, nanoseconds: 20, among: 128).count == 2)
        #expect(shares(1000, nanoseconds: 100, among: 128).count == 10)
        #expect(shares(1000, nanoseconds: 100, among: 4).count == 4)
        // Cut evenly, not at multiples of what is worth a thread.
        #expect(shares(1000, nanoseconds: 25, among: 2).map(\.count).sorted() == [500, 500])
        // As many as there are items, where each is worth a thread.
        #expect(shares(5, among: 128).count == 5)
        #expect(shares(5, nanoseconds: 20_000, among: 128).count == 5)
    }

    /// Several callers at once, whose shares call as well: all is done once, and nobody waits for ever.
    @Test func callsWithinCallsAndBesideOthersEnd() {
        let workers = Workers(count: 8)
        let sums = Mutex([Int](repeating: 0, count: 4))
        let finished = DispatchGroup()
        for caller in 0..<4 {
            finished.enter()
            let isStarted = BackgroundThread.start {
                for _ in 0..<200 {
                    let inner = workers.map(8) { outer in workers.map(8) { outer * 8 + $0 }.reduce(0, +) }
                    sums.withLock { $0[caller] += inner.reduce(0, +) }
                }
                finished.leave()
            }
            #expect(isStarted)
        }
        finished.wait()
        #expect(sums.withLock { $0 } == [Int](repeating: 200 * 2016, count: 4))
    }
}
