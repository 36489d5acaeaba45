import CKernels

/// The pieces of a softmax over `count` floats.
package enum Softmax {
    /// −∞ for none.
    package static func maximum(_ x: UnsafePointer<Float>, count: Int) -> Float { kernels_maximum(x, count) }

    /// Σ exp(x − `shift`).
    ///
    /// - Parameter storing: whether the exponentials replace `x`.
    package static func sumOfExponentials(
        _ x: UnsafeMutablePointer<Float>,
        count: Int,
        minus shift: Float,
        storing: Bool
    ) -> Float {
        kernels_exponentials(x, count, shift, storing)
    }

    @inline(__always)
    static func scale(_ x: UnsafeMutablePointer<Float>, count: Int, by factor: Float) {
        forEachLanes(count) {
            x.setLanes($0, x.lanes($0) * factor)
        } tail: {
            for i in $0 { x[i] *= factor }
        }
    }

    /// Turns `d`, the gradient of a softmax's output `p`, into that of its input: p · (d − Σ p · d).
    @inline(__always)
    static func backward(_ p: UnsafePointer<Float>, _ d: UnsafeMutablePointer<Float>, count: Int) {
        var lanes = Lanes.zero
        var mean: Float = 0
        forEachLanes(count) {
            lanes += p.lanes($0) * d.lanes($0)
        } tail: {
            for i in $0 { mean += p[i] * d[i] }
        }
        mean += lanes.sum()
        forEachLanes(count) {
            d.setLanes($0, p.lanes($0) * (d.lanes($0) - mean))
        } tail: {
            for i in $0 { d[i] = p[i] * (d[i] - mean) }
        }
    }
}
