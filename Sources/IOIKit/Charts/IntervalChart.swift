/// A dot-and-whisker chart that compares figures, one per row, with their intervals and with the range expected by chance.
///
/// The axis covers the reference lines and the middle rows: all but the eighth that reaches lowest and the eighth that
/// reaches highest (at least one row at each end if there are three or more). For the other rows it extends by up to twice
/// that length to either side, or up to ten times with fewer than eight rows, which are too few to tell outliers. Anything
/// beyond is an arrow at the edge, with its figure in full.
public struct IntervalChart: Equatable, Sendable {
    public struct Row: Equatable, Sendable {
        public let label: String
        /// A value that is not finite is written as "not defined" and not drawn.
        public let value: Double
        /// nil if there is none, or the value is not finite.
        public let interval: ClosedRange<Double>?
        /// A range to compare the value with, such as the middle 90 % of a null distribution.
        public let band: ClosedRange<Double>?
        /// Text after the figure.
        public let note: String

        public init(
            label: String,
            value: Double,
            interval: ClosedRange<Double>? = nil,
            band: ClosedRange<Double>? = nil,
            note: String = ""
        ) {
            self.label = label
            self.value = value
            self.interval = value.isFinite ? interval : nil
            self.band = band
            self.note = note
        }
    }

    /// Rows under a heading.
    public struct Group: Equatable, Sendable {
        /// nil for none.
        public let heading: String?
        public let rows: [Row]

        public init(heading: String? = nil, rows: [Row]) {
            self.heading = heading
            self.rows = rows
        }
    }

    /// A vertical line.
    public struct Reference: Equatable, Sendable {
        public let value: Double
        public let label: String

        public init(value: Double, label: String) {
            self.value = value
            self.label = label
        }
    }

    public let title: String
    /// Below the title; empty for none.
    public let subtitle: String
    /// The label below the axis.
    public let axisLabel: String
    /// The unit after each value, such as "%"; empty for none.
    public let unit: String
    /// The decimals of each figure.
    public let decimals: Int
    /// The legend of the intervals.
    public let intervalLabel: String
    /// The legend of the bands.
    public let bandLabel: String
    /// Those with a finite value.
    public let references: [Reference]
    public let groups: [Group]

    public init(
        title: String,
        subtitle: String = "",
        axisLabel: String,
        unit: String = "",
        decimals: Int = 1,
        intervalLabel: String = "95 % interval",
        bandLabel: String = "",
        references: [Reference] = [],
        groups: [Group]
    ) {
        self.title = title
        self.subtitle = subtitle
        self.axisLabel = axisLabel
        self.unit = unit
        self.decimals = decimals
        self.intervalLabel = intervalLabel
        self.bandLabel = bandLabel
        self.references = references.filter(\.value.isFinite)
        self.groups = groups
    }

    /// The chart as a self-contained picture, with colours for light and dark surroundings.
    public var svg: String { IntervalChartSVG(self).document }

    /// The chart in lines of at most `width` characters. If labels, figures and a readable plot do not fit side by side,
    /// each label gets a line of its own. Titles, figures and notes are never cut, so their lines may be longer.
    ///
    /// - Parameters:
    ///   - isColoured: draws in the terminal's own colours with ANSI escape sequences.
    ///   - width: the width of a line, in characters.
    public func text(width: Int, isColoured: Bool) -> String {
        IntervalChartText(self, width: width).text(isColoured: isColoured)
    }

    var rows: [Row] { groups.flatMap(\.rows) }
    var axis: ChartAxis { ChartAxis(rows: rows, references: references.map(\.value)) }

    /// Such as "87.1 %".
    func valueText(_ row: Row) -> String {
        row.value.isFinite ? row.value.fixed(decimals) + (unit.isEmpty ? "" : " \(unit)") : "not defined"
    }

    /// Such as "[85.0, 89.2]"; empty without an interval.
    func boundsText(_ row: Row) -> String {
        row.interval.map { "[\($0.lowerBound.fixed(decimals)), \($0.upperBound.fixed(decimals))]" } ?? ""
    }
}
