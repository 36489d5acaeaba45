extension Array {
    /// The number of leading elements for which `isLeading` is true; it is false for all others.
    func leading(_ isLeading: (Element) -> Bool) -> Int {
        var range = 0..<count
        while !range.isEmpty {
            let middle = (range.lowerBound + range.upperBound) / 2
            range = isLeading(self[middle]) ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }
}

extension [Int] {
    /// The indices of the numbers in `range`; the array is ascending.
    func indices(within range: Range<Int>) -> Range<Int> {
        leading { $0 < range.lowerBound }..<leading { $0 < range.upperBound }
    }
}
