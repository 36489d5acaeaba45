// Text of a fixed width, for charts in the terminal.

extension [String] {
    /// The items in lines of at most `width` characters, with `separator` and a space between items. A longer item gets a
    /// line of its own.
    package func lines(width: Int, separator: String = "") -> [String] {
        var lines: [String] = []
        for (index, item) in enumerated() {
            let item = index < count - 1 ? item + separator : item
            if let line = lines.last, line.count + 1 + item.count <= width {
                lines[lines.count - 1] += " " + item
            } else {
                lines.append(item)
            }
        }
        return lines
    }
}

extension String {
    /// The text padded on the left.
    func aligned(right width: Int) -> String {
        String(repeating: " ", count: max(width - count, 0)) + self
    }

    /// The text padded on the right.
    func aligned(left width: Int) -> String {
        self + String(repeating: " ", count: max(width - count, 0))
    }

    var trimmingTrailingSpaces: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
