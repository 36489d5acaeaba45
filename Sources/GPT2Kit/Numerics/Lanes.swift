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
    /// The first `count` floats at `pointer`, then zeros.
    @inline(__always)
    init(prefix count: Int, of pointer: UnsafePointer<Float>) {
        self = .zero
        for lane in 0..<count { self[lane] = pointer[lane] }
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
