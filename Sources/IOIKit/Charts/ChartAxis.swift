import Foundation

/// The range of numbers that a chart shows, and the place of a number in it.
struct ChartAxis: Equatable, Sendable {
    enum Place: Equatable {
        /// From 0 at the lower end to 1 at the upper.
        case inside(Double)
        case below, above
    }

    /// The visible part of a range, from 0 to 1; an end of the axis if the range lies beyond it.
    struct Stretch: Equatable {
        let lower, upper: Double
        /// Whether the range continues beyond the axis.
        let isCutBelow, isCutAbove: Bool
    }

    struct Tick: Equatable {
        let value: Double
        let label: String
    }

    let range: ClosedRange<Double>

    /// The axis of an ``IntervalChart``, whose documentation has the rule.
    init(rows: [IntervalChart.Row], references: [Double]) {
        let marks = rows.map { row in
            ([row.value] + [row.interval, row.band].compactMap { $0 }.flatMap { [$0.lowerBound, $0.upperBound] })
                .filter(Self.isDrawable)
        }.filter { !$0.isEmpty }
        let lows = marks.map { $0.min()! }.sorted()
        let highs = marks.map { $0.max()! }.sorted()
        let spared = marks.count < 3 ? 0 : max(marks.count / 8, 1)
        let middle = marks.isEmpty ? [] : [lows[spared], highs[marks.count - 1 - spared]]
        let needed = middle + references.filter(Self.isDrawable)
        guard var lower = needed.min(), var upper = needed.max() else {
            range = 0...1
            return
        }
        // If the middle rows are all equal, they set no limit and everything is shown.
        let most = lower == upper ? Double.infinity : (upper - lower) * (marks.count < 8 ? 10 : 2)
        let limits = (lower - most)...(upper + most)
        for mark in marks.joined() where limits.contains(mark) {
            lower = min(lower, mark)
            upper = max(upper, mark)
        }
        let margin = lower < upper ? 0.03 * (upper - lower) : lower == 0 ? 1 : 0.1 * abs(lower)
        range = lower - margin...upper + margin
    }

    /// An axis for all of these numbers, with a small margin.
    init(spanning values: [Double]) {
        self.init(rows: [], references: values)
    }

    /// Differences of larger numbers might not be finite, and smaller ones might leave an axis without length.
    private static func isDrawable(_ value: Double) -> Bool { value == 0 || 1e-100..<1e100 ~= abs(value) }

    func isInside(_ value: Double) -> Bool { range.contains(value) }

    func place(_ value: Double) -> Place {
        if value < range.lowerBound { return .below }
        return value > range.upperBound ? .above : .inside(share(value))
    }

    func stretch(_ other: ClosedRange<Double>) -> Stretch {
        Stretch(
            lower: share(other.lowerBound), upper: share(other.upperBound),
            isCutBelow: other.lowerBound < range.lowerBound, isCutAbove: other.upperBound > range.upperBound
        )
    }

    /// The place from 0 to 1; numbers beyond the axis are at its ends.
    func share(_ value: Double) -> Double {
        let value = min(max(value, range.lowerBound), range.upperBound)
        return (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    }

    /// The multiples of the smallest step among …, 0.1, 0.2, 0.5, 1, 2, 5, 10, … with at most `count` of them on the axis.
    func ticks(atMost count: Int) -> [Tick] {
        let length = range.upperBound - range.lowerBound
        var magnitude = floor(log10(length / Double(max(count, 1))))
        while true {
            for factor in [1.0, 2, 5] {
                let step = factor * pow(10, magnitude)
                let first = (range.lowerBound / step).rounded(.up)
                let last = (range.upperBound / step).rounded(.down)
                guard last - first < Double(max(count, 1)) else { continue }
                let decimals = max(0, Int(-magnitude))
                return stride(from: first, through: last, by: 1).map {
                    Tick(value: $0 * step, label: ($0 * step).fixed(decimals))
                }
            }
            magnitude += 1
        }
    }

    /// The line of each label, counted from 0 at the plot, so that no label covers an earlier one.
    ///
    /// - Parameter labels: the horizontal extent of each label.
    static func lines(_ labels: [ClosedRange<Double>]) -> [Int] {
        var lines: [Int] = []
        for (index, label) in labels.enumerated() {
            let taken = Set((0..<index).filter { labels[$0].overlaps(label) }.map { lines[$0] })
            lines.append((0...index).first { !taken.contains($0) }!)
        }
        return lines
    }
}
