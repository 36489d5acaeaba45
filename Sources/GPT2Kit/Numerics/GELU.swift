/// GPT-2's activation, `gelu_new`: ½x(1 + tanh u) with u = √(2/π)(x + 0.044715x³).
///
/// Computed as x·σ(2u), the same function, which stays accurate for negative x.
package enum GELU {
    private static let scale: Float = 0.797_884_560_802_865_4
    private static let cubic: Float = 0.044_715
    /// What an element takes on one thread, in ns.
    private static let (forwardCost, backwardCost) = (1.5, 2.0)

    /// `y` [n, m] from `x` [n, m].
    package static func forward(_ x: Matrix, into y: Matrix, workers: Workers) {
        let columns = x.columns
        workers.share(x.rows, nanoseconds: forwardCost * Double(columns)) { rows in
            for row in rows {
                let (x, y) = (x[row], y[row])
                forEachLanes(columns) {
                    y.setLanes($0, value(x.lanes($0)))
                } tail: {
                    let values = value(Lanes(prefix: $0.count, of: x + $0.lowerBound))
                    for i in $0 { y[i] = values[i - $0.lowerBound] }
                }
            }
        }
    }

    /// Turns `gradient` [n, m] from the gradient of y into that of `x` [n, m], and computes `y` [n, m] again, bit for bit
    /// and at no further cost, so that no forward pass need keep it.
    static func backward(_ gradient: Matrix, x: Matrix, restoring y: Matrix, workers: Workers) {
        let columns = x.columns
        workers.share(x.rows, nanoseconds: backwardCost * Double(columns)) { rows in
            for row in rows {
                let (x, y, gradient) = (x[row], y[row], gradient[row])
                forEachLanes(columns) {
                    let (value, slope) = valueAndSlope(x.lanes($0))
                    y.setLanes($0, value)
                    gradient.setLanes($0, gradient.lanes($0) * slope)
                } tail: {
                    let (values, slopes) = valueAndSlope(Lanes(prefix: $0.count, of: x + $0.lowerBound))
                    for i in $0 {
                        y[i] = values[i - $0.lowerBound]
                        gradient[i] *= slopes[i - $0.lowerBound]
                    }
                }
            }
        }
    }

    @inline(__always)
    private static func sigmoid(_ x: Lanes) -> Lanes { 1 / (1 + (-x).exponential()) }

    @inline(__always)
    private static func value(_ x: Lanes) -> Lanes {
        x * sigmoid(2 * scale * (x + cubic * x * x * x))
    }

    @inline(__always)
    private static func valueAndSlope(_ x: Lanes) -> (value: Lanes, slope: Lanes) {
        let s = sigmoid(2 * scale * (x + cubic * x * x * x))
        return (x * s, s + x * s * (1 - s) * (2 * scale) * (1 + 3 * cubic * x * x))
    }
}
