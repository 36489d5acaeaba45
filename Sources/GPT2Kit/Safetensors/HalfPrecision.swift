/// Conversion of 16-bit numbers, as they lie in a file, to `Float`. Every value of both formats is exact in
/// it.
///
/// The loops have no branches and no calls, so that the compiler can vectorise them; `Float(Float16)` is a
/// call for each number on processors that may lack the instruction.
enum HalfPrecision {
    /// IEEE 754 binary16: 5 exponent bits of bias 15, 10 mantissa bits.
    static func widenF16(_ source: UnsafeRawPointer, into target: UnsafeMutableBufferPointer<Float>) {
        guard let out = target.baseAddress else { return }
        for index in 0..<target.count {
            let half = UInt32(source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
            let magnitude = half & 0x7fff
            // The exponent field moves from bias 15 to 127; for infinities and NaN it has to become all ones.
            let rebias: UInt32 = magnitude >= 0x7c00 ? 224 << 23 : 112 << 23
            let normal = magnitude << 13 &+ rebias
            // Below the normals a half is its mantissa times 2⁻²⁴.
            let subnormal = (Float(Int32(bitPattern: magnitude)) * 0x1p-24).bitPattern
            let bits = magnitude < 0x400 ? subnormal : normal
            out[index] = Float(bitPattern: bits | (half & 0x8000) << 16)
        }
    }

    /// bfloat16: the upper half of a `Float`.
    static func widenBF16(_ source: UnsafeRawPointer, into target: UnsafeMutableBufferPointer<Float>) {
        guard let out = target.baseAddress else { return }
        for index in 0..<target.count {
            let half = UInt32(source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
            out[index] = Float(bitPattern: half << 16)
        }
    }
}
