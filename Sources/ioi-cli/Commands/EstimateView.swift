import IOIKit

extension Estimate {
    /// The value with its interval, as in "3.21  [3.01, 3.40]".
    func text(_ digits: Int, suffix: String = "") -> String {
        guard value != nil else { return "undefined" }
        return cell(digits, suffix: suffix) + (ci95 == nil ? "" : "  \(interval(digits))")
    }

    /// The value alone.
    func cell(_ digits: Int, times factor: Double = 1, suffix: String = "", undefined: String = "·") -> String {
        value.map { decimal($0 * factor, digits) + suffix } ?? undefined
    }

    /// The interval alone; empty if there is none.
    func interval(_ digits: Int, times factor: Double = 1) -> String {
        ci95.map { "[\(decimal($0[0] * factor, digits)), \(decimal($0[1] * factor, digits))]" } ?? ""
    }

    /// The value and its interval, two cells of a table.
    func cells(_ digits: Int, times factor: Double = 1) -> [String] {
        [cell(digits, times: factor), interval(digits, times: factor)]
    }

    /// The mean and its interval in any format, two cells of a table.
    func cells(_ format: (Double) -> String) -> [String] {
        [format(mean), ci95.map { "[\(format($0[0])), \(format($0[1]))]" } ?? ""]
    }

    /// The value and its bounds, three fields of a line of CSV, empty where undefined.
    var csvFields: [String] { [value, recordedBounds?[0], recordedBounds?[1]].map(csvNumber) }
}

/// A number with all its digits; empty if there is none.
func csvNumber(_ number: Double?) -> String { number.map { "\($0)" } ?? "" }

/// A table of comma-separated values.
func csvTable(_ header: String, _ lines: [String]) -> String { ([header] + lines).map { $0 + "\n" }.joined() }
