import GPT2Kit
import Testing

/// Matrices for a test, kept alive by their arena.
package final class Scratch {
    private let (arena, room) = Arena.holding { $0.take(1, 1 << 20) }
    private var taken = 0
    private var generator: SeededGenerator

    package init(seed: UInt64 = 1) { generator = SeededGenerator(seed, "scratch") }

    package func zeros(_ rows: Int, _ columns: Int) -> Matrix {
        defer { taken += rows * columns }
        precondition(taken + rows * columns <= room.columns)
        return Matrix(base: room.base + taken, rows: rows, columns: columns)
    }

    package func normal(_ rows: Int, _ columns: Int, scale: Double = 1) -> Matrix {
        let matrix = zeros(rows, columns)
        for i in 0..<rows * columns { matrix.base[i] = Float(generator.normal() * scale) }
        return matrix
    }

    /// The slope of `value` at `x` along a random direction by central differences of fourth order, and along
    /// `gradient`.
    ///
    /// With a step of 0.02 the differences are good to about 1e-4 of the slope's scale: the float32 rounding of
    /// `value`, 1e-6, over the step; the scheme's own error is of the order of the step's fourth power.
    package func slopes(of x: Matrix, gradient: Matrix, value: () -> Double) -> (measured: Double, analytic: Double) {
        let count = x.rows * x.columns
        let direction = normal(x.rows, x.columns)
        let original = (0..<count).map { x.base[$0] }
        let step: Float = 0.02
        func shifted(_ steps: Float) -> Double {
            for i in 0..<count { x.base[i] = original[i] + steps * step * direction.base[i] }
            return value()
        }
        let measured =
            (8 * (shifted(1) - shifted(-1)) - (shifted(2) - shifted(-2))) / (12 * Double(step))
        for i in 0..<count { x.base[i] = original[i] }
        let analytic = (0..<count).reduce(0) { $0 + Double(gradient.base[$1]) * Double(direction.base[$1]) }
        return (measured, analytic)
    }
}

/// Σ weights · values, in double.
package func weighted(_ values: Matrix, _ weights: Matrix) -> Double {
    (0..<values.rows).reduce(0) { sum, row in
        (0..<values.columns).reduce(sum) { $0 + Double(values[row][$1]) * Double(weights[row][$1]) }
    }
}

package func expectEqual(_ slopes: (measured: Double, analytic: Double), _ what: String) {
    let scale = max(1, abs(slopes.analytic))
    #expect(
        abs(slopes.measured - slopes.analytic) < 2e-3 * scale,
        "\(what): measured \(slopes.measured), analytic \(slopes.analytic)"
    )
}

/// The largest difference of two lists of numbers.
package func largestDifference(_ a: some Sequence<Double>, _ b: some Sequence<Double>) -> Double {
    zip(a, b).map { abs($0 - $1) }.max() ?? .infinity
}
