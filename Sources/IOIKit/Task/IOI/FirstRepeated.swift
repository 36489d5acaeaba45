extension Array where Element: Hashable {
    /// The first entry that stood before in the list.
    func firstRepeated() -> Element? {
        var seen: Set<Element> = []
        return first { !seen.insert($0).inserted }
    }
}
