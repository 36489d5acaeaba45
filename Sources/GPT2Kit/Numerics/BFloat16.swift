import CKernels
import Synchronization

/// bfloat16 numbers that add up to the values of a matrix. Those of row i and column j are at i · `stride` + j.
package struct BFloat16Parts: @unchecked Sendable {
    /// How many numbers each value has: that of a ``Precision``.
    package let count: Int
    private let base: UnsafeMutablePointer<UInt16>
    let stride: Int
    /// How far the second number of a value lies behind the first, and the third behind the second.
    private let spacing: Int

    /// Takes room for the parts of `matrix`.
    package init(of matrix: Matrix, count: Int, in arena: Arena) {
        (self.count, stride, spacing) = (count, matrix.columns, matrix.rows * matrix.columns)
        let floats = arena.take(1, Self.floats(of: matrix, count: count))
        base = UnsafeMutableRawPointer(floats.base).assumingMemoryBound(to: UInt16.self)
    }

    private init(base: UnsafeMutablePointer<UInt16>, like other: Self) {
        (self.base, count, stride, spacing) = (base, other.count, other.stride, other.spacing)
    }

    /// The floats that the parts of a matrix take in an arena: two numbers each.
    static func floats(of matrix: Matrix, count: Int) -> Int { (matrix.rows * matrix.columns * count + 1) / 2 }

    /// The numbers of one part.
    subscript(part: Int) -> UnsafeMutablePointer<UInt16> { base + part * spacing }

    /// The parts of the same matrix without its first rows and columns.
    func dropping(rows: Int, columns: Int) -> Self { Self(base: base + rows * stride + columns, like: self) }

    /// Makes the parts of the first `count` of some values that lie one after another.
    func split(_ x: UnsafePointer<Float>, count: Int) {
        if self.count == 1 {
            kernels_round(x, base, count)
        } else {
            kernels_split(x, self[0], self[1], self[2], count)
        }
    }
}

extension Matrix {
    /// Computes the matrix's ``parts`` from its values.
    package func split(workers: Workers) {
        guard let parts else { preconditionFailure("a matrix without parts") }
        workers.share(rows, grain: 8) { rows in
            for row in rows { parts.dropping(rows: row, columns: 0).split(self[row], count: columns) }
        }
    }

    /// Calls `body` with this matrix and its parts for the precision of `workers`: those that it has, or new ones that
    /// last until `body` returns.
    package func withParts(workers: Workers, _ body: (Matrix) -> Void) {
        let count = workers.precision.parts
        guard parts?.count ?? 0 != count else { return body(self) }
        guard count > 0 else { return body(with(nil)) }
        Room.lend(floats: BFloat16Parts.floats(of: self, count: count)) { arena in
            let split = with(BFloat16Parts(of: self, count: count, in: arena))
            split.split(workers: workers)
            body(split)
        }
    }
}

/// Memory for parts that last for one product, kept between products: a new page costs more than its conversion.
private enum Room {
    /// From the smallest to the largest.
    private static let free = Mutex<[Arena]>([])

    static func lend(floats: Int, _ body: (Arena) -> Void) {
        let found = free.withLock { free -> Arena? in
            if let index = free.firstIndex(where: { $0.count >= floats }) { return free.remove(at: index) }
            // A larger one takes the place of the smallest.
            if !free.isEmpty { free.removeFirst() }
            return nil
        }
        let arena = found ?? Arena(count: floats)
        arena.reset()
        body(arena)
        free.withLock { free in
            free.insert(arena, at: free.firstIndex { $0.count > arena.count } ?? free.endIndex)
        }
    }
}
