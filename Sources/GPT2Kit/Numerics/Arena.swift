import Foundation
import Synchronization

/// One zeroed allocation of floats that hands out matrices; it is freed with its last reference.
///
/// The system provides a page when it is first written, so capacity that is never used costs no memory.
package final class Arena: @unchecked Sendable {
    // Sendable is unchecked because whoever holds the views decides which worker writes where; see `Workers`.
    let base: UnsafeMutablePointer<Float>
    let count: Int
    private let byteCount: Int
    private let isCounting: Bool
    private var taken = 0
    private static let allMapped = Atomic(0)

    /// The bytes of all arenas, of which only the pages that were written are in memory yet.
    package static var mapped: Int { allMapped.load(ordering: .relaxed) }

    private static let failure = Mutex<@Sendable (Int) -> Never> { bytes in
        preconditionFailure("cannot allocate \(bytes) bytes")
    }

    /// Sets what ends the process where the system gives no memory. The default is a trap.
    ///
    /// - Parameter body: takes the number of bytes.
    package static func onFailure(_ body: @escaping @Sendable (Int) -> Never) { failure.withLock { $0 = body } }

    /// Ends the process as ``onFailure(_:)`` says if the system would not give this many bytes more.
    static func checkRoom(_ bytes: Int) {
        let mapping = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapping, mapping != MAP_FAILED else { failure.withLock { $0 }(bytes) }
        munmap(mapping, bytes)
    }

    convenience init(count: Int) { self.init(count: count, isCounting: false) }

    private init(count: Int, isCounting: Bool) {
        self.count = count
        self.isCounting = isCounting
        byteCount = max(count, 1) * MemoryLayout<Float>.stride
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let mapping = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let mapping, mapping != MAP_FAILED else {
            Self.failure.withLock { $0 }(byteCount)
        }
        #if os(Linux)
            // Large pages: products and AdamW stream through hundreds of megabytes.
            madvise(mapping, byteCount, MADV_HUGEPAGE)
        #endif
        base = mapping.bindMemory(to: Float.self, capacity: count)
        Self.allMapped.add(byteCount, ordering: .relaxed)
    }

    deinit {
        munmap(base, byteCount)
        Self.allMapped.subtract(byteCount, ordering: .relaxed)
    }

    /// Gives all floats back, without making them zero.
    func reset() { taken = 0 }

    /// Where its floats begin.
    package var start: UnsafeMutablePointer<Float> { base }

    /// Takes the next free floats as a matrix. [rows, columns]
    package func take(_ rows: Int, _ columns: Int) -> Matrix {
        let start = taken
        taken += rows * columns
        guard !isCounting else { return Matrix(base: base, rows: rows, columns: columns) }
        precondition(taken <= count, "the arena is too small")
        return Matrix(base: base + start, rows: rows, columns: columns)
    }

    /// An arena of exactly the size that `layOut` takes. `layOut` is called twice, the first time only to count.
    package static func holding<Views>(_ layOut: (Arena) -> Views) -> (arena: Arena, views: Views) {
        let arena = Arena(count: floats(layOut), isCounting: false)
        return (arena, layOut(arena))
    }

    /// The bytes that ``holding(_:)`` would allocate.
    package static func bytes<Views>(_ layOut: (Arena) -> Views) -> Int {
        floats(layOut) * MemoryLayout<Float>.stride
    }

    private static func floats<Views>(_ layOut: (Arena) -> Views) -> Int {
        let counter = Arena(count: 0, isCounting: true)
        _ = layOut(counter)
        return counter.taken
    }
}
