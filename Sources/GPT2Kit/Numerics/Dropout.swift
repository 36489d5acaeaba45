import CKernels

/// Dropout (Srivastava et al. 2014) at the places of GPT-2: a value becomes 0 with probability `rate`, and is divided by
/// 1 − `rate` otherwise.
///
/// Whether a value is dropped depends on the seed, the step, the place and the value's row and column alone. So masks need
/// no memory, do not depend on the number of threads, and are the same in a resumed run.
package struct Dropout: Sendable {
    /// Where values are dropped.
    package enum Place: String, Sendable {
        /// The sum of token and position embeddings. [rows, d]
        case embedding
        /// Attention probabilities; a row for each query and head. [rows · heads, keys]
        case attention
        /// What attention adds to the residual stream. [rows, d]
        case attnOut
        /// What the MLP adds to the residual stream. [rows, d]
        case mlpOut
    }

    package let rate: Double
    private let seed: UInt64
    private let step: Int
    private let first: First

    /// Where a part of a batch begins in the whole batch: the rows before it, and those of them that continue in the last
    /// block.
    package struct First: Sendable {
        let rows, queries: Int

        package init(rows: Int, queries: Int) { (self.rows, self.queries) = (rows, queries) }
    }

    /// - Parameters:
    ///   - rate: the probability that a value is dropped, from 0, below 1.
    ///   - seed: the seed of the run.
    ///   - step: the step of the run; each has masks of its own.
    ///   - first: of a part of a batch, which has the masks of its rows in the whole batch.
    package init(rate: Double, seed: UInt64, step: Int, first: First = First(rows: 0, queries: 0)) {
        precondition((0..<1).contains(rate), "a dropout rate of \(rate)")
        self.rate = rate
        self.seed = seed
        self.step = step
        self.first = first
    }

    /// The mask of a place in a layer; embeddings are of layer 0.
    ///
    /// - Parameter isLast: whether it is the last layer, where the rows may be those of queries alone.
    package func mask(_ place: Place, layer: Int = 0, isLast: Bool = false) -> Mask {
        var generator = SeededGenerator(seed, "dropout \(place.rawValue) \(layer)", step)
        let isOfQueries = isLast && place != .embedding
        return Mask(key: generator.next(), rate: rate, firstRow: isOfQueries ? first.queries : first.rows)
    }

    /// Which values of a matrix are dropped.
    package struct Mask: Sendable {
        /// The two halves of the mask's key.
        private let low, high: UInt32
        /// A value is dropped if its number of 31 bits is smaller.
        private let threshold: UInt32
        /// 1 / (1 − rate)
        private let scale: Float
        /// The row, in the whole batch, of the first that the mask is applied to.
        let firstRow: Int

        fileprivate init(key: UInt64, rate: Double, firstRow: Int) {
            self.firstRow = firstRow
            low = UInt32(truncatingIfNeeded: key)
            high = UInt32(truncatingIfNeeded: key >> 32)
            threshold = UInt32(rate * 0x1p31)
            scale = Float(1 / (1 - rate))
        }

        /// `out` = `x` with its values dropped or scaled; `out` may be `x`. [n, m]
        package func apply(to x: Matrix, into out: Matrix, workers: Workers) {
            // About half a ns an element.
            workers.share(x.rows, nanoseconds: 0.5 * Double(x.columns)) { rows in
                for row in rows { apply(to: x[row], into: out[row], count: x.columns, row: firstRow + row) }
            }
        }

        /// The same for `count` values of one row of the whole batch.
        ///
        /// A row has eight generators, each for every eighth column: Marsaglia's xorshift (2003) of 32 bits, of which the
        /// highest 31 count. That of lane i starts at `mix(key of the row + i · 0x9e3779b9) | 1`, and the key of a row is
        /// `mix(low + mix(high + row))`. It takes shifts and xors alone, which the oldest vector units have.
        @inline(__always)
        func apply(
            to x: UnsafeMutablePointer<Float>,
            into out: UnsafeMutablePointer<Float>,
            count: Int,
            row: Int
        ) {
            let key = Self.mix(low &+ Self.mix(high &+ UInt32(truncatingIfNeeded: row)))
            var state = Self.mix(Self.lanes &+ SIMD8(repeating: key)) | 1
            withUnsafeMutableBytes(of: &state) { state in
                let state = state.assumingMemoryBound(to: UInt32.self).baseAddress
                kernels_drop(x, out, count, state, threshold, scale)
            }
        }

        private static let lanes = SIMD8<UInt32>(0, 1, 2, 3, 4, 5, 6, 7) &* 0x9e37_79b9

        /// A hash of 32 bits in which every bit of the input changes each bit of the output half of the time: two rounds
        /// of xor-shift and multiplication, with the constants that Wellons (2018) found by search.
        @inline(__always)
        private static func mix(_ value: UInt32) -> UInt32 {
            var x = value
            x = (x ^ (x >> 16)) &* 0x7feb_352d
            x = (x ^ (x >> 15)) &* 0x846c_a68b
            return x ^ (x >> 16)
        }

        @inline(__always)
        private static func mix(_ value: SIMD8<UInt32>) -> SIMD8<UInt32> {
            var x = value
            x = (x ^ (x &>> 16)) &* 0x7feb_352d
            x = (x ^ (x &>> 15)) &* 0x846c_a68b
            return x ^ (x &>> 16)
        }
    }
}
