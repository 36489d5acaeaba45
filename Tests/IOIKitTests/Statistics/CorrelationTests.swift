import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct CorrelationTests {
    private let workers = Workers(count: 2)

    private func normal(_ stream: String, _ count: Int) -> [Double] {
        var generator = SeededGenerator(3, stream)
        return (0..<count).map { _ in generator.normal() }
    }

    @Test func isPearsons() {
        let (x, noise) = (normal("x", 200), normal("y", 200))
        for share in [-1.0, -0.3, 0, 0.5, 0.9] {
            let y = zip(x, noise).map { 7 + 40 * (share * $0 + (1 - abs(share)) * $1) }
            let estimate = Correlation.estimate(x.map { $0 / 1000 + 5 }, y, seed: 0, workers: workers)
            #expect(abs(estimate.value! - pearson(x, y)) < 1e-9)
            let interval = estimate.ci95!
            #expect(interval[0] <= estimate.value! + 1e-12 && estimate.value! <= interval[1] + 1e-12)
            // An interval of a correlation of 200 pairs is about 4 · (1 − ρ²) / √200 wide.
            let width = 4 * (1 - estimate.value! * estimate.value!) / 200.0.squareRoot()
            #expect(abs((interval[1] - interval[0]) - width) < 0.3 * width + 1e-12)
        }
    }

    @Test func rankCorrelationIsSpearmans() {
        // Few different values, so that many are equal.
        let x = normal("x", 144).map { ($0 * 4).rounded() }
        let y = zip(x, normal("y", 144)).map { (0.1 * $0 + $1).rounded() }
        func rank(_ value: Double, in all: [Double]) -> Double {
            let (less, equal) = (all.count { $0 < value }, all.count { $0 == value })
            return Double(less) + Double(equal + 1) / 2
        }
        let (ranksX, ranksY) = (x.map { rank($0, in: x) }, y.map { rank($0, in: y) })
        #expect(Correlation.ranks(x) == ranksX && Correlation.ranks(y) == ranksY)
        let estimate = Correlation.rankEstimate(x, y, seed: 1, workers: workers)
        #expect(abs(estimate.value! - pearson(ranksX, ranksY)) < 1e-9)
        #expect(estimate == Correlation.estimate(ranksX, ranksY, seed: 1, workers: workers))
        // Ranks do not see by how much.
        let cubes = Correlation.rankEstimate(x.map { $0 * $0 * $0 }, y, seed: 1, workers: workers)
        #expect(cubes == estimate)
        #expect(Correlation.rankEstimate(x, y.map { _ in .nan }, seed: 1, workers: workers).value == nil)
    }

    @Test func severalSeriesAreOneCloud() {
        let (a, b, c, d) = (normal("a", 30), normal("b", 30), normal("c", 30), normal("d", 30).map { $0 + 5 })
        let estimates = Correlation.estimates([[(a, b), (c, d)], [(a, c)]], seed: 0, workers: workers)
        #expect(abs(estimates[0].value! - pearson(a + c, b + d)) < 1e-12)
        #expect(abs(estimates[1].value! - pearson(a, c)) < 1e-12)
        // More pairs than are resampled together.
        let many = Correlation.estimates(
            (0..<300).map { [(a, b.map { $0 * Double(1) }), (c, d)] + ($0 % 2 == 0 ? [] : [(a, a)]) }, seed: 0,
            workers: workers
        )
        #expect(many.count == 300 && many[298] == estimates[0] && many[299] != estimates[0] && many[299] == many[1])
    }

    @Test func whatDoesNotVaryHasNone() {
        let y = normal("y", 20)
        #expect(Correlation.estimate(Array(repeating: 0.7, count: 20), y, seed: 0, workers: workers).value == nil)
        let rounding = (0..<20).map { Double(Float(1) / 3) * (1 + 3e-8 * Double($0 % 2)) }
        #expect(Correlation.estimate(rounding, y, seed: 0, workers: workers).value == nil)
        let little = (0..<20).map { 1.0 / 3 + 1e-5 * Double($0 % 3) }
        #expect(
            Correlation.estimate(little, little, seed: 0, workers: workers).value.map { abs($0 - 1) < 1e-6 } == true)
    }
}
