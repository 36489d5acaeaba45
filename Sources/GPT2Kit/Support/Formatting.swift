import Foundation

extension Double {
    /// The number with a fixed number of decimals. A value that rounds to zero has no sign.
    package func fixed(_ decimals: Int, isSigned: Bool = false) -> String {
        let text = String(format: "%\(isSigned ? "+" : "").\(decimals)f", self)
        let isZero = isFinite && !text.contains { ("1"..."9").contains($0) }
        return isZero ? String(text.drop { "+-".contains($0) }) : text
    }
}

extension String {
    /// The text in double quotes for an error message: shortened, with control characters escaped.
    package var quoted: String { shortened.debugDescription }

    /// The text as a JSON string.
    package var jsonLiteral: Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        // A string can always be encoded.
        return try! encoder.encode(self)
    }

    /// The text as one word of a shell command, quoted where needed.
    package var shellWord: String {
        let isPlain = !isEmpty && allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-,=+:@".contains($0)) }
        return isPlain ? self : "'" + replacing("'", with: "'\\''") + "'"
    }

    var shortened: String { count <= 80 ? self : prefix(80) + "…" }
}
