/// A chart of dots with whiskers: figures that are to be compared, a row for each, with their intervals and with the
/// range that each would have by chance.
///
/// The axis covers the reference lines and what the middle rows need: all but the eighth that reaches lowest and the
/// eighth that reaches highest (at least one row at each end where there are three or more). For the others it goes on
/// by up to twice that length to either side, up to ten times with fewer than eight rows, which are too few to tell
/// what is usual. What lies beyond is drawn as an arrow at the edge; its figure stands beside it in full.
public struct IntervalChart: Equatable, Sendable {
    public struct Row: Equatable, Sendable {
        public let label: String
        /// One that is not finite is written as "not defined" and not drawn.
        public let value: Double
        /// nil where there is none, and where the value is not finite.
        public let interval: ClosedRange<Double>?
        /// A range to compare the value with, such as the middle 90 % of a null distribution.
        public let band: ClosedRange<Double>?
        /// Words behind the figure.
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

    /// Rows that belong together.
    public struct Group: Equatable, Sendable {
        /// Above the rows; nil for none.
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
    /// What the numbers are, below the axis.
    public let axisLabel: String
    /// Behind each value, such as "%"; empty for none.
    public let unit: String
    /// Of the figures.
    public let decimals: Int
    /// What the rows' intervals are, for the legend.
    public let intervalLabel: String
    /// What the rows' bands are, for the legend.
    public let bandLabel: String
    /// Those whose value is finite.
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

    /// The chart as a picture of its own: no fonts, scripts or styles from elsewhere, colours for light and for dark
    /// surroundings as the reader prefers.
    public var svg: String { IntervalChartSVG(self).document }

    /// The chart in lines of at most `width` characters. Where labels, figures and a readable plot do not fit side by
    /// side, each label has a line of its own; titles, figures and notes are never cut, and may make lines longer.
    ///
    /// - Parameter isColoured: draws in the terminal's own colours by ANSI escape sequences.
    public func text(width: Int, isColoured: Bool) -> String {
        IntervalChartText(self, width: width).text(isColoured: isColoured)
    }

    var rows: [Row] { groups.flatMap(\.rows) }
    var axis: ChartAxis { ChartAxis(rows: rows, references: references.map(\.value)) }

    /// Such as "87.1 %".
    func valueText(_ row: Row) -> String {
        row.value.isFinite ? row.value.fixed(decimals) + (unit.isEmpty ? "" : " \(unit)") : "not defined"
    }

    /// Such as "[85.0, 89.2]"; empty where there is no interval.
    func boundsText(_ row: Row) -> String {
        row.interval.map { "[\($0.lowerBound.fixed(decimals)), \($0.upperBound.fixed(decimals))]" } ?? ""
    }
}
