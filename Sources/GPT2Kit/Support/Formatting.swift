import Foundation

extension Double {
    /// The number with a fixed number of decimals. A value that rounds to zero has no sign.
    package func fixed(_ decimals: Int, isSigned: Bool = false) -> String {
        let text = String(format: "%\(isSigned ? "+" : "").\(decimals)f", self)
        let isZero = isFinite && !text.contains { ("1"..."9").contains($0) }
        return isZero ? String(text.drop { "+-".contains($0) }) : text
    }

    /// A time in seconds in words: "42 s", "3 min 05 s" or "2 h 10 min".
    package var duration: String {
        let whole = Int(rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(String(format: "%02d", whole % 60)) s" }
        return "\(whole / 3600) h \(String(format: "%02d", whole / 60 % 60)) min"
    }
}

extension String {
    /// The text in double quotes for an error message: shortened, with control characters escaped.
    package var quoted: String { shortened.debugDescription.visible }

    /// The text on one line, with every character escaped that a terminal would obey rather than show: control
    /// characters, line separators, and those that change the direction of writing.
    package var visible: String {
        guard unicodeScalars.contains(where: \.isObeyed) else { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case _ where !scalar.isObeyed: text.unicodeScalars.append(scalar)
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default: text += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
    }

    /// The text without its middle, if it has more than `limit` characters (Unicode scalars).
    package func shortened(to limit: Int) -> String {
        let scalars = unicodeScalars
        // Counting the bytes first spares most texts the walk.
        guard utf8.count > limit, scalars.count > limit else { return self }
        let (start, end) = (limit * 2 / 3, limit - 3 - limit * 2 / 3)
        return "\(String(scalars.prefix(start))) … \(String(scalars.suffix(end)))"
    }

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

    var shortened: String { unicodeScalars.count <= 80 ? self : String(unicodeScalars.prefix(80)) + "…" }
}

extension Unicode.Scalar {
    fileprivate var isObeyed: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format:
            [0x061C...0x061C, 0x200E...0x200F, 0x202A...0x202E, 0x2066...0x2069].contains { $0.contains(value) }
        default: false
        }
    }
}
