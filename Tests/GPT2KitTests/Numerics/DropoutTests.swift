import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct DropoutTests {
    /// The mask of a place as factors of ones, [rows, columns].
    private func factors(
        rate: Double,
        step: Int = 1,
        _ place: Dropout.Place = .mlpOut,
        rows: Int = 40,
        columns: Int = 37,
        threads: Int = 2
    ) -> [Float] {
        let (arena, x) = Arena.holding { $0.take(rows, columns) }
        x.fill(1)
        Dropout(rate: rate, seed: 3, step: step).mask(place, layer: 2).apply(
            to: x, into: x, workers: Workers(count: threads)
        )
        return withExtendedLifetime(arena) { (0..<rows).flatMap { Array(x.row($0)) } }
    }

    @Test func valuesAreDroppedOrScaled() {
        for rate in [0.1, 0.3, 0.75] {
            let found = Set(factors(rate: rate))
            #expect(found == [0, Float(1 / (1 - rate))])
        }
        #expect(Set(factors(rate: 0)) == [1])
    }

    /// The share of zeros, and the mean of each value over steps, lie within five standard errors of what they should be.
    @Test func theExpectationIsNoDropout() {
        let (rate, steps) = (0.1, 400)
        var sums = [Double](repeating: 0, count: 40 * 37)
        var dropped = 0
        for step in 1...steps {
            for (index, factor) in factors(rate: rate, step: step).enumerated() {
                sums[index] += Double(factor)
                dropped += factor == 0 ? 1 : 0
            }
        }
        let draws = Double(steps * sums.count)
        #expect(abs(Double(dropped) / draws - rate) < 5 * (rate * (1 - rate) / draws).squareRoot())
        let error = (rate / (1 - rate) / Double(steps)).squareRoot()
        #expect(sums.allSatisfy { abs($0 / Double(steps) - 1) < 5 * error })
    }

    /// Of two masks with independent values, each agrees with the other in (1 − r)² + r² of them.
    @Test func stepsPlacesAndRowsHaveMasksOfTheirOwn() {
        let rate = 0.3
        let agreement = rate * rate + (1 - rate) * (1 - rate)
        let mask = factors(rate: rate, rows: 400)
        let shifted = Array(mask.dropFirst(37) + mask.prefix(37))
        let others = [
            factors(rate: rate, step: 2, rows: 400), factors(rate: rate, .attnOut, rows: 400), shifted,
            Array(mask.dropFirst() + mask.prefix(1)),
        ]
        let error = (agreement * (1 - agreement) / Double(mask.count)).squareRoot()
        for other in others {
            let equal = Double(zip(mask, other).count { $0 == $1 }) / Double(mask.count)
            #expect(abs(equal - agreement) < 5 * error)
        }
    }

    @Test func threadsDoNotMatter() {
        #expect(factors(rate: 0.3, threads: 1) == factors(rate: 0.3, threads: 3))
    }
}
