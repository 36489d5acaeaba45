/// The labels of a batch, row by row; a row that several prompts share may have several.
struct RowLabels {
    private let labels: [Int]
    /// Where each row's labels begin, and where the last ones end.
    private let starts: [Int]

    /// - Parameters:
    ///   - labels: in any order.
    ///   - rows: which of the `count` rows each is for.
    init(_ labels: [Int], rows: [Int], count: Int) {
        precondition(labels.count == rows.count, "\(labels.count) labels for \(rows.count) places")
        var starts = [Int](repeating: 0, count: count + 1)
        for row in rows { starts[row + 1] += 1 }
        for row in 0..<count { starts[row + 1] += starts[row] }
        var sorted = labels
        var next = starts
        for (label, row) in zip(labels, rows) {
            sorted[next[row]] = label
            next[row] += 1
        }
        self.labels = sorted
        self.starts = starts
    }

    subscript(row: Int) -> ArraySlice<Int> { labels[starts[row]..<starts[row + 1]] }
}
