import COpenBLAS
import Foundation
import Synchronization

/// A factor of a matrix product: a matrix or its transpose.
package protocol Factor {
    var matrix: Matrix { get }
    var isTransposed: Bool { get }
    /// The same factor from another matrix of the same shape.
    func of(_ matrix: Matrix) -> Self
    /// The factor of some rows of the product, if it is the first.
    func rows(_ range: Range<Int>) -> Self
    /// The factor of some columns of the product, if it is the second.
    func columns(_ range: Range<Int>) -> Self
}

extension Matrix: Factor {
    package var matrix: Matrix { self }
    package var isTransposed: Bool { false }
    package func of(_ matrix: Matrix) -> Matrix { matrix }
    /// This matrix's transpose, as a factor.
    package var transposed: Transposed { Transposed(matrix: self) }
    package func rows(_ range: Range<Int>) -> Matrix { slice(rows: range) }
    package func columns(_ range: Range<Int>) -> Matrix { slice(columns: range) }
}

package struct Transposed: Factor {
    package let matrix: Matrix
    package var isTransposed: Bool { true }
    package func of(_ matrix: Matrix) -> Transposed { matrix.transposed }
    package func rows(_ range: Range<Int>) -> Transposed { matrix.slice(columns: range).transposed }
    package func columns(_ range: Range<Int>) -> Transposed { matrix.slice(rows: range).transposed }
}

/// Matrix products by the ``Backend`` of the workers; no other code calls one.
///
/// OpenBLAS's own threads spin after each call and take the cores from the workers, so every library is limited to one
/// thread, and each worker multiplies a block of the output. No sum is ever split, so the number of threads affects a
/// result only where the kernel treats the edges of a block differently.
package enum GEMM {
    private static let singleThreaded: Void = openblas_set_num_threads(1)
    /// What OpenBLAS maps for each thread that calls it at a time, as Debian builds it, in bytes.
    private static let bufferSize = 128 << 20
    private static let threadsWithRoom = Atomic(0)

    /// Makes OpenBLAS compute each call on the calling thread, and sees that it will get its buffers: it tries for ever
    /// where the system refuses them.
    static func prepareOpenBLAS() {
        singleThreaded
        let threads = Workers.mostThreads
        guard threadsWithRoom.load(ordering: .relaxed) < threads else { return }
        Arena.checkRoom(threads * bufferSize)
        threadsWithRoom.store(threads, ordering: .relaxed)
    }

    /// The name, version and kernel of OpenBLAS.
    static var openBLAS: String { String(cString: openblas_get_config()).trimmingCharacters(in: .whitespaces) }

    /// `c` [m, n] = alpha · `a` [m, k] · `b` [k, n] + beta · `c`, by the library and in the precision of `workers`.
    package static func multiply(
        _ a: some Factor,
        _ b: some Factor,
        into c: Matrix,
        alpha: Float = 1,
        beta: Float = 0,
        workers: Workers
    ) {
        let depth = a.isTransposed ? a.matrix.rows : a.matrix.columns
        precondition((a.isTransposed ? a.matrix.columns : a.matrix.rows) == c.rows, "rows of a product")
        precondition((b.isTransposed ? b.matrix.rows : b.matrix.columns) == c.columns, "columns of a product")
        precondition((b.isTransposed ? b.matrix.columns : b.matrix.rows) == depth, "inner sizes of a product")
        a.matrix.withParts(workers: workers) { left in
            b.matrix.withParts(workers: workers) { right in
                let (a, b) = (a.of(left), b.of(right))
                let grid = Grid(c, depth: depth, workers: workers)
                workers.share(grid.count) { blocks in
                    for block in blocks {
                        let (rows, columns) = grid[block]
                        call(
                            a.rows(rows), b.columns(columns), c.slice(rows: rows).slice(columns: columns), alpha, beta,
                            depth, workers
                        )
                    }
                }
            }
        }
    }

    private static func call(
        _ a: some Factor,
        _ b: some Factor,
        _ c: Matrix,
        _ alpha: Float,
        _ beta: Float,
        _ depth: Int,
        _ workers: Workers
    ) {
        switch workers.backend {
        case .oneDNN:
            OneDNN.shared!.multiply(a, b, into: c, alpha: alpha, beta: beta, depth: depth, precision: workers.precision)
        case .openBLAS:
            precondition(workers.precision == .fp32, "OpenBLAS multiplies single precision alone")
            prepareOpenBLAS()
            cblas_sgemm(
                CblasRowMajor, a.isTransposed ? CblasTrans : CblasNoTrans, b.isTransposed ? CblasTrans : CblasNoTrans,
                blasint(c.rows), blasint(c.columns), blasint(depth), alpha, a.matrix.base, blasint(a.matrix.stride),
                b.matrix.base, blasint(b.matrix.stride), beta, c.base, blasint(c.stride)
            )
        }
    }

    /// The blocks of an output [m, n] that workers multiply, row of blocks after row of blocks.
    struct Grid {
        /// The rows and columns of the output, and the numbers of blocks that they are cut into.
        private let rows, columns, down, across: Int

        var count: Int { down * across }

        /// Takes the grid with the least work for the worker that has the most: the products of its block, and the copy of
        /// its rows of one factor and its columns of the other that every kernel makes.
        init(_ c: Matrix, depth: Int, workers: Workers) {
            (rows, columns) = (c.rows, c.columns)
            let worth = c.rows * c.columns * depth / leastProducts
            let most = max(1, min(workers.count, worth))
            let (longest, widest) = (Self.pieces(c.rows), Self.pieces(c.columns))
            func work(_ down: Int) -> Int {
                let across = min(most / down, widest)
                let (height, width) = ((longest + down - 1) / down * grain, (widest + across - 1) / across * grain)
                return (height + copying) * (width + copying)
            }
            let down = (1...min(most, max(1, longest))).reversed().min { work($0) < work($1) } ?? 1
            (self.down, across) = (down, max(1, min(most / down, widest)))
        }

        subscript(block: Int) -> (rows: Range<Int>, columns: Range<Int>) {
            (Self.part(block / across, of: down, rows), Self.part(block % across, of: across, columns))
        }

        private static func pieces(_ size: Int) -> Int { (size + grain - 1) / grain }

        /// The `index`-th of `count` parts, which begin at multiples of the grain.
        private static func part(_ index: Int, of count: Int, _ size: Int) -> Range<Int> {
            func bound(_ index: Int) -> Int { min(size, pieces(size) * index / count * grain) }
            return bound(index)..<bound(index + 1)
        }
    }

    /// Blocks are multiples of this, but for the last.
    private static let grain = 32
    /// The work of copying one number of a factor, in multiply-adds.
    private static let copying = 64
    /// The multiply-adds that are worth waking a thread for: about ten microseconds.
    private static let leastProducts = 1_000_000
}
