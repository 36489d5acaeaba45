/// y = (x − mean) / √(variance + ε) · γ + β, row by row.
package enum LayerNorm {
    /// What an element takes on one thread, in ns.
    private static let (forwardCost, restoreCost, backwardCost, sumCost) = (0.5, 0.2, 0.8, 0.3)

    /// `y` [n, d] from `x` [n, d], `gamma` [d] and `beta` [d]; `statistics` [n, 2] gets each row's mean and
    /// 1/√(variance + ε).
    ///
    /// - Parameter scales: rows [n, d] whose 1/√(variance + ε) is used in place of that of `x`.
    package static func forward(
        _ x: Matrix,
        gamma: Matrix,
        beta: Matrix,
        epsilon: Float,
        scales: Matrix? = nil,
        into y: Matrix,
        statistics: Matrix,
        workers: Workers
    ) {
        let d = x.columns
        workers.share(x.rows, nanoseconds: forwardCost * Double(d)) { rows in
            for row in rows {
                let mean = mean(x[row], d)
                let scaling = scales ?? x
                let centre = scales == nil ? mean : Self.mean(scaling[row], d)
                statistics[row][0] = mean
                statistics[row][1] = 1 / (variance(scaling[row], d, mean: centre) + epsilon).squareRoot()
                apply(statistics[row], to: x[row], d, gamma.base, beta.base, into: y[row])
            }
        }
    }

    /// The output `y` [n, d] of a forward pass again, bit for bit, from its input `x` [n, d] and `statistics` [n, 2].
    static func restore(
        _ x: Matrix,
        gamma: Matrix,
        beta: Matrix,
        statistics: Matrix,
        into y: Matrix,
        workers: Workers
    ) {
        workers.share(x.rows, nanoseconds: restoreCost * Double(x.columns)) { rows in
            for row in rows { apply(statistics[row], to: x[row], x.columns, gamma.base, beta.base, into: y[row]) }
        }
    }

    @inline(__always)
    private static func apply(
        _ statistics: UnsafePointer<Float>,
        to x: UnsafePointer<Float>,
        _ count: Int,
        _ gamma: UnsafePointer<Float>,
        _ beta: UnsafePointer<Float>,
        into y: UnsafeMutablePointer<Float>
    ) {
        let (mean, scale) = (statistics[0], statistics[1])
        forEachLanes(count) {
            y.setLanes($0, (x.lanes($0) - mean) * scale * gamma.lanes($0) + beta.lanes($0))
        } tail: {
            for i in $0 { y[i] = (x[i] - mean) * scale * gamma[i] + beta[i] }
        }
    }

    /// Adds to `dX` [n, d] the gradient that `dY` [n, d] implies, and overwrites `dGamma` [d] and `dBeta` [d] where they
    /// are wanted.
    package static func backward(
        _ dY: Matrix,
        x: Matrix,
        gamma: Matrix,
        statistics: Matrix,
        addingTo dX: Matrix,
        dGamma: Matrix?,
        dBeta: Matrix?,
        workers: Workers
    ) {
        let d = x.columns
        workers.share(x.rows, nanoseconds: backwardCost * Double(d)) { rows in
            for row in rows {
                let (x, dY, dX, gamma) = (x[row], dY[row], dX[row], gamma.base)
                let (mean, scale) = (statistics[row][0], statistics[row][1])
                let meanGradient =
                    sum(d) {
                        dY.lanes($0) * gamma.lanes($0)
                    } tail: {
                        dY[$0] * gamma[$0]
                    } / Float(d)
                let meanProduct =
                    sum(d) {
                        dY.lanes($0) * gamma.lanes($0) * ((x.lanes($0) - mean) * scale)
                    } tail: {
                        dY[$0] * gamma[$0] * ((x[$0] - mean) * scale)
                    } / Float(d)
                forEachLanes(d) {
                    let normalised = (x.lanes($0) - mean) * scale
                    let through = dY.lanes($0) * gamma.lanes($0) - meanGradient - normalised * meanProduct
                    dX.setLanes($0, dX.lanes($0) + through * scale)
                } tail: {
                    for i in $0 {
                        let normalised = (x[i] - mean) * scale
                        dX[i] += (dY[i] * gamma[i] - meanGradient - normalised * meanProduct) * scale
                    }
                }
            }
        }
        if let dBeta { dY.sumRows(into: dBeta, workers: workers) }
        guard let dGamma else { return }
        workers.share(d, grain: 64, nanoseconds: sumCost * Double(x.rows)) { columns in
            let dGamma = dGamma.base + columns.lowerBound
            dGamma.update(repeating: 0, count: columns.count)
            for row in 0..<x.rows {
                let (x, dY) = (x[row] + columns.lowerBound, dY[row] + columns.lowerBound)
                let (mean, scale) = (statistics[row][0], statistics[row][1])
                forEachLanes(columns.count) {
                    dGamma.setLanes($0, dGamma.lanes($0) + dY.lanes($0) * ((x.lanes($0) - mean) * scale))
                } tail: {
                    for i in $0 { dGamma[i] += dY[i] * ((x[i] - mean) * scale) }
                }
            }
        }
    }

    private static func mean(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
        sum(count) {
            x.lanes($0)
        } tail: {
            x[$0]
        } / Float(count)
    }

    private static func variance(_ x: UnsafePointer<Float>, _ count: Int, mean: Float) -> Float {
        sum(count) {
            let centred = x.lanes($0) - mean
            return centred * centred
        } tail: {
            (x[$0] - mean) * (x[$0] - mean)
        } / Float(count)
    }

    @inline(__always)
    private static func sum(_ count: Int, _ body: (Int) -> Lanes, tail: (Int) -> Float) -> Float {
        var lanes = Lanes.zero
        var rest: Float = 0
        forEachLanes(count) {
            lanes += body($0)
        } tail: {
            for i in $0 { rest += tail(i) }
        }
        return lanes.sum() + rest
    }
}
