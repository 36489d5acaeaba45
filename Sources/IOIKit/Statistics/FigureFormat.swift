/// How a figure is written for people.
public struct FigureFormat: Equatable, Sendable {
    /// The factor from the figure to the number that is written: 100 for shares, which are written in per cent.
    let scale: Double
    /// Written after the number, with its space.
    let unit: String
    let decimals: Int

    public static let number = number(decimals: 2)
    /// A share, from 0 to 1.
    public static let share = share(decimals: 1)
    /// A figure that is already in per cent.
    public static let percent = FigureFormat(scale: 1, unit: " %", decimals: 1)

    static func number(decimals: Int) -> FigureFormat { FigureFormat(scale: 1, unit: "", decimals: decimals) }
    static func share(decimals: Int) -> FigureFormat { FigureFormat(scale: 100, unit: " %", decimals: decimals) }

    /// - Returns: a dash for nil.
    func text(_ value: Double?) -> String { value.map { (scale * $0).fixed(decimals) + unit } ?? "–" }

    /// The bounds without their unit; empty for nil.
    func text(interval: [Double]?) -> String {
        interval.map { "[\((scale * $0[0]).fixed(decimals)), \((scale * $0[1]).fixed(decimals))]" } ?? ""
    }

    /// The value and its interval: two cells of a table.
    func cells(_ estimate: Estimate?) -> [String] { [text(estimate?.value), text(interval: estimate?.ci95)] }
}
