extension String {
    /// The text as a field of CSV, quoted where RFC 4180 asks for it, on one line with control characters escaped. Text
    /// that a spreadsheet would take for a formula gets an apostrophe before it.
    package var csvField: String {
        let isFormula = first.map { "=+-@".contains($0) } == true && Double(self) == nil && count > 1
        let text = (isFormula ? "'" : "") + visible
        guard text.contains(where: { ",\"".contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
