/// The pieces of a softmax over `count` floats.
enum Softmax {
    @inline(__always)
    static func maximum(_ x: UnsafePointer<Float>, count: Int) -> Float {
        var lanes = Lanes(repeating: -.infinity)
        var largest = -Float.infinity
        forEachLanes(count) {
            let values = x.lanes($0)
            lanes.replace(with: values, where: values .> lanes)
        } tail: {
            for i in $0 { largest = max(largest, x[i]) }
        }
        return max(largest, lanes.max())
    }

    /// Σ exp(x − `shift`).
    ///
    /// - Parameter storing: whether the exponentials replace `x`.
    @inline(__always)
    static func sumOfExponentials(
        _ x: UnsafeMutablePointer<Float>,
        count: Int,
        minus shift: Float,
        storing: Bool
    ) -> Float {
        var lanes = Lanes.zero
        forEachLanes(count) {
            let values = (x.lanes($0) - shift).exponential()
            if storing { x.setLanes($0, values) }
            lanes += values
        } tail: {
            let rest = Lanes(prefix: $0.count, of: x + $0.lowerBound, padding: -.infinity)
            let values = (rest - shift).exponential()
            if storing { for i in $0 { x[i] = values[i - $0.lowerBound] } }
            lanes += values
        }
        return lanes.sum()
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
