extension [String] {
    /// The items in lines of at most `width` characters, with `separator` and a blank between them. An item that is
    /// longer has a line of its own.
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
