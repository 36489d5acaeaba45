extension [String] {
    /// The first entry that stood before in the list.
    func firstRepeated() -> String? {
        var seen: Set<String> = []
        return first { !seen.insert($0).inserted }
    }
}
