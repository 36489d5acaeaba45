import Foundation

extension Double {
    /// The number with so many decimals. What is rounded to zero has no sign.
    package func fixed(_ decimals: Int, isSigned: Bool = false) -> String {
        let text = String(format: "%\(isSigned ? "+" : "").\(decimals)f", self)
        let isZero = isFinite && !text.contains { ("1"..."9").contains($0) }
        return isZero ? String(text.drop { "+-".contains($0) }) : text
    }
}
