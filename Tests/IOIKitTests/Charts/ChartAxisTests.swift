import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct ChartAxisTests {
    private typealias Row = IntervalChart.Row

    private func axis(_ values: [Double], references: [Double] = [], interval: Double = 0) -> ChartAxis {
        ChartAxis(
            rows: values.map { Row(label: "", value: $0, interval: $0 - interval...$0 + interval) },
            references: references
        )
    }

    /// The range without the margins of 3 %.
    private func bare(_ axis: ChartAxis) -> [Double] {
        let margin = (axis.range.upperBound - axis.range.lowerBound) * 0.03 / 1.06
        return [axis.range.lowerBound + margin, axis.range.upperBound - margin].map { ($0 * 1e6).rounded() / 1e6 }
    }

    @Test func numbersOfAnySizeHaveTicks() {
        let numbers = [
            0, 1, -1, .leastNonzeroMagnitude, -.leastNormalMagnitude, 1e-99, 1e16, 1 + 2e-16, 1e99, 1e300, -1e308,
            .infinity, .nan,
        ]
        for some in numbers {
            for other in numbers {
                let axis = ChartAxis(spanning: [some, other])
                #expect(axis.range.lowerBound < axis.range.upperBound)
                #expect(axis.ticks(atMost: 6).count <= 7)
            }
        }
    }

    @Test func everythingUsualIsShown() {
        #expect(bare(axis([10, 50, 90], references: [100], interval: 2)) == [8, 100])
        #expect(bare(axis([90, 91, 60], references: [100], interval: 1)) == [59, 100])
        #expect(bare(axis([-500, 90])) == [-500, 90])
        #expect(bare(axis([5], references: [100])) == [5, 100])
        #expect(bare(axis((0...47).map { Double($0) })) == [0, 47])
        // The middle 18 of 24 rows reach from 3 to 20, so that the others may reach to -31 and to 54.
        #expect(bare(axis((3...20).map { Double($0) } + [-31, -20, -1, 30, 40, 54])) == [-31, 54])
    }

    @Test func extremesDoNotSquashTheRest() {
        #expect(bare(axis([85, 90, -5000], references: [100], interval: 2)) == [83, 100])
        #expect(bare(axis((3...20).map { Double($0) } + [-32, -20, -1, 30, 40, 55])) == [-20, 40])
        // An interval's end counts as a value does.
        let wide = [Row(label: "", value: 3, interval: -1e6...4)]
        let rows = (0..<20).map { Row(label: "", value: Double($0)) }
        #expect(bare(ChartAxis(rows: rows + wide, references: [])) == [0, 19])
        let band = [Row(label: "", value: 3, band: -1e6 ... -30)]
        #expect(bare(ChartAxis(rows: rows + band, references: [])) == [-30, 19])
        // Whatever else is seen, the middle rows have a fifth of the axis.
        for far in [30.0, 50, 57, 58, 1e3, 1e9] {
            let range = axis((0..<16).map { Double($0) } + [far, -far]).range
            #expect(range.upperBound - range.lowerBound < 5 * 13 * 1.06 + 1e-9)
        }
    }

    @Test func allBandsAreInSight() {
        let rows = [87, 88, 87.5].map { Row(label: "", value: $0, interval: $0 - 3...$0 + 3, band: -50...60) }
        #expect(bare(ChartAxis(rows: rows, references: [100])) == [-50, 100])
    }

    @Test func thereIsAnAxisForAnyNumbers() {
        #expect(ChartAxis(rows: [], references: []).range == 0...1)
        #expect(axis([0]).range == -1...1)
        #expect(axis([-50, -50, -50]).range == -55 ... -45)
        #expect(bare(axis([5, 5, 5, 7])) == [5, 7])
        for value in [Double.nan, .infinity, -.infinity, 1e300] {
            let rows = [Row(label: "", value: value), Row(label: "", value: 1), Row(label: "", value: 2)]
            #expect(bare(ChartAxis(rows: rows, references: [value, 3])) == [1, 3])
        }
    }

    @Test func placesAreSharesOfTheAxis() {
        let axis = axis([0, 100])
        #expect(axis.range == -3...103)
        #expect(axis.place(50) == .inside(0.5))
        #expect(axis.place(-3) == .inside(0) && axis.place(103) == .inside(1))
        #expect(axis.place(-3.1) == .below && axis.place(.infinity) == .above)
        #expect(
            axis.stretch(50...200) == ChartAxis.Stretch(lower: 0.5, upper: 1, isCutBelow: false, isCutAbove: true)
        )
        #expect(
            axis.stretch(-9 ... -5) == ChartAxis.Stretch(lower: 0, upper: 0, isCutBelow: true, isCutAbove: false)
        )
    }

    @Test func ticksAreRound() {
        #expect(axis([0, 100]).ticks(atMost: 6).map(\.label) == ["0", "20", "40", "60", "80", "100"])
        #expect(axis([0, 100]).ticks(atMost: 5).map(\.label) == ["0", "50", "100"])
        #expect(
            axis([-0.31, 0.29]).ticks(atMost: 7).map(\.label) == ["-0.3", "-0.2", "-0.1", "0.0", "0.1", "0.2", "0.3"])
        #expect(axis([0.012, 0.018]).ticks(atMost: 4).map(\.label) == ["0.012", "0.014", "0.016", "0.018"])
        #expect(axis([-20_000, 150_000]).ticks(atMost: 5).map(\.label) == ["0", "50000", "100000", "150000"])
        for (low, high) in [(0.0, 1.0), (-7.3, 1234.5), (87.1, 87.2), (1e-9, 3e-9), (-1e12, 4e12), (21, 24)] {
            for count in 1...12 {
                let axis = axis([low, high])
                let ticks = axis.ticks(atMost: count)
                #expect(ticks.count <= count && (count < 5 || ticks.count > 1), "\(low) to \(high), \(count)")
                #expect(ticks.allSatisfy { axis.isInside($0.value) })
            }
        }
    }

    @Test func labelsThatTouchStandOnOtherLines() {
        #expect(ChartAxis.lines([0...10, 20...30, 5...12, 11...25, 26...40]) == [0, 0, 1, 2, 1])
        #expect(ChartAxis.lines([]) == [])
    }
}
