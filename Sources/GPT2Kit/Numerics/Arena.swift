import Foundation

/// One allocation of floats, all zero at first, freed when the last reference goes.
///
/// Pages come from the system when they are first written, so room that is never used costs no memory.
package final class Arena: @unchecked Sendable {
    // Sendable is unchecked because whoever holds views decides which worker writes where; see `Workers`.
    let base: UnsafeMutablePointer<Float>
    let count: Int
    private let byteCount: Int
    private let isCounting: Bool
    private var taken = 0

    convenience init(count: Int) {
        self.init(count: count, isCounting: false)
    }

    private init(count: Int, isCounting: Bool) {
        self.count = count
        self.isCounting = isCounting
        byteCount = max(count, 1) * MemoryLayout<Float>.stride
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let mapping = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let mapping, mapping != MAP_FAILED else {
            preconditionFailure("the system gives no room for \(byteCount) bytes: \(String(cString: strerror(errno)))")
        }
        #if os(Linux)
            // Large pages: products and AdamW stream through hundreds of megabytes.
            madvise(mapping, byteCount, MADV_HUGEPAGE)
        #endif
        base = mapping.bindMemory(to: Float.self, capacity: count)
    }

    deinit { munmap(base, byteCount) }

    /// Takes the next free `rows × columns` floats.
    package func take(_ rows: Int, _ columns: Int) -> Matrix {
        let start = taken
        taken += rows * columns
        guard !isCounting else { return Matrix(base: base, rows: rows, columns: columns) }
        precondition(taken <= count, "the arena was planned too small")
        return Matrix(base: base + start, rows: rows, columns: columns)
    }

    /// One arena that holds just the views that `layOut` takes; it is called twice, first only to count.
    package static func holding<Views>(_ layOut: (Arena) -> Views) -> (arena: Arena, views: Views) {
        let counter = Arena(count: 0, isCounting: true)
        _ = layOut(counter)
        let arena = Arena(count: counter.taken)
        return (arena, layOut(arena))
    }
}
