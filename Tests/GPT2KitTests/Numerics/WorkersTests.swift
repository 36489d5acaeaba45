import Synchronization
import Testing

@testable import GPT2Kit

@Suite struct WorkersTests {
    @Test(arguments: [1, 2, 3, 8])
    func sharesCoverEverythingOnce(_ count: Int) {
        for (items, grain) in [(0, 1), (1, 1), (7, 1), (100, 1), (100, 32), (5, 32), (64, 32), (65, 32)] {
            let visits = Mutex([Int](repeating: 0, count: items))
            let shares = Mutex([Range<Int>]())
            Workers(count: count).share(items, grain: grain) { range in
                shares.withLock { $0.append(range) }
                visits.withLock { for item in range { $0[item] += 1 } }
            }
            #expect(visits.withLock { $0 }.allSatisfy { $0 == 1 })
            let starts = shares.withLock { $0 }
            #expect(starts.count <= count)
            #expect(starts.allSatisfy { $0.lowerBound % grain == 0 })
        }
    }
}
