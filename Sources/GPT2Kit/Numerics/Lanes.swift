/// Eight floats at a time. Long sums run as eight parallel sums, which also keeps their rounding errors small.
package typealias Lanes = SIMD8<Float>

extension UnsafePointer<Float> {
    @inline(__always)
    func lanes(_ offset: Int) -> Lanes {
        UnsafeRawPointer(self + offset).loadUnaligned(as: Lanes.self)
    }
}

extension UnsafeMutablePointer<Float> {
    @inline(__always)
    package func lanes(_ offset: Int) -> Lanes {
        UnsafeRawPointer(self + offset).loadUnaligned(as: Lanes.self)
    }

    @inline(__always)
    package func setLanes(_ offset: Int, _ value: Lanes) {
        UnsafeMutableRawPointer(self + offset).storeBytes(of: value, as: Lanes.self)
    }
}

extension Lanes {
    /// The first `count` floats at `pointer`, then `padding`.
    @inline(__always)
    init(prefix count: Int, of pointer: UnsafePointer<Float>, padding: Float = 0) {
        self.init(repeating: padding)
        for lane in 0..<count { self[lane] = pointer[lane] }
    }

    /// e^x to within 2 units in the last place; 0 below −87.3, e^88 above 88, NaN for NaN.
    ///
    /// x = n·ln 2 + r with |r| ≤ ln 2 / 2. Adding 1.5·2²³ rounds x / ln 2 to the integer n and leaves it in the low
    /// bits, from where a shift makes it an exponent; e^r is its Taylor series to the seventh power.
    @inline(__always)
    func exponential() -> Lanes {
        // Not `clamped`, which would turn NaN into a number.
        let lowest = Lanes(repeating: -87.3)
        let x = self.replacing(with: 88, where: self .> 88).replacing(with: lowest, where: self .< lowest)
        let magic = Lanes(repeating: 12_582_912)
        let shifted = x * 1.442_695_04 + magic
        let n = shifted - magic
        let r = (x - n * 0.693_359_375) + n * 2.121_944_4e-4
        var series = r * (1 / 5040) + Lanes(repeating: 1 / 720)
        series = series * r + Lanes(repeating: 1 / 120)
        series = series * r + Lanes(repeating: 1 / 24)
        series = series * r + Lanes(repeating: 1 / 6)
        series = series * r + Lanes(repeating: 1 / 2)
        series = (series * r) * r + r + 1
        let exponent = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &<< 23
        let scaled = unsafeBitCast(unsafeBitCast(series, to: SIMD8<Int32>.self) &+ exponent, to: Lanes.self)
        return scaled.replacing(with: 0, where: self .< lowest)
    }
}

/// Calls `body` with the offset of each full group of eight in `0 ..< count`, then `tail` with the rest.
@inline(__always)
package func forEachLanes(_ count: Int, _ body: (Int) -> Void, tail: (Range<Int>) -> Void) {
    var offset = 0
    while offset + Lanes.scalarCount <= count {
        body(offset)
        offset += Lanes.scalarCount
    }
    if offset < count { tail(offset..<count) }
}
